//! Groups and hosts while sources are read: Ansible's `InventoryData`, and the rules that it applies at the end
//! (`reconcile`). No parsing here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::inventory::{Variable, Variables};
use super::python_number;

pub(super) type GroupId = usize;
pub(super) type HostId = usize;

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) vars: Variables,
    /// Direct members, in the order in which they were added.
    pub(super) hosts: Vec<HostId>,
    pub(super) children: Vec<GroupId>,
    pub(super) parents: Vec<GroupId>,
    /// `ansible_group_priority`.
    pub(super) priority: i64,
    /// Longest way from `all`; set by [`InventoryData::reconcile`].
    pub(super) depth: usize,
}

#[derive(Debug, Clone)]
pub(super) struct HostEntry {
    pub(super) name: String,
    pub(super) vars: Variables,
    /// Direct groups.
    pub(super) groups: Vec<GroupId>,
    /// Groups that Ansible no longer counts after it has taken the host out of `ungrouped`.
    forgotten: BTreeSet<GroupId>,
    /// Where it is first named.
    pub(super) place: crate::problem::Place,
}

/// A group would become its own child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupLoop;

/// What cannot be put where Ansible puts it at the end, because `all` or `ungrouped` is below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unplaced {
    Group(GroupId),
    /// It has the name of a group.
    Host(HostId),
}

/// A value of `ansible_group_priority` that is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadPriority;

#[derive(Debug, Clone)]
pub(super) struct InventoryData {
    pub(super) groups: Vec<Group>,
    pub(super) hosts: Vec<HostEntry>,
    group_index: BTreeMap<String, GroupId>,
    host_index: BTreeMap<String, HostId>,
}

pub(super) const ALL: GroupId = 0;
pub(super) const UNGROUPED: GroupId = 1;

impl InventoryData {
    pub(super) fn new() -> Self {
        let mut data = Self {
            groups: Vec::new(),
            hosts: Vec::new(),
            group_index: BTreeMap::new(),
            host_index: BTreeMap::new(),
        };
        data.add_group("all");
        data.add_group("ungrouped");
        data.link(ALL, UNGROUPED);
        data
    }

    pub(super) fn group(&self, name: &str) -> Option<GroupId> {
        self.group_index.get(name).copied()
    }

    pub(super) fn host(&self, name: &str) -> Option<HostId> {
        self.host_index.get(name).copied()
    }

