//! What an operator would have written for the rig: `inventory.ini` and `config.yaml`.

use std::fmt::Write;
use std::path::PathBuf;

use super::keys::KEY;
use super::layout::{Layout, write_private};
use super::{META_PASSWORD, META_USER, MetaDbServer, Node, RigError};

/// A host line of the inventory.
#[derive(Debug, Clone)]
pub struct HostLine {
    /// The host's name.
    pub name: String,
    /// Variables on the line, in order.
    pub variables: Vec<(String, String)>,
}

impl HostLine {
    /// The line that `cargo rig up` writes: name and address.
    pub fn of(node: &Node) -> Self {
        Self {
            name: node.name().to_owned(),
            variables: vec![("ansible_host".to_owned(), node.address().to_owned())],
        }
    }
}

/// Variables of all hosts that `cargo rig up` writes: log-in as root with the rig's key, the image archive.
pub(super) fn default_variables(layout: &Layout, archive: &str) -> Vec<(String, String)> {
    let known = layout.state.join("known_hosts");
    [
        ("ansible_user", "root".to_owned()),
        ("ansible_ssh_private_key_file", layout.state.join(KEY).display().to_string()),
        (
            "ansible_ssh_common_args",
            format!("-o UserKnownHostsFile={} -o IdentitiesOnly=yes", known.display()),
        ),
        ("oms_image_archive", archive.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Writes `inventory.ini`; answers its path.
pub(super) fn write_inventory(
    layout: &Layout,
    hosts: &[HostLine],
    variables: &[(String, String)],
) -> Result<PathBuf, RigError> {
    let mut text = String::from("[oms]\n");
    for host in hosts {
        text.push_str(&host.name);
        for (name, value) in &host.variables {
            // Writing to a String does not fail.
            let _ = write!(text, " {name}={}", word(value));
        }
        text.push('\n');
    }
    text.push_str("\n[oms:vars]\n");
    for (name, value) in variables {
        let _ = writeln!(text, "{name}={value}");
    }
    let path = layout.state.join("inventory.ini");
    write_private(&path, &text)?;
    Ok(path)
}

/// A value on a host line: quoted when it has blanks.
fn word(value: &str) -> String {
    if value.contains([' ', '#', '"']) { format!("'{value}'") } else { value.to_owned() }
}

/// The keys of config.yaml as the manual's template has them; values are YAML already.
pub(super) fn default_config(metadb: &MetaDbServer, cm_url: &str) -> Vec<(String, String)> {
    [
        ("oms_meta_host", metadb.address().to_owned()),
        ("oms_meta_port", metadb.port().to_string()),
        ("oms_meta_user", META_USER.to_owned()),
        ("oms_meta_password", single_quoted(META_PASSWORD)),
        ("drc_rm_db", "oms_rm".to_owned()),
        ("drc_cm_db", "oms_cm".to_owned()),
        ("drc_cm_heartbeat_db", "oms_cm_hb".to_owned()),
        ("cm_url", cm_url.to_owned()),
        ("cm_location", "1".to_owned()),
        ("cm_region", "cn-jiangsu".to_owned()),
        ("cm_region_cn", "江苏".to_owned()),
        ("cm_is_default", "true".to_owned()),
        ("tsdb_enabled", "false".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Writes `config.yaml`; answers its path.
pub(super) fn write_config(layout: &Layout, keys: &[(String, String)]) -> Result<PathBuf, RigError> {
    let mut text = String::new();
    for (name, value) in keys {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name}: {value}");
    }
    let path = layout.state.join("config.yaml");
    write_private(&path, &text)?;
    Ok(path)
}

/// A text as a single-quoted scalar of YAML.
fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_an_inventory_that_ansible_reads() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout { state: folder.path().to_owned(), ..Layout::of("demo").unwrap() };
        let line = HostLine {
            name: "n1".into(),
            variables: vec![("ansible_host".into(), "10.0.0.1".into()), ("x".into(), "a b".into())],
        };
        let variables = [("ansible_user".to_owned(), "root".to_owned())];
        let path = write_inventory(&layout, &[line], &variables).unwrap();
        let expected = "[oms]\nn1 ansible_host=10.0.0.1 x='a b'\n\n[oms:vars]\nansible_user=root\n";
        assert_eq!(std::fs::read_to_string(path).unwrap(), expected);
    }

    #[test]
    fn quotes_for_yaml() {
        assert_eq!(single_quoted(r#"a'b"\c"#), r#"'a''b"\c'"#);
    }
}
