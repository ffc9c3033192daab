//! A loaded inventory: groups, hosts, and each host's variables with their places. Read-only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::data::{ALL, GroupId, InventoryData};
use super::vault::Vault;
use crate::problem::Place;

pub(crate) type Variables = BTreeMap<String, Variable>;

/// The value of a variable and where it is written.
#[derive(Clone, PartialEq)]
pub struct Variable {
    /// As Ansible types it; templates raw.
    pub value: Value,
    /// The text of a scalar as typed, before Python or YAML 1.1 made a number of it.
    pub(crate) raw: Option<String>,
    pub place: Place,
}

impl Variable {
    pub(crate) fn new(value: Value, raw: Option<String>, place: &Place) -> Self {
        Self { value, raw, place: place.clone() }
    }
}

impl fmt::Debug for Variable {
    /// Without the value: it may be a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Variable(at {})", self.place)
    }
}

/// What `ansible-inventory` understands from the same files.
#[derive(Debug, Clone)]
pub struct AnsibleInventory {
    pub(super) data: InventoryData,
    /// By host, in the order of the hosts: everything that applies to the host, flattened.
    pub(super) host_variables: Vec<Variables>,
    /// By group: what is set for this very group, `group_vars/` included.
    pub(super) group_variables: Vec<Variables>,
    pub(super) vault: Arc<Vault>,
}

impl AnsibleInventory {
    /// Host names in the order in which the sources name them first.
    pub fn host_names(&self) -> impl Iterator<Item = &str> {
        self.data.hosts.iter().map(|host| host.name.as_str())
    }

    /// Group names, `all` and `ungrouped` first.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.data.groups.iter().map(|group| group.name.as_str())
    }

    /// The variables that apply to a host, by Ansible's precedence. `None` when there is no such host.
    pub fn host_variables(&self, host: &str) -> Option<&BTreeMap<String, Variable>> {
        self.data.host(host).map(|id| &self.host_variables[id])
    }

    /// The hosts in a group or below it, in inventory order. `None` when there is no such group.
    pub fn hosts_in_group(&self, group: &str) -> Option<Vec<&str>> {
        let group = self.data.group(group)?;
        Some(self.data.hosts_of(group).into_iter().map(|id| self.data.hosts[id].name.as_str()).collect())
    }

    /// The groups below a group, in the order in which the sources name them first; `all` without `ungrouped`.
    pub(crate) fn groups_below(&self, group: &str) -> Vec<&str> {
        let Some(group) = self.data.group(group) else { return Vec::new() };
        let below = self.data.descendants(group);
        below
            .into_iter()
            .map(|id| self.data.groups[id].name.as_str())
            .filter(|name| *name != "ungrouped")
            .collect()
    }

    /// What is set for this very group, `group_vars/` included.
    pub(crate) fn own_variables(&self, group: &str) -> Option<&Variables> {
        self.data.group(group).map(|id| &self.group_variables[id])
    }

    /// What a group and those above it set, by precedence.
    pub(crate) fn inherited_variables(&self, group: &str) -> Variables {
        let Some(group) = self.data.group(group) else { return Variables::new() };
        let mut groups: BTreeSet<GroupId> = self.data.ancestors(group);
        groups.insert(group);
        let mut variables = self.group_variables[ALL].clone();
        for id in self.data.by_precedence(&groups) {
            variables.extend(self.group_variables[id].clone());
        }
        variables
    }

    /// Opens encrypted values.
    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Where a host is first named.
    pub(crate) fn place_of(&self, host: &str) -> Option<&Place> {
        self.data.host(host).map(|id| &self.data.hosts[id].place)
    }
}
