//! The deployment as the operator wants it: valid by construction, since only [`crate::load`] makes it. Data only,
//! no file access and no decisions.

mod deployment;
mod host;
mod oms_config;

pub use deployment::{Deployment, Region, RegionName};
pub use host::{
    Become, ConnectTo, Connection, ConnectionMethod, Host, HostSettings, HttpsFiles, ImageSource, InitBy,
    InitOrder, MountPaths, RegistryLogin, TsdbServer, VirtualIp,
};
pub use oms_config::{CmUrl, ConfiguredPort, MetaDbLogin, OmsConfig, OmsPorts, Scheme, Tsdb, TsdbService};
