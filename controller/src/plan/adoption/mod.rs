//! Hosts on which OMS was set up by hand, or by another tool, become an inventory and a config.yaml: `omsctl adopt`. Pure,
//! as all of `plan/`: what was seen goes in, texts or reasons to refuse come out. Writes nothing and asks nobody.
//!
//! 1. [`find_container`] says which container of a host is OMS's; [`look_for`], [`look_at`] and [`look_into`] say what
//!    has to be looked at before and after.
//! 2. [`Reading::of`] reads the hosts' files and lays them beside each other; [`Reading::metadb`] says whom to ask.
//! 3. [`Reading::adopt`] tells what is missing, or makes the texts.

mod clashes;
mod container;
mod inventory;
mod members;
mod reading;
mod variables;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use omsctl_proto::{Facts, NodeName, Secret};
use serde::Serialize;

pub use container::{find_container, look_at, look_for, look_into};
pub use reading::Reading;

/// One host as it was seen, asked for its container.
#[derive(Debug, Clone)]
pub struct SeenHost {
    pub node: NodeName,
    /// What was typed about the way to it, as variables of Ansible; empty when an inventory knows.
    pub connection: Vec<(&'static str, String)>,
    /// By what it is reached: a name, an address, an alias of `ssh_config`.
    pub reached_at: String,
    /// The name of OMS's container there.
    pub container: String,
    /// As [`look_into`] asks.
    pub facts: Facts,
}

/// What to write, and what to tell.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// Holds a secret only where regions differ in one.
    pub inventory: Secret,
    pub config: Secret,
    /// Certificates and keys: names in the folder, and texts.
    pub certificates: Vec<(String, Secret)>,
    pub hosts: Vec<AdoptedHost>,
    pub warnings: Vec<String>,
}

/// One host of the new inventory, for `--format json` too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdoptedHost {
    pub node: NodeName,
    /// `OMS_HOST_IP`.
    pub address: Option<IpAddr>,
    /// The group of its region; `None` when there is one region.
    pub region: Option<String>,
    pub container: String,
    pub image: String,
    pub running: bool,
}

/// The name under which a certificate or key is written, by the host when hosts have different ones.
pub fn certificate_file(node: Option<&NodeName>, kind: &str) -> String {
    node.map_or_else(|| format!("https.{kind}"), |node| format!("https-{node}.{kind}"))
}
