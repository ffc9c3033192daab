//! SSH identities of an instance: a key that the hosts know, one that they do not, and what the hosts' keys are.

use std::fmt::Write;

use super::layout::{read, write_private};
use super::process::Program;
use super::{Layout, Node, RigError};

/// The key that every user of every host lets in.
pub(super) const KEY: &str = "id_ed25519";
/// A key that nobody lets in.
pub(super) const WRONG_KEY: &str = "id_ed25519_wrong";

/// Makes both keys once; answers the public half of the good one.
pub(super) fn ensure(layout: &Layout) -> Result<String, RigError> {
    for name in [KEY, WRONG_KEY] {
        let path = layout.state.join(name);
        if !path.exists() {
            Program::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "omsctl-rig", "-f"])
                .args([&path])
                .run()?;
        }
    }
    read(&layout.state.join(KEY).with_extension("pub"))
}

/// Writes `known_hosts` and `ssh_config` for the hosts; `public` holds each host's public host keys, one a line.
pub(super) fn write_client_files(layout: &Layout, nodes: &[(Node, String)]) -> Result<(), RigError> {
    let mut known = String::new();
    let mut config = format!(
        "# Written by `cargo rig`: ssh -F {}/ssh_config node1\nHost *\n  User root\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
         UserKnownHostsFile {}\n  StrictHostKeyChecking yes\n  ConnectTimeout 10\n  LogLevel ERROR\n",
        layout.state.display(),
        layout.state.join(KEY).display(),
        layout.state.join("known_hosts").display(),
    );
    for (node, public) in nodes {
        known.push_str(&known_lines(node.name(), node.address(), public));
        // Writing to a String does not fail.
        let _ = writeln!(config, "Host {}\n  HostName {}", node.name(), node.address());
    }
    write_private(&layout.state.join("known_hosts"), &known)?;
    write_private(&layout.state.join("ssh_config"), &config)
}

fn known_lines(name: &str, address: &str, public: &str) -> String {
    let keys = public.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    });
    keys.map(|(kind, key)| format!("{address},{name} {kind} {key}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hosts_names_address_and_host() {
        let public = "ssh-ed25519 AAAA root@node1\n\nssh-rsa BBBB root@node1\n";
        let expected = "10.77.1.11,node1 ssh-ed25519 AAAA\n10.77.1.11,node1 ssh-rsa BBBB\n";
        assert_eq!(known_lines("node1", "10.77.1.11", public), expected);
    }
}
