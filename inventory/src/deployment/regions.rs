//! Regions: a child group of `oms` that sets `cm_location`, with the keys of config.yaml that its group variables set
//! otherwise. Hosts outside of such groups are the region `default`, which config.yaml describes alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::ansible::{AnsibleInventory, Resolved, resolve};
use crate::config::{Entry, Given, GivenScalar, KEYS, Style};
use crate::model::RegionName;
use crate::problem::{Problem, ProblemCode, Problems};

/// The group of the OMS hosts.
pub(super) const OMS_GROUP: &str = "oms";

/// A region before its keys are typed.
pub(super) struct RegionDraft {
    pub(super) name: RegionName,
    /// In inventory order.
    pub(super) hosts: Vec<String>,
    pub(super) overrides: BTreeMap<&'static str, Entry>,
}

/// The OMS hosts: those of the group `oms`, or all when there is no such group.
pub(super) fn oms_hosts(inventory: &AnsibleInventory) -> Vec<String> {
    let hosts =
        inventory.hosts_in_group(OMS_GROUP).or_else(|| inventory.hosts_in_group("all")).unwrap_or_default();
    hosts.into_iter().map(str::to_owned).collect()
}

/// Distributes the hosts over the regions.
pub(super) fn regions(
    inventory: &AnsibleInventory,
    hosts: &[String],
    problems: &mut Problems,
) -> Vec<RegionDraft> {
    let root = if inventory.hosts_in_group(OMS_GROUP).is_some() { OMS_GROUP } else { "all" };
    let is_region = |group: &&str| {
        inventory.own_variables(group).is_some_and(|variables| variables.contains_key("cm_location"))
    };
    let groups: Vec<&str> = inventory.groups_below(root).into_iter().filter(is_region).collect();
    let mut taken: BTreeMap<String, RegionName> = BTreeMap::new();
    let mut members_of: Vec<(&str, Vec<String>)> = Vec::new();
    let mut torn: BTreeSet<String> = BTreeSet::new();
    for group in groups {
        let mut members: Vec<String> = Vec::new();
        for host in inventory.hosts_in_group(group).unwrap_or_default() {
            if let Some(other) = taken.get(host) {
                torn.insert(host.to_owned());
                let message = format!("{host} is in two regions, {other} and {group}");
                problems.push(in_two_regions(inventory, host, message));
            } else {
                taken.insert(host.to_owned(), RegionName::new(group));
                members.push(host.to_owned());
            }
        }
        members_of.push((group, members));
    }
    let mut drafts: Vec<RegionDraft> = Vec::new();
    for (group, hosts) in members_of.into_iter().filter(|(_, hosts)| !hosts.is_empty()) {
        // A host that is torn between regions sees variables of both; that is told already.
        let whole: Vec<String> = hosts.iter().filter(|host| !torn.contains(*host)).cloned().collect();
        let overrides = overrides(inventory, group, &whole, problems);
        drafts.push(RegionDraft { name: RegionName::new(group), hosts, overrides });
    }
    let left: Vec<String> = hosts.iter().filter(|host| !taken.contains_key(*host)).cloned().collect();
    if !left.is_empty() {
        let overrides = overrides(inventory, root, &left, problems);
        drafts.push(RegionDraft { name: RegionName::default(), hosts: left, overrides });
    }
    drafts
}

fn in_two_regions(inventory: &AnsibleInventory, host: &str, message: String) -> Problem {
    let problem = Problem::error(ProblemCode::RegionGroups, message)
        .key(host)
        .hint("a host belongs to one group that sets cm_location");
    match inventory.place_of(host) {
        Some(place) => problem.at(place),
        None => problem,
    }
}

/// The keys of config.yaml among the group's variables. Hosts that see another value than their region are told.
fn overrides(
    inventory: &AnsibleInventory,
    group: &str,
    hosts: &[String],
    problems: &mut Problems,
) -> BTreeMap<&'static str, Entry> {
    let inherited = inventory.inherited_variables(group);
    let first = hosts.first().map_or("", String::as_str);
    let mut overrides = BTreeMap::new();
    for key in &KEYS {
        for host in hosts {
            let variable = inventory.host_variables(host).and_then(|variables| variables.get(key.name));
            if let Some(variable) = variable.filter(|variable| inherited.get(key.name) != Some(variable)) {
                problems.push(
                    Problem::error(ProblemCode::RegionGroups, format!("`{}` cannot differ within a region", key.name))
                        .at(&variable.place)
                        .key(key.name)
                        .hint("all hosts of a region have one config.yaml: set it there, or in a group with a cm_location of its own"),
                );
            }
        }
        let Some(variable) = inherited.get(key.name) else { continue };
        match resolve(key.name, variable, &inherited, first, inventory.vault()) {
            Ok(resolved) => {
                overrides.insert(
                    key.name,
                    Entry { given: given(&resolved, variable), place: variable.place.clone() },
                );
            }
            Err(problem) => problems.push(problem),
        }
    }
    overrides
}

fn given(resolved: &Resolved, variable: &crate::Variable) -> Given {
    let scalar = |text: String| GivenScalar { text, style: Style::Inventory, seen: None };
    match &resolved.value {
        Value::Null => Given::Scalar(scalar(String::new())),
        Value::Array(items) => {
            let item = |item: &Value| match item {
                Value::String(text) => text.clone(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    item.to_string()
                }
            };
            Given::List(items.iter().map(|value| (scalar(item(value)), variable.place.clone())).collect())
        }
        Value::Object(_) => Given::Nested,
        Value::String(_) | Value::Bool(_) | Value::Number(_) => {
            Given::Scalar(scalar(resolved.text().unwrap_or_default()))
        }
    }
}
