//! OMS's config.yaml, every key typed (OMS manual; research/oms.md 2.1). One value per region: nothing in the file
//! differs between the hosts of a region.

use std::collections::BTreeMap;
use std::net::IpAddr;

use omsctl_proto::Secret;

use crate::problem::Place;

/// What config.yaml and the region's group variables say.
#[derive(Debug, Clone)]
pub struct OmsConfig {
    pub meta: MetaDbLogin,
    /// `drc_rm_db`, the console's database; the same in all regions.
    pub rm_db: String,
    /// `drc_cm_db`; the same in all regions.
    pub cm_db: String,
    /// `drc_cm_heartbeat_db`; another one in each region.
    pub heartbeat_db: String,
    pub cm_url: CmUrl,
    /// 0 to 127, unique, never changed after initialisation.
    pub cm_location: u8,
    pub cm_region: Option<String>,
    pub cm_region_cn: Option<String>,
    /// True for exactly one region.
    pub is_default: bool,
    /// `cm_nodes` as the file lists it; what is rendered comes from the inventory.
    pub listed_nodes: Option<Vec<IpAddr>>,
    /// Where the list stands, so that the planner can name it when an address turns out to be nobody's.
    pub listed_nodes_place: Option<Place>,
    pub tsdb: Tsdb,
    pub ports: OmsPorts,
    /// Keys that OMS has and omsctl does nothing with (`drc_user`, `apsara_audit_sls_*`), as typed.
    pub extra: BTreeMap<String, Secret>,
}

/// How OMS logs in to its MetaDB.
#[derive(Debug, Clone)]
pub struct MetaDbLogin {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Secret,
}

/// `cm_url`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CmUrl {
    /// As typed.
    pub text: String,
    pub scheme: Scheme,
    /// Without the brackets of an IPv6 address.
    pub host: String,
    /// As written; see [`Self::port_or_default`].
    pub port: Option<u16>,
}

impl CmUrl {
    /// The port that is written, else that of the scheme.
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        })
    }
}

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// The time series database that OMS reports its figures to.
#[derive(Debug, Clone, Default)]
pub struct Tsdb {
    /// `None` when the key is not written; OMS then takes false.
    pub enabled: Option<bool>,
    pub service: Option<TsdbService>,
    /// `address:port` without a scheme.
    pub url: Option<String>,
    pub username: Option<String>,
    pub password: Option<Secret>,
}

impl Tsdb {
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(false)
    }
}

/// `tsdb_service`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TsdbService {
    Influxdb,
    Ceresdb,
}

impl TsdbService {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Influxdb => "INFLUXDB",
            Self::Ceresdb => "CERESDB",
        }
    }
}

/// A port and whether the operator wrote it; a default is not rendered, since OMS before 4.2.2 lacks the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfiguredPort {
    pub number: u16,
    pub given: bool,
}

/// The ports of OMS's services on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OmsPorts {
    /// Console back end, 8090.
    pub ghana: ConfiguredPort,
    /// Console and `/oms/health`, 8089.
    pub nginx: ConfiguredPort,
    /// Cluster manager, 8088.
    pub cm: ConfiguredPort,
    /// Agent of OMS on each host, 9000.
    pub supervisor: ConfiguredPort,
    /// sshd in the container, 2023.
    pub sshd: ConfiguredPort,
}
