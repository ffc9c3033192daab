//! What `ansible-inventory --list` and `--graph` print.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::data::{ALL, GroupId, HostId};
use super::inventory::AnsibleInventory;
use crate::problem::Problem;

/// Variables that Ansible sets itself and leaves out of the list.
const INTERNAL: [&str; 33] = [
    "ansible_async_path",
    "ansible_collection_name",
    "ansible_config_file",
    "ansible_dependent_role_names",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_role_names",
    "ansible_playbook_python",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "groups",
    "group_names",
    "hostvars",
    "playbook_dir",
    "play_hosts",
    "role_name",
    "role_names",
    "role_path",
    "role_uuid",
];

impl AnsibleInventory {
    /// The JSON of `ansible-inventory --list`, with `_meta.hostvars`; templates raw, encrypted values encrypted. With a
    /// limit only the hosts that it selects.
    pub fn list_json(&self, limit: Option<&str>) -> Result<Value, Box<Problem>> {
        let mut hosts = self.data.hosts_of(ALL);
        if let Some(limit) = limit {
            let selected: BTreeSet<&str> = self.select(limit)?.into_iter().collect();
            hosts.retain(|host| selected.contains(self.data.hosts[*host].name.as_str()));
        }
        let mut list = Map::new();
        self.list_group(ALL, &hosts, &mut list, &mut BTreeSet::new());
        let mut hostvars = Map::new();
        for id in hosts {
            let (host, variables) = (&self.data.hosts[id], &self.host_variables[id]);
            let variables: Map<String, Value> = variables
                .iter()
                .filter(|(name, _)| !INTERNAL.contains(&name.as_str()))
                .map(|(name, variable)| (name.clone(), variable.value.clone()))
                .collect();
            if !variables.is_empty() {
                hostvars.insert(host.name.clone(), Value::Object(variables));
            }
        }
        list.insert("_meta".to_owned(), json!({ "hostvars": hostvars, "profile": "inventory_legacy" }));
        Ok(Value::Object(list))
    }

    fn list_group(
        &self,
        id: GroupId,
        hosts: &BTreeSet<HostId>,
        list: &mut Map<String, Value>,
        seen: &mut BTreeSet<GroupId>,
    ) {
        let group = &self.data.groups[id];
        let mut entry = Map::new();
        let members = group.hosts.iter().filter(|host| hosts.contains(*host));
        let names: Vec<&str> = members.map(|host| self.data.hosts[*host].name.as_str()).collect();
        if id != ALL && !names.is_empty() {
            entry.insert("hosts".to_owned(), json!(names));
        }
        if !group.children.is_empty() {
            let names: Vec<&str> =
                group.children.iter().map(|child| self.data.groups[*child].name.as_str()).collect();
            entry.insert("children".to_owned(), json!(names));
        }
        if !entry.is_empty() {
            list.insert(group.name.clone(), Value::Object(entry));
        }
        for child in &group.children {
            if seen.insert(*child) {
                self.list_group(*child, hosts, list, seen);
            }
        }
    }

    /// The text of `ansible-inventory --graph`, without a line break at its end.
    pub fn graph(&self) -> String {
        let mut lines = Vec::new();
        self.graph_group(ALL, 0, &mut lines);
        lines.join("\n")
    }

    fn graph_group(&self, id: GroupId, depth: usize, lines: &mut Vec<String>) {
        let line = |name: &str, depth: usize| match depth {
            0 => name.to_owned(),
            depth => format!("{}--{name}", "  |".repeat(depth)),
        };
        // A group below several others is drawn below each of them, which can grow without end.
        if lines.len() > MAX_GRAPH_LINES {
            return;
        }
        let group = &self.data.groups[id];
        lines.push(line(&format!("@{}:", group.name), depth));
        for child in &group.children {
            self.graph_group(*child, depth + 1, lines);
        }
        if id != ALL {
            lines.extend(group.hosts.iter().map(|host| line(&self.data.hosts[*host].name, depth + 1)));
        }
    }
}

const MAX_GRAPH_LINES: usize = 100_000;
