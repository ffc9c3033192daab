//! `ha.config`, OMS's own high availability (`research/oms.md` 6): what it says, what that means for these hosts, and how
//! its text changes. Pure; what the vendor does not document is said where it is shown.

use std::collections::BTreeMap;

use omsctl_inventory::Deployment;
use omsctl_proto::NodeName;
use serde::Serialize;
use serde_json::{Map, Value};

use super::addresses;
use super::input::Observed;
use super::registration;

/// The fields of `ha.config` with their defaults and what they mean.
const FIELDS: [(&str, &str, &str); 11] = [
    ("enable", "false", "the master switch"),
    ("enableHost", "false", "act when a machine dies"),
    ("enableStore", "true", "guard Stores"),
    ("enableConnector", "true", "guard Incr-Sync"),
    (
        "perceiveStoreClientCheckpoint",
        "false",
        "a new Store begins at the earliest position downstream, not now",
    ),
    ("refetchStoreIntervalMin", "30", "minutes that a new Store goes back"),
    ("subtopicStoreNumberThreshold", "5", "HA gives up when a topic has so many Stores"),
    ("checkRequestIntervalSec", "600", "seconds between two actions on one object"),
    ("checkHostDownIntervalSec", "540", "seconds without a heartbeat until a machine counts as down"),
    ("checkModuleExceptionIntervalSec", "240", "seconds of silence until a Store counts as abnormal"),
    ("clearAbnormalResourceHours", "72", "hours until dead Stores are cleaned up"),
];

/// Minutes that a Store goes back beyond an outage (OMS manual, upgrade: 60 minutes down take 90).
const RESERVE_MIN: u64 = 30;

/// What HA is set to, and what follows; the shape of `ha status --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HighAvailability {
    /// `None`: the MetaDB has no `ha.config`, or not one that is understood.
    pub enabled: Option<bool>,
    pub fields: Vec<HaField>,
    pub hosts: Vec<HaHost>,
    /// What the operator should know or do, most pressing first.
    pub advice: Vec<String>,
}

/// One field of `ha.config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HaField {
    pub name: &'static str,
    /// As the MetaDB has it; the default when it is not written there.
    pub value: String,
    pub is_default: bool,
    pub meaning: &'static str,
}

/// One host as OMS's scheduler sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HaHost {
    pub node: NodeName,
    pub address: String,
    /// `None`: the MetaDB does not list it.
    pub status: Option<String>,
    pub heartbeat_age_s: Option<i64>,
    /// Older than `checkHostDownIntervalSec`.
    pub down: bool,
}

/// What is to be written into `ha.config`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HaChange {
    pub enable: bool,
    /// `enableHost`, when that is to change too.
    pub hosts: Option<bool>,
    /// How long OMS was down, in minutes: new Stores go back that far and a reserve.
    pub outage_min: Option<u64>,
}

/// What is set, with what it means for the hosts of the deployment.
pub fn high_availability(deployment: &Deployment, observed: &Observed) -> HighAvailability {
    let metadb = observed.metadb.as_ref().and_then(|facts| facts.as_ref().ok());
    let config = metadb.and_then(|facts| object(facts.ha_config.as_deref()?).ok()).unwrap_or_default();
    let field = |(name, default, meaning): (&'static str, &str, &'static str)| {
        let value = config.get(name).map_or_else(|| default.to_owned(), plain);
        HaField { name, is_default: value == default, value, meaning }
    };
    let fields: Vec<HaField> = FIELDS.map(field).into();
    let number = |name: &str| value_of(&fields, name).and_then(|value| value.parse::<i64>().ok());
    let limit = number("checkHostDownIntervalSec").unwrap_or(540);
    let addresses = addresses::resolve(deployment, observed).by_node;
    let hosts = deployment.hosts.iter().filter_map(|host| {
        let address = addresses.get(&host.name)?;
        let listed = metadb.and_then(|facts| registration::find(facts, *address));
        let age = listed.as_ref().and_then(|row| row.heartbeat_age_s);
        Some(HaHost {
            node: host.name.clone(),
            address: address.to_string(),
            down: listed.is_some() && age.is_none_or(|age| age > limit),
            status: listed.map(|row| row.status),
            heartbeat_age_s: age,
        })
    });
    let hosts: Vec<HaHost> = hosts.collect();
    let enabled = metadb.and_then(|facts| facts.ha_enabled);
    let advice = advice(deployment, enabled, &fields, &hosts);
    HighAvailability { enabled, fields, hosts, advice }
}

fn value_of<'a>(fields: &'a [HaField], name: &str) -> Option<&'a str> {
    fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
}

