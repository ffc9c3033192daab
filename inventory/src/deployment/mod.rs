//! From a loaded inventory and config.yaml to a [`crate::Deployment`]: the variables that omsctl understands, with
//! their defaults, and the regions. Every problem is gathered; nothing is contacted.

mod addresses;
mod connection;
mod regions;
mod resolve;
mod settings;
mod tsdb;
mod variables;
mod virtual_ip;

pub(crate) use resolve::{connections, resolve};
