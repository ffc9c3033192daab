//! The whole of it: hosts and regions.

use std::fmt;
use std::net::IpAddr;

use omsctl_proto::NodeName;

use super::{Host, OmsConfig, TsdbServer};

/// Everything that the files say, resolved.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The OMS hosts: those of the default region first, then in inventory order.
    pub hosts: Vec<Host>,
    /// At least one; the default region first.
    pub regions: Vec<Region>,
    /// When omsctl shall run it.
    pub tsdb: Option<TsdbServer>,
}

impl Deployment {
    /// The host of the time-series database, when it is no OMS host.
    pub fn tsdb_alone(&self) -> Option<&TsdbServer> {
        self.tsdb.as_ref().filter(|tsdb| self.host(&tsdb.host).is_none())
    }

    /// Everything that is connected to: OMS hosts, then the host of the time-series database.
    pub fn names(&self) -> impl Iterator<Item = &NodeName> {
        self.hosts.iter().map(|host| &host.name).chain(self.tsdb_alone().map(|tsdb| &tsdb.host))
    }

    /// Those of [`Self::names`] that `--limit` selects.
    pub fn selected_names(&self) -> impl Iterator<Item = &NodeName> {
        let hosts = self.hosts.iter().filter(|host| host.selected).map(|host| &host.name);
        hosts.chain(self.tsdb_alone().filter(|tsdb| tsdb.selected).map(|tsdb| &tsdb.host))
    }

    /// The host of that name.
    pub fn host(&self, name: &NodeName) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == *name)
    }

    /// The region of that name.
    pub fn region(&self, name: &RegionName) -> Option<&Region> {
        self.regions.iter().find(|region| region.name == *name)
    }
}

/// The hosts that share one config.yaml.
#[derive(Debug, Clone)]
pub struct Region {
    pub name: RegionName,
    pub config: OmsConfig,
    /// In inventory order; never shortened by `--limit`.
    pub hosts: Vec<NodeName>,
}

impl Region {
    /// Addresses that `cm_nodes` of the file lists and that none of the region's hosts turned out to have. Loading
    /// has told those that were certain; the rest can be told only once the hosts have been asked.
    pub fn unexplained_nodes(&self, node_addresses: &[IpAddr]) -> Vec<IpAddr> {
        let listed = self.config.listed_nodes.iter().flatten();
        listed.filter(|address| !node_addresses.contains(address)).copied().collect()
    }
}

/// The name of the group that makes a region, or `default`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionName(String);

impl RegionName {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RegionName {
    fn default() -> Self {
        Self::new("default")
    }
}

impl fmt::Display for RegionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}
