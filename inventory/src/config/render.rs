//! The config.yaml that reaches a host: text double-quoted, booleans and numbers plain, keys in the manual's order,
//! so that PyYAML reads in the container what the operator typed. And the masked form for looking at.

use std::fmt::Write as _;
use std::net::IpAddr;

use omsctl_proto::Secret;

use super::keys::{KEYS, Kind, key};
use crate::model::{ConfiguredPort, OmsConfig, Region};

const HEADER: &str =
    "# Written by omsctl. Changes belong into the files on the bastion; `omsctl apply` brings them here.\n";
const MASK: &str = "********";

/// The whole file for any host of the region. `node_addresses` are the addresses of all its hosts (`cm_nodes`).
pub fn render_config(region: &Region, node_addresses: &[IpAddr]) -> Secret {
    let mut text = HEADER.to_owned();
    for key in &KEYS {
        if let Some(value) = value_of(key.name, &region.config, node_addresses) {
            // Writing to a String cannot fail.
            let _ = match value {
                Value::Plain(plain) => writeln!(text, "{}: {plain}", key.name),
                Value::Text(content) => writeln!(text, "{}: {}", key.name, quote(&content)),
                Value::List(items) if items.is_empty() => writeln!(text, "{}: []", key.name),
                Value::List(items) => {
                    let items: Vec<String> = items.iter().map(|item| quote(item)).collect();
                    writeln!(text, "{}:\n  - {}", key.name, items.join("\n  - "))
                }
            };
        }
    }
    Secret::new(text)
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Plain(String),
    Text(String),
    List(Vec<String>),
}

/// What the file says for a key; `None` when it is left to OMS's default.
pub(super) fn value_of(name: &str, config: &OmsConfig, node_addresses: &[IpAddr]) -> Option<Value> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let optional = |text: &Option<String>| text.clone().map(Value::Text);
    let port = |port: ConfiguredPort| port.given.then(|| Value::Plain(port.number.to_string()));
    match name {
        "oms_meta_host" => text(&config.meta.host),
        "oms_meta_port" => Some(Value::Plain(config.meta.port.to_string())),
        "oms_meta_user" => text(&config.meta.user),
        "oms_meta_password" => text(config.meta.password.expose()),
        "drc_rm_db" => text(&config.rm_db),
        "drc_cm_db" => text(&config.cm_db),
        "drc_cm_heartbeat_db" => text(&config.heartbeat_db),
        "cm_url" => text(&config.cm_url.text),
        "cm_location" => Some(Value::Plain(config.cm_location.to_string())),
        "cm_region" => optional(&config.cm_region),
        "cm_region_cn" => optional(&config.cm_region_cn),
        "cm_is_default" => Some(Value::Plain(config.is_default.to_string())),
        "cm_nodes" => Some(Value::List(node_addresses.iter().map(ToString::to_string).collect())),
        "tsdb_service" => config.tsdb.service.and_then(|service| text(service.as_str())),
        "tsdb_enabled" => config.tsdb.enabled.map(|enabled| Value::Plain(enabled.to_string())),
        "tsdb_url" => optional(&config.tsdb.url),
        "tsdb_username" => optional(&config.tsdb.username),
        "tsdb_password" => config.tsdb.password.as_ref().and_then(|password| text(password.expose())),
        "ghana_server_port" => port(config.ports.ghana),
        "nginx_server_port" => port(config.ports.nginx),
        "cm_server_port" => port(config.ports.cm),
        "supervisor_server_port" => port(config.ports.supervisor),
        "sshd_server_port" => port(config.ports.sshd),
        other => config.extra.get(other).and_then(|extra| text(extra.expose())),
    }
}

/// A double-quoted YAML scalar on one line. Everything that a reader could trip over is escaped.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            ' '..='~' => quoted.push(c),
            // Letters of all scripts are left readable; what is no letter may be invisible or not printable.
            c if c.is_alphanumeric() && u32::from(c) < 0x1_0000 => quoted.push(c),
            c if u32::from(c) < 0x100 => {
                let _ = write!(quoted, "\\x{:02X}", u32::from(c));
            }
            c if u32::from(c) < 0x1_0000 => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// The text with the value of every secret key masked, for showing. Works on what [`render_config`] wrote and on other
/// files: a line that continues a secret is masked too.
pub fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut inside_secret = false;
    for line in text.split_inclusive('\n') {
        let ending = if line.ends_with('\n') { "\n" } else { "" };
        let body = line.trim_end_matches(['\r', '\n']);
        // Everything on one line, or a part of that: nobody wants to look at it that closely.
        if body.contains('{') {
            let _ = write!(masked, "{MASK}{ending}");
            inside_secret = true;
            continue;
        }
        let has_key = body.contains(": ") || body.ends_with(':');
        let starts_a_key =
            (has_key || !inside_secret) && !body.is_empty() && !body.starts_with([' ', '\t', '-', '#']);
        if starts_a_key {
            let (name, rest) = body.split_once(':').unwrap_or((body, ""));
            inside_secret = is_secret(name.trim().trim_matches(['"', '\'']));
            if inside_secret && !rest.trim().is_empty() {
                let _ = write!(masked, "{name}: \"{MASK}\"{ending}");
                continue;
            }
            if inside_secret && rest.is_empty() && !body.ends_with(':') {
                let _ = write!(masked, "{MASK}{ending}");
                continue;
            }
        } else if inside_secret && !body.trim().is_empty() && !body.starts_with('#') {
            let _ = write!(masked, "  {MASK}{ending}");
            continue;
        }
        masked.push_str(line);
    }
    masked
}

/// By the list of keys, and by name for keys that are not in it.
pub(super) fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    key(name).is_some_and(|key| key.secret)
        || ["password", "passwd", "secret", "access_key", "token"].iter().any(|part| lower.contains(part))
}

/// Whether a key's value is a boolean or a number, and how it is compared.
pub(super) fn kind_of(name: &str) -> Kind {
    key(name).map_or(Kind::Text, |key| key.kind)
}
