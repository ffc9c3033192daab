//! One OMS host: how to reach it and what shall run on it. Values that the inventory does not give are `None`, so
//! that `ssh_config` can fill them.

use std::net::IpAddr;
use std::path::PathBuf;

use omsctl_proto::{NodeName, Secret};

use super::RegionName;

/// One OMS host.
#[derive(Debug, Clone)]
pub struct Host {
    pub name: NodeName,
    pub region: RegionName,
    /// False when `--limit` leaves the host out.
    pub selected: bool,
    pub connection: Connection,
    pub settings: HostSettings,
}

/// How the controller reaches a host: Ansible's connection variables.
#[derive(Debug, Clone)]
pub struct Connection {
    /// `ansible_host`, else the name in the inventory. May be an alias of `ssh_config`.
    pub address: String,
    /// `ansible_port`, else 22.
    pub port: u16,
    /// False when [`Self::port`] is only the default.
    pub port_given: bool,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub private_key_file: Option<PathBuf>,
    /// `ansible_ssh_common_args`, split as a shell would.
    pub common_args: Vec<String>,
    /// `ansible_ssh_extra_args`, split as a shell would.
    pub extra_args: Vec<String>,
    pub r#become: Become,
    pub method: ConnectionMethod,
}

/// One host by its name, and how to reach it.
#[derive(Debug, Clone)]
pub struct ConnectTo {
    pub name: NodeName,
    /// False for the host of the time-series database, when it is none of OMS.
    pub runs_oms: bool,
    pub connection: Connection,
}

/// Whether and as whom privileges are raised.
#[derive(Debug, Clone, Default)]
pub struct Become {
    /// `ansible_become`; `None` when the inventory is silent.
    pub enabled: Option<bool>,
    pub user: Option<String>,
    pub password: Option<Secret>,
}

/// `ansible_connection`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionMethod {
    Ssh,
    /// The bastion itself.
    Local,
}

/// The deployment variables of a host (`oms_*`), with their defaults.
#[derive(Debug, Clone)]
pub struct HostSettings {
    pub image: ImageSource,
    /// For the registry of an image that is pulled; without it the host's own log-ins count.
    pub registry: Option<RegistryLogin>,
    pub container_name: String,
    pub mount: MountPaths,
    /// Only what was written; the default needs facts of the host.
    pub oms_host_ip: Option<IpAddr>,
    pub https: Option<HttpsFiles>,
    pub init_by: InitBy,
    pub init_order: InitOrder,
    /// Docker's restart policy; none by default, as OMS documents.
    pub restart_policy: Option<String>,
    pub virtual_ip: VirtualIp,
    /// `None`: an ephemeral port.
    pub relay_port: Option<u16>,
}

/// Where the OMS image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// A file on the bastion that exists: tar, tar.gz or tar.zst.
    Archive(PathBuf),
    /// A reference that the host's Docker can pull.
    Reference(String),
}

/// What a private registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryLogin {
    pub user: String,
    pub password: Secret,
}

/// Absolute paths on the host that are mounted into the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountPaths {
    pub logs: PathBuf,
    pub store: PathBuf,
    pub run: PathBuf,
    pub config_file: PathBuf,
    pub https_crt: PathBuf,
    pub https_key: PathBuf,
}

/// Certificate and key on the bastion; both exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Who runs OMS's initialisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitBy {
    /// `script`: omsctl runs `docker_init.sh` in the container.
    Script,
    /// `self`: the image does it by itself (4.2.11 and later).
    Image,
    /// `auto`: the tag of the image decides.
    Auto,
}

/// How the hosts follow each other in the initialisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitOrder {
    /// Only the schema step is one at a time.
    Staggered,
    /// One host after another.
    Sequential,
}

/// The address behind which the CM nodes stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VirtualIp {
    None,
    /// Somebody else moves it; omsctl only checks it.
    External {
        address: Option<IpAddr>,
    },
    /// keepalived beside the container.
    Keepalived {
        address: IpAddr,
        prefix_length: u8,
        interface: Option<String>,
        router_id: u8,
    },
}

/// The time-series database that omsctl shall run.
#[derive(Debug, Clone)]
pub struct TsdbServer {
    /// An inventory name; it may be an OMS host too.
    pub host: NodeName,
    pub connection: Connection,
    /// False when `--limit` leaves the host out.
    pub selected: bool,
    /// A file on the bastion that exists.
    pub archive: PathBuf,
    pub container_name: String,
    /// The folder on the host that holds everything of it.
    pub data: PathBuf,
    /// Docker's restart policy.
    pub restart_policy: Option<String>,
    /// That of `tsdb_url`.
    pub port: u16,
    pub username: String,
    pub password: Secret,
}
