//! Where all hosts of a run wait for each other: OMS is stopped everywhere, then the databases are changed on one host,
//! then everything starts. Pure, as the gates that it belongs to.

use std::collections::BTreeSet;

use omsctl_proto::{Gate, GateRow, NodeName};

/// Both gates of a change of version: [`Gate::Stopped`] before the databases are touched, [`Gate::Databases`] after.
#[derive(Debug, Default)]
pub(super) struct Barriers {
    /// Hosts that come to [`Gate::Databases`].
    all: BTreeSet<NodeName>,
    /// Those of them that are there.
    arrived: BTreeSet<NodeName>,
    /// Those that were let through.
    through: BTreeSet<NodeName>,
    /// Hosts that wait at [`Gate::Stopped`].
    at_stopped: BTreeSet<NodeName>,
    /// Why nobody is let through any more.
    broken: Option<String>,
}

impl Barriers {
    pub(super) fn new(rows: &[GateRow]) -> Self {
        let all = rows.iter().filter(|row| row.gates.contains(&Gate::Databases));
        Self { all: all.map(|row| row.node.clone()).collect(), ..Self::default() }
    }

    pub(super) fn waits(&mut self, node: &NodeName, gate: Gate) {
        match gate {
            Gate::Stopped => drop(self.at_stopped.insert(node.clone())),
            Gate::Databases => {
                self.through.remove(node);
                self.arrived.insert(node.clone());
            }
            Gate::Turn | Gate::Schema | Gate::Metadb => {}
        }
    }

    pub(super) fn passed(&mut self, node: &NodeName, gate: Gate) {
        match gate {
            Gate::Stopped => drop(self.at_stopped.remove(node)),
            Gate::Databases => {
                self.arrived.remove(node);
                self.through.insert(node.clone());
            }
            Gate::Turn | Gate::Schema | Gate::Metadb => {}
        }
    }

    /// The host comes no further, or is done.
    pub(super) fn ended(&mut self, node: &NodeName) {
        self.at_stopped.remove(node);
        self.arrived.remove(node);
        // Once somebody is through, all had come: what fails later holds nobody up.
        if self.all.contains(node) && self.through.is_empty() {
            self.broken.get_or_insert_with(|| {
                format!("{node} did not come so far, and no host starts before all have")
            });
        }
    }

    /// The gates to open now, each given out once.
    pub(super) fn open(&mut self) -> Vec<(NodeName, Gate)> {
        if self.broken.is_some() {
            return Vec::new();
        }
        let mut opened = Vec::new();
        let here = |node: &NodeName| self.arrived.contains(node) || self.through.contains(node);
        if self.all.iter().all(|node| here(node) || self.at_stopped.contains(node)) {
            let stopped = std::mem::take(&mut self.at_stopped);
            opened.extend(stopped.into_iter().map(|node| (node, Gate::Stopped)));
        }
        let here = |node: &NodeName| self.arrived.contains(node) || self.through.contains(node);
        if !self.through.is_empty() || self.all.iter().all(here) {
            let arrived = std::mem::take(&mut self.arrived);
            self.through.extend(arrived.iter().cloned());
            opened.extend(arrived.into_iter().map(|node| (node, Gate::Databases)));
        }
        opened
    }

    /// Why this host is not let through; for one that waits at one of these gates.
    pub(super) fn hopeless(&self, node: &NodeName) -> Option<String> {
        let waits = self.at_stopped.contains(node) || self.arrived.contains(node);
        self.broken.clone().filter(|_| waits)
    }

    pub(super) fn waits_here(&self, node: &NodeName) -> bool {
        self.at_stopped.contains(node) || self.arrived.contains(node)
    }
}

#[cfg(test)]
mod tests {
    use omsctl_proto::{MetaDbProof, Role};

    use super::*;

    fn name(text: &str) -> NodeName {
        NodeName::new(text).unwrap()
    }

    /// `n1` changes the databases, `n2` and `n3` only wait.
    fn barriers() -> Barriers {
        let row = |node: &str, gates: &[Gate]| GateRow {
            node: name(node),
            role: Role::Existing,
            gates: gates.iter().copied().collect(),
            proof: MetaDbProof::Registered,
        };
        Barriers::new(&[
            row("n1", &[Gate::Stopped, Gate::Databases]),
            row("n2", &[Gate::Databases, Gate::Schema]),
            row("n3", &[Gate::Databases]),
        ])
    }

    #[test]
    fn the_databases_are_touched_when_all_others_are_stopped_and_nobody_starts_before_they_are_ready() {
        let mut barriers = barriers();
        barriers.waits(&name("n1"), Gate::Stopped);
        barriers.waits(&name("n2"), Gate::Databases);
        assert_eq!(barriers.open(), []);
        barriers.waits(&name("n3"), Gate::Databases);
        assert_eq!(barriers.open(), [(name("n1"), Gate::Stopped)]);
        barriers.passed(&name("n1"), Gate::Stopped);
        assert_eq!(barriers.open(), []);
        barriers.waits(&name("n1"), Gate::Databases);
        let all = ["n1", "n2", "n3"].map(|node| (name(node), Gate::Databases));
        assert_eq!(barriers.open(), all);
        assert_eq!(barriers.open(), []);
    }

    #[test]
    fn whoever_fails_or_is_lost_before_keeps_the_others_from_starting() {
        let mut barriers = barriers();
        barriers.waits(&name("n1"), Gate::Stopped);
        barriers.waits(&name("n2"), Gate::Databases);
        barriers.ended(&name("n3"));
        assert_eq!(barriers.open(), []);
        assert!(barriers.hopeless(&name("n1")).unwrap().contains("n3"));
        assert!(barriers.hopeless(&name("n2")).is_some());
        assert_eq!(barriers.hopeless(&name("n3")), None);
    }

    #[test]
    fn whoever_fails_afterwards_holds_nobody_up() {
        let mut barriers = barriers();
        // A controller that takes over hears that one is through.
        barriers.passed(&name("n3"), Gate::Databases);
        barriers.ended(&name("n3"));
        barriers.waits(&name("n2"), Gate::Databases);
        assert_eq!(barriers.open(), [(name("n2"), Gate::Databases)]);
        assert_eq!(barriers.hopeless(&name("n2")), None);
    }
}