    /// Everything that the sources have set until now.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        let of_groups = self.groups.iter().map(|group| &group.vars);
        of_groups.chain(self.hosts.iter().map(|host| &host.vars)).flat_map(Variables::values)
    }

    pub(super) fn add_group(&mut self, name: &str) -> GroupId {
        if let Some(group) = self.group(name) {
            return group;
        }
        let id = self.groups.len();
        self.groups.push(Group {
            name: name.to_owned(),
            vars: Variables::new(),
            hosts: Vec::new(),
            children: Vec::new(),
            parents: Vec::new(),
            priority: 1,
            depth: 0,
        });
        self.group_index.insert(name.to_owned(), id);
        id
    }

    pub(super) fn add_host(
        &mut self,
        name: &str,
        group: GroupId,
        port: Option<u16>,
        place: &crate::problem::Place,
    ) {
        let id = self.host(name).unwrap_or_else(|| {
            let mut vars = Variables::new();
            // Ansible takes a port of 0 as none.
            if let Some(port) = port.filter(|port| *port > 0) {
                vars.insert(
                    "ansible_port".to_owned(),
                    Variable::new(port.into(), Some(port.to_string()), place),
                );
            }
            let id = self.hosts.len();
            self.hosts.push(HostEntry {
                name: name.to_owned(),
                vars,
                groups: Vec::new(),
                forgotten: BTreeSet::new(),
                place: place.clone(),
            });
            self.host_index.insert(name.to_owned(), id);
            id
        });
        self.join(id, group);
    }

    pub(super) fn join(&mut self, host: HostId, group: GroupId) {
        if !self.groups[group].hosts.contains(&host) {
            self.groups[group].hosts.push(host);
            self.hosts[host].groups.push(group);
        }
    }

    /// Makes `child` a child of `parent`.
    pub(super) fn add_child(&mut self, parent: GroupId, child: GroupId) -> Result<(), GroupLoop> {
        if parent == child || self.ancestors(parent).contains(&child) {
            return Err(GroupLoop);
        }
        self.link(parent, child);
        Ok(())
    }

    fn link(&mut self, parent: GroupId, child: GroupId) {
        if !self.groups[parent].children.contains(&child) {
            self.groups[parent].children.push(child);
            self.groups[child].parents.push(parent);
        }
    }

    /// Sets a variable of the group of that name or else of the host, as Ansible looks the name up.
    pub(super) fn set(&mut self, entity: &str, key: &str, variable: Variable) -> Result<(), BadPriority> {
        if let Some(group) = self.group(entity) {
            return self.set_group(group, key, variable);
        }
        if let Some(host) = self.host(entity) {
            self.hosts[host].vars.insert(key.to_owned(), variable);
        }
        Ok(())
    }

    pub(super) fn set_group(
        &mut self,
        group: GroupId,
        key: &str,
        variable: Variable,
    ) -> Result<(), BadPriority> {
        if key == "ansible_group_priority" {
            self.groups[group].priority = priority(&variable.value).ok_or(BadPriority)?;
        } else {
            self.groups[group].vars.insert(key.to_owned(), variable);
        }
        Ok(())
    }

    /// All groups above a group.
    pub(super) fn ancestors(&self, group: GroupId) -> BTreeSet<GroupId> {
        self.closure([group], |group| &group.parents)
    }

    /// All groups below a group.
    pub(super) fn descendants(&self, group: GroupId) -> BTreeSet<GroupId> {
        self.closure([group], |group| &group.children)
    }

    /// All groups that a host is in, directly or through others.
    pub(super) fn groups_of(&self, host: HostId) -> BTreeSet<GroupId> {
        let direct = self.hosts[host].groups.iter().copied();
        let mut groups = self.closure(direct.clone(), |group| &group.parents);
        groups.extend(direct);
        groups.retain(|group| !self.hosts[host].forgotten.contains(group));
        groups
    }

    /// Ansible's `remove_group`: with a group go those above it that the host is in through nothing else, even when
    /// it is their direct member. That matters only to inventories that make `ungrouped` a parent or a child.
    fn forget(&mut self, host: HostId, group: GroupId) {
        if !self.groups_of(host).contains(&group) {
            return;
        }
        self.hosts[host].forgotten.insert(group);
        for above in self.ancestors(group) {
            let groups = self.groups_of(host);
            if above != ALL && !groups.iter().any(|group| self.ancestors(*group).contains(&above)) {
                self.forget(host, above);
            }
        }
    }

    /// All hosts in a group or below it, by order of appearance in the inventory.
    pub(super) fn hosts_of(&self, group: GroupId) -> BTreeSet<HostId> {
        let mut groups = self.descendants(group);
        groups.insert(group);
        groups.iter().flat_map(|group| self.groups[*group].hosts.iter().copied()).collect()
    }

    /// The hosts of a group in Ansible's order, which subscripts of `--limit` count by: its own first, then those of
    /// the groups below it, level by level.
    pub(super) fn hosts_in_group_order(&self, group: GroupId) -> Vec<HostId> {
        let mut order = vec![group];
        let mut next = 0;
        while let Some(group) = order.get(next).copied() {
            next += 1;
            for child in &self.groups[group].children {
                if !order.contains(child) {
                    order.push(*child);
                }
            }
        }
        let mut seen = BTreeSet::new();
        let hosts = order.into_iter().flat_map(|group| self.groups[group].hosts.iter().copied());
        hosts.filter(|host| seen.insert(*host)).collect()
    }

    fn closure<'data>(
        &'data self,
        start: impl IntoIterator<Item = GroupId>,
        next: impl Fn(&'data Group) -> &'data Vec<GroupId>,
    ) -> BTreeSet<GroupId> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<GroupId> =
            start.into_iter().flat_map(|group| next(&self.groups[group])).copied().collect();
        while let Some(group) = open.pop() {
            if seen.insert(group) {
                open.extend(next(&self.groups[group]));
            }
        }
        seen
    }

    /// What Ansible does after the last source: every group below `all`, hosts without a group into `ungrouped`.
    pub(super) fn reconcile(&mut self) -> Result<(), Unplaced> {
        for group in 1..self.groups.len() {
            if self.groups[group].parents.is_empty() {
                self.add_child(ALL, group).map_err(|_| Unplaced::Group(group))?;
            }
        }
        for host in 0..self.hosts.len() {
            let groups = self.groups_of(host);
            if groups.contains(&UNGROUPED) {
                let direct = self.hosts[host].groups.contains(&UNGROUPED);
                if direct && groups.iter().any(|group| *group > UNGROUPED) {
                    self.groups[UNGROUPED].hosts.retain(|member| *member != host);
                    self.forget(host, UNGROUPED);
                    self.hosts[host].groups.retain(|group| *group != UNGROUPED);
                }
            } else if groups.iter().all(|group| *group == ALL) {
                // By its name: a group of that name is put there in the host's place.
                match self.group(&self.hosts[host].name) {
                    Some(group) => self.add_child(UNGROUPED, group).map_err(|_| Unplaced::Host(host))?,
                    None => self.join(host, UNGROUPED),
                }
            }
        }
        self.set_depths();
        Ok(())
    }

    /// Longest way from `all`, in the order of a topological walk (there are no loops).
    fn set_depths(&mut self) {
        let mut missing: Vec<usize> = self.groups.iter().map(|group| group.parents.len()).collect();
        let mut ready: Vec<GroupId> = (0..self.groups.len()).filter(|group| missing[*group] == 0).collect();
        while let Some(group) = ready.pop() {
            for child in self.groups[group].children.clone() {
                self.groups[child].depth = self.groups[child].depth.max(self.groups[group].depth + 1);
                missing[child] -= 1;
                if missing[child] == 0 {
                    ready.push(child);
                }
            }
        }
    }

    /// Groups in the order in which their variables are laid over each other, `all` left out.
    pub(super) fn by_precedence(&self, groups: &BTreeSet<GroupId>) -> Vec<GroupId> {
        let mut order: Vec<GroupId> = groups.iter().copied().filter(|group| *group != ALL).collect();
        order.sort_by(|one, other| {
            let key = |id: GroupId| {
                (self.groups[id].depth, self.groups[id].priority, self.groups[id].name.as_str())
            };
            key(*one).cmp(&key(*other))
        });
        order
    }
}

/// Python's `int()` of a value; `None` where that fails.
fn priority(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some((*value).into()),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "as Python's int(), and no priority is that large"
        )]
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|float| float as i64)),
        Value::String(text) => python_number::int(text),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
