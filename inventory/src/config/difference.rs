//! What would change in a host's config.yaml, key by key, and what each change takes (research/oms.md 1.3, 2.4 and 9;
//! design.md section 3 for what is immutable).

use std::net::IpAddr;

use serde::Serialize;

use super::existing::{ExistingConfig, ExistingValue};
use super::keys::{KEYS, key};
use super::render::{Value, is_secret, value_of};
use crate::model::Region;

/// What it takes to bring a changed key into effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyEffect {
    /// `--init-config-file`, then a restart of the two services that the manual names.
    Restart,
    /// As [`Self::Restart`], with every other service that logs in to the MetaDB.
    LogIn,
    /// A script of the vendor in the container, named here.
    Script(&'static str),
    /// `docker_init.sh` once more.
    Reinitialise,
    /// Never, in a cluster that is initialised.
    Immutable,
}

/// One key that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    pub key: String,
    /// What the host has; `None` when the key is not there; a secret is `********`.
    pub old: Option<String>,
    /// What is wanted; `None` when the key is to go; a secret is `********`.
    pub new: Option<String>,
    pub effect: KeyEffect,
}

/// The changes from a host's file to what [`super::render_config`] would write for the same arguments. A key that is
/// written with its default on one side and left out on the other is no change; neither is the order of `cm_nodes`.
pub fn diff(existing: &ExistingConfig, wanted: &Region, node_addresses: &[IpAddr]) -> Vec<KeyChange> {
    let mut changes = Vec::new();
    for key in &KEYS {
        let new = value_of(key.name, &wanted.config, node_addresses).map(comparable);
        let old = existing.values.get(key.name).cloned();
        let default = default_of(key.name);
        if normal(old.clone(), default) != normal(new.clone(), default) {
            changes.push(change(key.name, old, new));
        }
    }
    let unknown = existing.values.iter().filter(|(name, _)| key(name).is_none());
    changes.extend(unknown.map(|(name, old)| change(name, Some(old.clone()), None)));
    changes
}

fn comparable(value: Value) -> ExistingValue {
    match value {
        Value::Plain(text) | Value::Text(text) => ExistingValue::Text(text),
        Value::List(items) => ExistingValue::List(items),
    }
}

/// What OMS takes when the key is left out (research/oms.md 2.1).
pub(super) fn default_of(name: &str) -> Option<&'static str> {
    match name {
        "cm_is_default" => Some("true"),
        "tsdb_enabled" => Some("false"),
        "ghana_server_port" => Some("8090"),
        "nginx_server_port" => Some("8089"),
        "cm_server_port" => Some("8088"),
        "supervisor_server_port" => Some("9000"),
        "sshd_server_port" => Some("2023"),
        _ => None,
    }
}

/// The form in which two values are equal when they mean the same to OMS.
pub(super) fn normal(value: Option<ExistingValue>, default: Option<&str>) -> Option<ExistingValue> {
    match value {
        None => default.map(|text| ExistingValue::Text(text.to_owned())),
        Some(ExistingValue::Text(text)) if text.is_empty() => None,
        Some(ExistingValue::List(mut items)) => {
            items.sort();
            Some(ExistingValue::List(items))
        }
        other => other,
    }
}

fn change(name: &str, old: Option<ExistingValue>, new: Option<ExistingValue>) -> KeyChange {
    let shown = |value| shown(name, value);
    let effect = key(name).map_or(KeyEffect::Restart, |key| key.effect);
    KeyChange { key: name.to_owned(), old: old.map(shown), new: new.map(shown), effect }
}

/// For people: a secret is masked.
pub(super) fn shown(name: &str, value: ExistingValue) -> String {
    match value {
        _ if is_secret(name) => "********".to_owned(),
        ExistingValue::Text(text) => text,
        ExistingValue::List(items) => items.join(", "),
    }
}
