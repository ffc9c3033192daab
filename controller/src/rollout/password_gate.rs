//! The gate before which hosts wait until the MetaDB takes the new password: tried from one of them, then from all others at
//! once, then it opens for all at once, so that the time between is short. Pure, as the gates that it belongs to.

use std::collections::BTreeSet;

use omsctl_proto::{Gate, GateRow, NodeName};

use super::barriers::Barrier;

#[derive(Debug)]
pub(super) struct PasswordGate {
    barrier: Barrier,
    /// Hosts by way of which it was tried.
    asked: BTreeSet<NodeName>,
    taken: BTreeSet<NodeName>,
}

impl PasswordGate {
    pub(super) fn new(rows: &[GateRow]) -> Self {
        Self { barrier: Barrier::new(rows, Gate::Password), asked: BTreeSet::new(), taken: BTreeSet::new() }
    }

    pub(super) fn waits(&mut self, node: &NodeName) {
        self.barrier.waits(node);
    }

    pub(super) fn passed(&mut self, node: &NodeName) {
        self.barrier.passed(node);
    }

    /// The host comes no further. Nothing is changed then, and what is changed holds nobody up.
    pub(super) fn ended(&mut self, node: &NodeName) {
        if self.taken.is_empty() {
            let why = || {
                format!(
                    "{node} did not come so far, and would be locked out: the MetaDB's password stays as it is"
                )
            };
            self.barrier.ended(node, why);
        } else {
            self.barrier.forget(node);
            self.open_when_taken();
        }
    }

    pub(super) fn dismissed(&mut self, node: &NodeName) {
        self.barrier.dismissed(node);
    }

    /// The hosts by way of which it is to be tried now; each is given out once.
    pub(super) fn next_to_ask(&mut self) -> Vec<NodeName> {
        if self.barrier.is_open() || !self.barrier.all_are_here() {
            return Vec::new();
        }
        let waiting = self.barrier.waiting();
        let new: Vec<NodeName> = match (self.asked.is_empty(), self.taken.is_empty()) {
            (true, _) => waiting.first().cloned().into_iter().collect(),
            (false, true) => Vec::new(),
            (false, false) => waiting.difference(&self.asked).cloned().collect(),
        };
        self.asked.extend(new.iter().cloned());
        new
    }

    /// The MetaDB takes the new password from this host.
    pub(super) fn taken(&mut self, node: &NodeName) {
        self.taken.insert(node.clone());
        self.open_when_taken();
    }

    /// It does not. True when the others go on without this host, since the password is changed already.
    pub(super) fn refused(&mut self, node: &NodeName, why: String) -> bool {
        let others = !self.taken.is_empty();
        if others {
            self.barrier.forget(node);
            self.open_when_taken();
        } else {
            self.barrier.set_shut(why);
        }
        others
    }

    pub(super) fn shut(&self) -> Option<&String> {
        self.barrier.shut()
    }

    pub(super) fn is_before(&self, node: &NodeName) -> bool {
        self.barrier.is_before(node)
    }

    pub(super) fn let_through(&mut self) -> Vec<(NodeName, Gate)> {
        self.barrier.let_through()
    }

    fn open_when_taken(&mut self) {
        if self.barrier.all_are_here() && self.barrier.waiting().is_subset(&self.taken) {
            self.barrier.set_open();
        }
    }
}
