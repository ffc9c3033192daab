//! Which gate opens for whom, and when. Pure: events in, openings out.
//!
//! The MetaDB is changed when every host that comes to that gate stands before it; the schema step runs on one host at a
//! time, first on the first host of the default region; hosts that serve already change one at a time, after every new
//! host is proved, the first of them as a canary; the databases are touched when OMS is stopped on all hosts, and nothing
//! starts before they are ready. Where the time-series database is brought up, neither the schema step nor a turn begins
//! before it serves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroUsize;

use omsctl_proto::{EventKind, Gate, GateRow, InitOrder, Milestone, NodeName, Role, StepId};

use super::barriers::Barrier;
use super::password_gate::PasswordGate;

/// Why a host that waits is not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shut {
    /// Nothing will change that.
    ForGood(String),
    /// This host may be in the schema step and cannot tell: until it answers again, or is given up.
    Behind(NodeName),
}

/// The doorkeeper of one rollout.
#[derive(Debug)]
pub struct Gates {
    init_order: InitOrder,
    max_failures: Option<NonZeroUsize>,
    /// Hosts that will come to the schema gate, in the order in which they pass.
    schema_queue: VecDeque<NodeName>,
    /// One, but for what was found: whoever hears the past of several hosts hears it in any order.
    schema_holders: BTreeMap<NodeName, SchemaHolder>,
    /// The first host of the default region creates the schemas; from the second on the order is of no matter.
    first_passed: bool,
    at_schema: BTreeSet<NodeName>,
    turn_holders: BTreeSet<NodeName>,
    at_turn: VecDeque<NodeName>,
    /// Hosts that stand while the controller changes the MetaDB.
    metadb: Barrier,
    /// That change was begun by this controller.
    metadb_begun: bool,
    /// Hosts that wait until the MetaDB takes the new password.
    password: PasswordGate,
    /// Hosts that start when the databases are ready.
    databases: Barrier,
    /// Those that touch the databases, when all others stand before [`Gate::Databases`].
    at_stopped: BTreeSet<NodeName>,
    turns_done: usize,
    /// Why no further turn is given.
    turn_shut: Option<String>,
    /// New hosts, and those that leave: whoever serves changes after them.
    first_unfinished: BTreeSet<NodeName>,
    /// Bring the time-series database up, which OMS cannot do without once it is told of it.
    tsdb_awaited: BTreeSet<NodeName>,
    /// Why it does not come.
    tsdb_shut: Option<String>,
    ended: BTreeMap<NodeName, bool>,
    /// A step failed, the host's end is still to come.
    failing: BTreeSet<NodeName>,
    failures: usize,
    closed: bool,
}

#[derive(Debug, Default)]
struct SchemaHolder {
    entered: bool,
    /// The host cannot be asked, so nobody can tell whether its schema step runs.
    lost: bool,
}

impl Gates {
    /// `rows`: every host with steps, in the order of the schema step.
    pub fn new(rows: &[GateRow], init_order: InitOrder, max_failures: Option<NonZeroUsize>) -> Self {
        let schema: Vec<_> = rows.iter().filter(|row| row.gates.contains(&Gate::Schema)).collect();
        // A host that waits for its turn serves already, so the schemas are there; and waiting for it at the schema
        // gate while it waits for the turn of somebody who is there would last for ever.
        let first_passed = schema.first().is_some_and(|row| row.gates.contains(&Gate::Turn));
        let schema_queue = schema.into_iter().map(|row| row.node.clone()).collect();
        let first = |row: &&GateRow| matches!(row.role, Role::New | Role::Leaving);
        let first = rows.iter().filter(first).map(|row| row.node.clone()).collect();
        Self {
            init_order,
            max_failures,
            schema_queue,
            schema_holders: BTreeMap::new(),
            first_passed,
            at_schema: BTreeSet::new(),
            turn_holders: BTreeSet::new(),
            at_turn: VecDeque::new(),
            metadb: Barrier::new(rows, Gate::Metadb),
            metadb_begun: false,
            password: PasswordGate::new(rows),
            databases: Barrier::new(rows, Gate::Databases),
            at_stopped: BTreeSet::new(),
            turns_done: 0,
            turn_shut: None,
            first_unfinished: first,
            tsdb_awaited: rows.iter().filter(|row| row.serves_tsdb).map(|row| row.node.clone()).collect(),
            tsdb_shut: None,
            ended: BTreeMap::new(),
            failing: BTreeSet::new(),
            failures: 0,
            closed: false,
        }
    }

