//! A gate that opens for all of its hosts at once, when each of them stands before it. Pure, as the gates that it
//! belongs to.

use std::collections::BTreeSet;

use omsctl_proto::{Gate, GateRow, NodeName};

/// One such gate.
#[derive(Debug)]
pub(super) struct Barrier {
    gate: Gate,
    /// Hosts that come to it.
    all: BTreeSet<NodeName>,
    /// Hosts that wait before it.
    waiting: BTreeSet<NodeName>,
    /// Opened, by whichever controller: from then on nobody holds anybody up.
    open: bool,
    /// Why it will not open.
    shut: Option<String>,
}

impl Barrier {
    pub(super) fn new(rows: &[GateRow], gate: Gate) -> Self {
        let all = rows.iter().filter(|row| row.gates.contains(&gate)).map(|row| row.node.clone());
        Self { gate, all: all.collect(), waiting: BTreeSet::new(), open: false, shut: None }
    }

    pub(super) fn waits(&mut self, node: &NodeName) {
        self.waiting.insert(node.clone());
    }

    pub(super) fn passed(&mut self, node: &NodeName) {
        self.open = true;
        self.waiting.remove(node);
    }

    /// The host comes no further, or is done.
    pub(super) fn ended(&mut self, node: &NodeName, why: impl FnOnce() -> String) {
        self.waiting.remove(node);
        if self.all.contains(node) && !self.open {
            self.shut.get_or_insert_with(why);
        }
    }

    /// Nobody waits for this host any more.
    pub(super) fn forget(&mut self, node: &NodeName) {
        self.all.remove(node);
        self.waiting.remove(node);
    }

    /// Those who wait there.
    pub(super) fn waiting(&self) -> &BTreeSet<NodeName> {
        &self.waiting
    }

    /// The host was told to give up.
    pub(super) fn dismissed(&mut self, node: &NodeName) {
        self.waiting.remove(node);
    }

    /// Every host of it, but for these, stands before it or has been let through.
    pub(super) fn all_are_here_but(&self, others: &BTreeSet<NodeName>) -> bool {
        let here = |node: &NodeName| self.waiting.contains(node) || others.contains(node);
        !self.all.is_empty() && self.shut.is_none() && (self.open || self.all.iter().all(here))
    }

    pub(super) fn all_are_here(&self) -> bool {
        self.all_are_here_but(&BTreeSet::new())
    }

    /// A host that waits there.
    pub(super) fn first(&self) -> Option<&NodeName> {
        self.waiting.first()
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn set_open(&mut self) {
        self.open = true;
    }

    pub(super) fn set_shut(&mut self, why: String) {
        self.shut = Some(why);
    }

    pub(super) fn shut(&self) -> Option<&String> {
        self.shut.as_ref()
    }

    pub(super) fn is_before(&self, node: &NodeName) -> bool {
        self.waiting.contains(node)
    }

    /// Whoever is let through now; each once.
    pub(super) fn let_through(&mut self) -> Vec<(NodeName, Gate)> {
        if !self.open || self.shut.is_some() {
            return Vec::new();
        }
        std::mem::take(&mut self.waiting).into_iter().map(|node| (node, self.gate)).collect()
    }
}