fn advice(
    deployment: &Deployment,
    enabled: Option<bool>,
    fields: &[HaField],
    hosts: &[HaHost],
) -> Vec<String> {
    let is = |name: &str, wanted: &str| {
        value_of(fields, name).is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    };
    let mut advice = Vec::new();
    let down: Vec<&str> = hosts.iter().filter(|host| host.down).map(|host| host.node.as_str()).collect();
    if !down.is_empty() {
        advice.push(format!(
            "{} counts as down: its Incr-Sync tasks are built anew on other hosts when HA is on. Before it comes back: \
             `omsctl stop --limit {}`, or it may write a second time",
            down.join(", "),
            down.join(":")
        ));
    }
    match enabled {
        None => advice
            .push("the MetaDB has no ha.config that is understood: set it once in the console".to_owned()),
        Some(false) => advice.push(
            "HA is off: when a host dies, its Stores and Incr-Sync tasks stay dead until somebody moves them"
                .to_owned(),
        ),
        Some(true) if !is("enableHost", "true") => advice.push(
            "HA is on for components only: enableHost is false, so that a dead machine is not acted upon"
                .to_owned(),
        ),
        Some(true) => {}
    }
    let alone = deployment.regions.iter().filter(|region| region.hosts.len() < 2);
    for region in alone.filter(|_| is("enableHost", "true")) {
        let named = if deployment.regions.len() > 1 { format!(" of {}", region.name) } else { String::new() };
        advice.push(format!(
            "the region{named} has one host: nothing can move to another, and never to another region"
        ));
    }
    if is("perceiveStoreClientCheckpoint", "false") && enabled == Some(true) {
        let minutes = value_of(fields, "refetchStoreIntervalMin").unwrap_or("30");
        advice.push(format!(
            "a new Store goes back {minutes} minutes; after a longer outage set it with `omsctl ha enable --after-outage DURATION`"
        ));
    }
    advice
}

/// The new text of `ha.config`; every other field stays as it is.
///
/// # Errors
/// The former text is no JSON object.
pub fn changed_ha_config(former: &str, change: HaChange) -> Result<String, String> {
    let mut object = object(former)?;
    set(&mut object, "enable", Value::Bool(change.enable));
    if let Some(hosts) = change.hosts {
        set(&mut object, "enableHost", Value::Bool(hosts));
    }
    if let Some(minutes) = change.outage_min {
        set(&mut object, "refetchStoreIntervalMin", Value::from(minutes.saturating_add(RESERVE_MIN)));
    }
    Ok(Value::Object(object).to_string())
}

/// A text stays a text: who wrote `"true"` reads `"true"`.
fn set(object: &mut Map<String, Value>, name: &str, value: Value) {
    let value = match object.get(name) {
        Some(Value::String(_)) => Value::String(plain(&value)),
        Some(_) | None => value,
    };
    object.insert(name.to_owned(), value);
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The fields that differ between two texts, as `name: old -> new`.
pub fn ha_differences(former: &str, text: &str) -> Vec<String> {
    let fields = |text: &str| -> BTreeMap<String, String> {
        object(text).unwrap_or_default().iter().map(|(name, value)| (name.clone(), plain(value))).collect()
    };
    let (old, new) = (fields(former), fields(text));
    let differs = new.iter().filter(|(name, value)| old.get(*name) != Some(value));
    let line = |(name, value): (&String, &String)| {
        format!("{name}: {} -> {value}", old.get(name).map_or("not set", String::as_str))
    };
    differs.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::{Cluster, name};

    fn of(config: &str) -> HighAvailability {
        let mut cluster = Cluster::ready(2);
        let metadb = cluster.metadb();
        metadb.ha_config = Some(config.to_owned());
        metadb.ha_enabled = Some(config.contains("\"enable\":true"));
        high_availability(&cluster.deployment, &cluster.observed)
    }

    #[test]
    fn off_is_advised_against() {
        let seen = of(r#"{"enable":false,"refetchStoreIntervalMin":"45"}"#);
        assert_eq!(seen.enabled, Some(false));
        assert!(seen.advice[0].starts_with("HA is off"), "{:?}", seen.advice);
        assert_eq!(value_of(&seen.fields, "refetchStoreIntervalMin"), Some("45"));
        assert_eq!(value_of(&seen.fields, "checkHostDownIntervalSec"), Some("540"));
        assert!(seen.hosts.iter().all(|host| !host.down && host.heartbeat_age_s == Some(3)));
    }

    #[test]
    fn on_without_machines_is_told_and_so_is_how_far_a_store_goes_back() {
        let seen = of(r#"{"enable":true}"#);
        assert!(seen.advice[0].contains("enableHost is false"), "{:?}", seen.advice);
        assert!(seen.advice[1].contains("goes back 30 minutes"), "{:?}", seen.advice);
        let seen = of(r#"{"enable":true,"enableHost":true,"perceiveStoreClientCheckpoint":true}"#);
        assert_eq!(seen.advice, Vec::<String>::new());
    }

    #[test]
    fn a_silent_host_may_write_twice_when_it_comes_back() {
        let mut cluster = Cluster::ready(2);
        let metadb = cluster.metadb();
        metadb.ha_config =
            Some(r#"{"enable":true,"enableHost":true,"checkHostDownIntervalSec":60}"#.to_owned());
        metadb.ha_enabled = Some(true);
        metadb.heartbeats[1].age_s = 61;
        let seen = high_availability(&cluster.deployment, &cluster.observed);
        assert!(seen.hosts.iter().any(|host| host.node == name("n2") && host.down));
        assert!(seen.advice[0].contains("n2 counts as down"), "{:?}", seen.advice);
        assert!(seen.advice[0].contains("omsctl stop --limit n2"), "{:?}", seen.advice);
    }

    #[test]
    fn a_change_leaves_every_other_field_alone() {
        let former = r#"{"enable":"false","refetchStoreIntervalMin":30,"somethingNew":[1]}"#;
        let change = HaChange { enable: true, hosts: Some(true), outage_min: Some(61) };
        let text = changed_ha_config(former, change).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"enable": "true", "enableHost": true, "refetchStoreIntervalMin": 91, "somethingNew": [1]})
        );
        assert_eq!(
            ha_differences(former, &text),
            ["enable: false -> true", "enableHost: not set -> true", "refetchStoreIntervalMin: 30 -> 91"]
        );
        assert!(changed_ha_config("[]", change).is_err());
    }
}