    /// An event of a host's agent.
    pub fn observe(&mut self, node: &NodeName, event: &EventKind) {
        match event {
            EventKind::GateWaiting { gate, .. } => self.waits(node, *gate),
            // Opened by this controller, or by one before it.
            EventKind::GatePassed { gate, .. } => self.passed(node, *gate),
            EventKind::StepMilestone { milestone: Milestone::SchemaEntered, .. } => self.schema_entered(node),
            EventKind::StepMilestone { milestone: Milestone::SchemaOver, .. } => self.schema_over(node),
            EventKind::StepDone { step: StepId::Initialise, .. } => self.release_schema(node),
            EventKind::StepDone { step: StepId::ServeTsdb, .. } => drop(self.tsdb_awaited.remove(node)),
            EventKind::StepFailed { .. } if !self.ended.contains_key(node) => {
                self.failing.insert(node.clone());
            }
            _ => {}
        }
    }

    /// Also once more: a host whose agent was killed before it heard that the gate is open, and one whose
    /// initialisation was interrupted after its schema step and begins again. Whoever waits is not behind the gate.
    fn waits(&mut self, node: &NodeName, gate: Gate) {
        match gate {
            Gate::Schema => {
                self.at_schema.insert(node.clone());
                if !self.schema_queue.contains(node) {
                    self.release_schema(node);
                    self.schema_queue.push_front(node.clone());
                }
            }
            Gate::Metadb => self.metadb.waits(node),
            Gate::Password => self.password.waits(node),
            Gate::Databases => self.databases.waits(node),
            Gate::Stopped => drop(self.at_stopped.insert(node.clone())),
            Gate::Turn if self.turn_holders.remove(node) => {
                self.at_turn.push_front(node.clone());
            }
            Gate::Turn if !self.at_turn.contains(node) => self.at_turn.push_back(node.clone()),
            Gate::Turn => {}
        }
    }

    /// The gate was opened for the host: nobody else is let through it until the host is.
    pub fn passed(&mut self, node: &NodeName, gate: Gate) {
        match gate {
            Gate::Schema => {
                self.first_passed = true;
                self.at_schema.remove(node);
                let waited = self.schema_queue.contains(node);
                self.schema_queue.retain(|waiting| waiting != node);
                if waited {
                    self.schema_holders.entry(node.clone()).or_default();
                }
            }
            Gate::Metadb => self.metadb.passed(node),
            Gate::Password => self.password.passed(node),
            Gate::Databases => self.databases.passed(node),
            Gate::Stopped => drop(self.at_stopped.remove(node)),
            Gate::Turn => {
                self.at_turn.retain(|waiting| waiting != node);
                if !self.ended.contains_key(node) {
                    self.turn_holders.insert(node.clone());
                }
            }
        }
    }

    /// A host of the run that cannot be asked how far it is: whatever gate it may be behind stays shut.
    pub fn absent(&mut self, row: &GateRow) {
        if row.gates.contains(&Gate::Schema) {
            self.schema_holders.insert(row.node.clone(), SchemaHolder { entered: false, lost: true });
        }
        self.given_up(row);
    }

