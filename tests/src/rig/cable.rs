//! A host's network cable, pulled at the switch: unlike [`Node::cut`] not even ARP passes, and the host's own interface
//! stays up, as it does behind a broken switch.

use std::fs;
use std::path::{Path, PathBuf};

use super::process::Program;
use super::{Node, RigError};

/// Out of the switch until dropped.
#[derive(Debug)]
pub struct Unplugged {
    port: String,
    switch: String,
}

impl Unplugged {
    /// Pulls the cable.
    pub fn pull(node: &Node) -> Result<Self, RigError> {
        let index = node.read_file("/sys/class/net/eth0/iflink")?;
        let missing = |what| RigError::Unreadable { what, text: index.trim().to_owned() };
        let port = port(index.trim()).ok_or_else(|| missing("the host's port at the switch"))?;
        let master = fs::read_link(port.join("master")).ok();
        let switch = master.and_then(|path| name(&path)).ok_or_else(|| missing("the switch of the host"))?;
        let port = name(&port).ok_or_else(|| missing("the host's port at the switch"))?;
        Program::new("ip").args(["link", "set", &port, "nomaster"]).run()?;
        Ok(Self { port, switch })
    }
}

impl Drop for Unplugged {
    /// Puts it back; a host that was removed meanwhile has no cable.
    fn drop(&mut self) {
        let _ = Program::new("ip").args(["link", "set", &self.port, "master", &self.switch]).run();
    }
}

/// This machine's interface with that number.
fn port(index: &str) -> Option<PathBuf> {
    let interfaces = fs::read_dir("/sys/class/net").ok()?.flatten().map(|entry| entry.path());
    let has_index =
        |path: &PathBuf| fs::read_to_string(path.join("ifindex")).is_ok_and(|found| found.trim() == index);
    interfaces.into_iter().find(has_index)
}

fn name(path: &Path) -> Option<String> {
    path.file_name()?.to_str().map(str::to_owned)
}
