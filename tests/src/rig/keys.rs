//! SSH identities of an instance: a key that the hosts know, one that they do not, and what the hosts' keys are.

use std::fmt::Write;

use std::path::PathBuf;

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

/// A certificate for HTTPS and its key, signed by itself, made once.
pub(super) fn certificate(layout: &Layout, address: &str) -> Result<(PathBuf, PathBuf), RigError> {
    let (certificate, key) = (layout.state.join("oms_server.crt"), layout.state.join("oms_server.key"));
    if !certificate.exists() {
        Program::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=oms"])
            .args(["-addext", &format!("subjectAltName=IP:{address}")])
            .args(["-keyout".as_ref(), key.as_os_str(), "-out".as_ref(), certificate.as_os_str()])
            .run()?;
    }
    Ok((certificate, key))
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
    let mut lines = String::new();
    for line in public.lines() {
        let mut words = line.split_whitespace();
        if let (Some(kind), Some(key)) = (words.next(), words.next()) {
            // Writing to a String does not fail.
            let _ = writeln!(lines, "{address},{name} {kind} {key}");
        }
    }
    lines
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