    /// As [`Self::absent`], for a host of which the operator says that it is not in the schema step.
    pub fn given_up(&mut self, row: &GateRow) {
        if row.gates.contains(&Gate::Turn) {
            self.turn_shut.get_or_insert_with(|| format!("{} may be changing, and cannot tell", row.node));
        }
        self.ended(&row.node, false);
    }

    /// The host is finished: proved to the end, or not.
    pub fn ended(&mut self, node: &NodeName, success: bool) {
        if self.ended.insert(node.clone(), success).is_some() {
            return;
        }
        self.failing.remove(node);
        self.metadb
            .ended(node, || format!("{node} is not known to be stopped, and the MetaDB stays as it is"));
        self.password.ended(node);
        self.databases
            .ended(node, || format!("{node} did not come so far, and no host starts before all have"));
        if self.tsdb_awaited.contains(node) {
            self.tsdb_shut = Some(format!(
                "{node} did not bring the time-series database up, and OMS would restart for ever"
            ));
        }
        self.at_stopped.remove(node);
        self.schema_queue.retain(|waiting| waiting != node);
        self.at_schema.remove(node);
        self.at_turn.retain(|waiting| waiting != node);
        if self.schema_holders.get(node).is_some_and(|holder| !holder.entered && !holder.lost) {
            self.schema_holders.remove(node);
        }
        if self.turn_holders.remove(node) {
            if success {
                self.turns_done += 1;
            } else if self.turns_done == 0 {
                self.turn_shut = Some(format!("{node} was the first to change and failed"));
            }
        }
        if success {
            self.first_unfinished.remove(node);
        } else {
            self.failures += 1;
            if self.first_unfinished.contains(node) {
                self.turn_shut.get_or_insert_with(|| format!("{node} comes first and is not finished"));
            }
        }
    }

    /// The waiting host was told to give up: it waits no longer.
    pub fn dismissed(&mut self, node: &NodeName) {
        self.schema_queue.retain(|waiting| waiting != node);
        self.at_schema.remove(node);
        self.metadb.dismissed(node);
        self.password.dismissed(node);
        self.databases.dismissed(node);
        self.at_stopped.remove(node);
        self.at_turn.retain(|waiting| waiting != node);
    }

    /// The host by way of which the MetaDB is to be changed now; given out once.
    pub fn metadb_may_change(&mut self) -> Option<NodeName> {
        let over = self.metadb_begun || self.metadb.is_open() || self.closed || self.failed_enough();
        if over || !self.metadb.all_are_here() {
            return None;
        }
        self.metadb_begun = true;
        self.metadb.first().cloned()
    }

    pub fn metadb_changed(&mut self) {
        self.metadb.set_open();
    }

    pub fn metadb_failed(&mut self, why: String) {
        self.metadb.set_shut(why);
    }

    /// The hosts by way of which the MetaDB is to take the new password now; each is given out once.
    pub fn password_may_change(&mut self) -> Vec<NodeName> {
        if self.closed || self.failed_enough() { Vec::new() } else { self.password.next_to_ask() }
    }

    pub fn password_taken(&mut self, node: &NodeName) {
        self.password.taken(node);
    }

    /// As of [`PasswordGate::refused`].
    pub fn password_refused(&mut self, node: &NodeName, why: String) -> bool {
        self.password.refused(node, why)
    }

    /// The host cannot be reached any more. A schema step that it may be in keeps its gate shut.
    pub fn lost(&mut self, node: &NodeName) {
        if let Some(holder) = self.schema_holders.get_mut(node) {
            holder.lost = true;
        }
        self.ended(node, false);
    }

    /// No gate opens from now on; whoever waits goes on waiting, for another controller.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// The gates to open now; each is given out once.
    pub fn open(&mut self) -> Vec<(NodeName, Gate)> {
        let mut opened = Vec::new();
        if self.closed || self.failed_enough() {
            return opened;
        }
        if self.databases.all_are_here_but(&self.at_stopped) {
            opened.extend(std::mem::take(&mut self.at_stopped).into_iter().map(|node| (node, Gate::Stopped)));
        }
        if self.databases.all_are_here() {
            self.databases.set_open();
        }
        opened.extend(self.databases.let_through());
        opened.extend(self.metadb.let_through());
        opened.extend(self.password.let_through());
        if !self.tsdb_awaited.is_empty() {
            return opened;
        }
        let candidates = if self.first_passed { self.schema_queue.len() } else { 1 };
        if self.schema_holders.is_empty()
            && self.metadb.shut().is_none()
            && let Some(next) =
                self.schema_queue.iter().take(candidates).find(|next| self.at_schema.contains(*next))
        {
            let next = next.clone();
            self.first_passed = true;
            self.schema_queue.retain(|waiting| *waiting != next);
            self.at_schema.remove(&next);
            self.schema_holders.insert(next.clone(), SchemaHolder::default());
            opened.push((next, Gate::Schema));
        }
        if self.turn_holders.is_empty()
            && self.turn_shut.is_none()
            && self.first_unfinished.is_empty()
            && let Some(next) = self.at_turn.pop_front()
        {
            self.turn_holders.insert(next.clone());
            opened.push((next, Gate::Turn));
        }
        opened
    }

    /// Why this waiting host is not let through by this controller, if that is certain.
    pub fn hopeless(&self, node: &NodeName) -> Option<Shut> {
        let at_schema = self.at_schema.contains(node);
        let at_turn = self.at_turn.contains(node);
        let at_metadb = self.metadb.is_before(node);
        let at_password = self.password.is_before(node);
        let at_databases = self.databases.is_before(node) || self.at_stopped.contains(node);
        if self.closed || !(at_schema || at_turn || at_metadb || at_password || at_databases) {
            return None;
        }
        if self.failed_enough() {
            return Some(Shut::ForGood(format!(
                "{} hosts failed, the limit of --max-failures",
                self.failures + self.failing.len()
            )));
        }
        if (at_schema || at_metadb)
            && let Some(reason) = self.metadb.shut()
        {
            return Some(Shut::ForGood(reason.clone()));
        }
        if (at_schema || at_turn)
            && let Some(reason) = &self.tsdb_shut
        {
            return Some(Shut::ForGood(reason.clone()));
        }
        if at_password && let Some(reason) = self.password.shut() {
            return Some(Shut::ForGood(reason.clone()));
        }
        if at_turn && let Some(reason) = &self.turn_shut {
            return Some(Shut::ForGood(reason.clone()));
        }
        if at_databases && let Some(reason) = self.databases.shut() {
            return Some(Shut::ForGood(reason.clone()));
        }
        let mut holders = self.schema_holders.iter().filter(|_| at_schema);
        let (node, holder) = holders.find(|(node, _)| self.ended.contains_key(*node))?;
        Some(if holder.lost {
            Shut::Behind(node.clone())
        } else {
            Shut::ForGood(format!("{node} failed in the schema step, which is not proved over"))
        })
    }

    fn failed_enough(&self) -> bool {
        self.max_failures.is_some_and(|limit| self.failures + self.failing.len() >= limit.get())
    }

    /// Also found running, from a rollout before this one: it holds the gate all the same.
    fn schema_entered(&mut self, node: &NodeName) {
        self.first_passed = true;
        self.schema_queue.retain(|waiting| waiting != node);
        self.schema_holders.entry(node.clone()).or_default().entered = true;
    }

    fn schema_over(&mut self, node: &NodeName) {
        if self.init_order == InitOrder::Staggered || self.ended.contains_key(node) {
            self.release_schema(node);
        } else if let Some(holder) = self.schema_holders.get_mut(node) {
            // Proved over: when the host fails later on, nobody has to wait for it.
            holder.entered = false;
        }
    }

    fn release_schema(&mut self, node: &NodeName) {
        self.schema_holders.remove(node);
    }
}

#[cfg(test)]
#[path = "gates_tests.rs"]
mod tests;
