//! Folds events into a picture: where every host is, what it waits for, how it ended. Every reporter draws from it.
//!
//! Each writer (an agent, the controller) only changes its own part of the picture, and an event that was seen
//! already changes nothing. So the picture does not depend on how the writers' events are interleaved, nor on
//! how often they are delivered. Knows no clock: durations are differences between times that the writers gave.

use std::collections::{BTreeMap, BTreeSet};

use omsctl_proto::{
    CheckResult, CheckStatus, ErrorReport, Event, EventKind, Gate, Importance, NodeName, NodeOutcome,
    NodeResult, Outcome, RunId, RunResult, StepId,
};

use super::agent_part::AgentPart;
use super::controller_part::ControllerPart;
use super::totals::Totals;

/// The whole run, as far as the events tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    run: Option<RunId>,
    command: String,
    operator: String,
    /// The hosts in the order in which they were announced.
    order: Vec<NodeName>,
    nodes: BTreeMap<NodeName, NodePicture>,
    /// Hosts in the order in which a gate was opened for them.
    openings: Vec<(Gate, NodeName)>,
    checks: Vec<CheckResult>,
    notices: Vec<String>,
    ending: Option<Ending>,
    /// The controller's `mono_ms` of its first event and of its latest numbered one.
    began_ms: Option<u64>,
    latest_ms: u64,
    controller_seq: u64,
}

/// What is known about one host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodePicture {
    pub agent: AgentPart,
    pub controller: ControllerPart,
}

/// The terminal event of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    pub result: RunResult,
    pub exit: u8,
    pub nodes: Vec<NodeOutcome>,
    /// Addresses of the console.
    pub consoles: Vec<String>,
    pub ha_enabled: bool,
}

/// Where a host is, most telling first.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase<'a> {
    /// The run told this result for it.
    Ended {
        result: NodeResult,
        error: Option<&'a ErrorReport>,
    },
    Unreachable(&'a ErrorReport),
    Failed {
        step: StepId,
        error: &'a ErrorReport,
    },
    /// The agent's steps are done and the MetaDB does not show it.
    NotRegistered(&'a ErrorReport),
    Aborted {
        reason: &'a str,
    },
    Unknown(&'a ErrorReport),
    /// The connection is lost and being sought again; its agent goes on.
    Lost(&'a ErrorReport),
    /// `holder` is the host that is in the gate now, when there is one.
    Waiting {
        gate: Gate,
        step: StepId,
        holder: Option<&'a NodeName>,
    },
    Working {
        step: StepId,
    },
    /// Between two steps, or before the first.
    Walking,
    /// The agent is done; the MetaDB is asked.
    Registering,
    Done {
        changed: bool,
    },
    /// It has a plan, nothing was begun.
    Planned,
    Connected,
    Connecting,
}

impl Tally {
    /// From all events at once.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut tally = Self::default();
        for event in events {
            tally.add(event);
        }
        tally
    }

    /// Takes one event in; `false` when it was seen already or came too late to matter.
    pub fn add(&mut self, event: &Event) -> bool {
        if self.run.is_none() {
            self.run = Some(event.run.clone());
        }
        match &event.node {
            Some(node) => self.add_of_agent(node, event),
            None => self.add_of_controller(event),
        }
    }

    /// The first word of a host is news whatever it says: there is one host more.
    fn add_of_agent(&mut self, node: &NodeName, event: &Event) -> bool {
        let unknown = !self.nodes.contains_key(node);
        self.nodes.entry(node.clone()).or_default().agent.add(event) || unknown
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a fold takes the events that it is about")]
    fn add_of_controller(&mut self, event: &Event) -> bool {
        if event.kind.importance() == Importance::Lossy {
            return self.add_lossy_of_controller(event);
        }
        if event.seq <= self.controller_seq {
            return false;
        }
        self.controller_seq = event.seq;
        self.began_ms.get_or_insert(event.mono_ms);
        self.latest_ms = event.mono_ms;
        match &event.kind {
            EventKind::RolloutStarted { command, operator, hosts } => {
                self.command.clone_from(command);
                self.operator.clone_from(operator);
                for host in hosts {
                    self.host(host);
                }
            }
            EventKind::Check { check } => self.checks.push(check.clone()),
            EventKind::Notice { message } => self.notices.push(message.clone()),
            EventKind::GateOpened { host, gate } => {
                self.host(host);
                self.openings.push((*gate, host.clone()));
            }
            EventKind::RolloutFinished { result, exit, nodes, consoles, ha_enabled } => {
                for outcome in nodes {
                    self.host(&outcome.node);
                }
                self.ending = Some(Ending {
                    result: *result,
                    exit: *exit,
                    nodes: nodes.clone(),
                    consoles: consoles.clone(),
                    ha_enabled: *ha_enabled,
                });
            }
            other => {
                if let Some(host) = host_of(other) {
                    self.host(host).add(other);
                }
            }
        }
        true
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a fold takes the events that it is about")]
    fn add_lossy_of_controller(&mut self, event: &Event) -> bool {
        match &event.kind {
            // It may be lost, so it announces nobody: the order of the hosts must not depend on it.
            EventKind::ContentSent { host, current, total } => {
                self.nodes.entry(host.clone()).or_default().controller.sent(*current, *total)
            }
            _ => false,
        }
    }

    /// The controller's part about a host, which is announced by the first mention.
    fn host(&mut self, host: &NodeName) -> &mut ControllerPart {
        if !self.order.contains(host) {
            self.order.push(host.clone());
        }
        &mut self.nodes.entry(host.clone()).or_default().controller
    }

    pub fn run(&self) -> Option<&RunId> {
        self.run.as_ref()
    }

    /// As the operator typed it.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// `user@bastion`.
    pub fn operator(&self) -> &str {
        &self.operator
    }

    pub fn checks(&self) -> &[CheckResult] {
        &self.checks
    }

    /// The checks that did not pass.
    pub fn troubles(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(|check| matches!(check.status, CheckStatus::Fail | CheckStatus::Unknown))
    }

    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Milliseconds between the controller's first and latest numbered event.
    pub fn elapsed_ms(&self) -> u64 {
        self.latest_ms.saturating_sub(self.began_ms.unwrap_or(self.latest_ms))
    }

    /// The hosts: announced ones in their order, then those that only an agent or a lossy event told of.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeName, &NodePicture)> {
        let announced: BTreeSet<&NodeName> = self.order.iter().collect();
        let others = self.nodes.iter().filter(move |(name, _)| !announced.contains(name));
        self.order.iter().filter_map(|name| self.nodes.get_key_value(name)).chain(others)
    }

    pub fn node(&self, name: &NodeName) -> Option<&NodePicture> {
        self.nodes.get(name)
    }

    /// No agent was given a plan: nothing was changed.
    pub fn untouched(&self) -> bool {
        self.nodes.values().all(|node| node.agent.planned.is_empty())
    }

    /// The host that the gate was opened for and that is not through yet; the latest such.
    pub fn holder(&self, gate: Gate) -> Option<&NodeName> {
        let opened = self.openings.iter().rev().filter(|(opened, _)| *opened == gate).map(|(_, host)| host);
        let inside = self
            .nodes()
            .filter(|(_, node)| gate == Gate::Schema && node.agent.in_schema())
            .map(|(name, _)| name);
        inside.chain(opened).find(|host| !self.through(host, gate))
    }

    fn through(&self, host: &NodeName, gate: Gate) -> bool {
        self.nodes.get(host).is_none_or(|node| match gate {
            Gate::Schema => node.agent.schema_over() || node.agent.end.is_some(),
            Gate::Turn => node.agent.end.is_some(),
            // Nobody holds these up alone.
            Gate::Stopped | Gate::Databases | Gate::Metadb | Gate::Password => true,
        })
    }

    /// Where the host is.
    pub fn phase(&self, name: &NodeName) -> Phase<'_> {
        let Some(node) = self.nodes.get(name) else { return Phase::Connecting };
        let outcome =
            self.ending.as_ref().and_then(|ending| ending.nodes.iter().find(|outcome| outcome.node == *name));
        if let Some(outcome) = outcome {
            return Phase::Ended { result: outcome.result, error: outcome.error.as_ref() };
        }
        let verdict = node.controller.verdict(&node.agent);
        verdict
            .or_else(|| node.agent.phase(|gate| self.holder(gate)))
            .unwrap_or_else(|| node.controller.phase())
    }

    /// How the host's steps stand: done, of all.
    pub fn steps(&self, name: &NodeName) -> (usize, usize) {
        self.nodes.get(name).map_or((0, 0), NodePicture::steps)
    }

    /// Over all hosts; when the run has ended, over those that it was about (`--limit`).
    pub fn totals(&self) -> Totals {
        let about = |name: &NodeName| {
            self.ending.as_ref().is_none_or(|ending| ending.nodes.iter().any(|node| node.node == *name))
        };
        let mut totals = Totals::default();
        for (name, node) in self.nodes.iter().filter(|(name, _)| about(name)) {
            totals.hosts += 1;
            let (done, all) = node.steps();
            totals.steps += all;
            totals.steps_done += done;
            totals.steps_changed += node.steps_changed();
            totals.count(&self.phase(name));
        }
        totals
    }
}

impl NodePicture {
    /// Done, of all; the registration counts when it is planned.
    pub fn steps(&self) -> (usize, usize) {
        let registered = usize::from(self.controller.plans_registration() && self.controller.registered());
        let all = self.agent.planned.len() + usize::from(self.controller.plans_registration());
        (self.agent.done.len() + registered, all.max(self.controller.planned.len()))
    }

    /// Steps that changed something.
    pub fn steps_changed(&self) -> usize {
        self.agent.done.values().filter(|outcome| **outcome == Outcome::Changed).count()
    }
}

/// The host that an event of the controller is about.
#[expect(clippy::wildcard_enum_match_arm, reason = "a fold takes the events that it is about")]
pub(super) fn host_of(kind: &EventKind) -> Option<&NodeName> {
    match kind {
        EventKind::HostConnected { host, .. }
        | EventKind::HostUnreachable { host, .. }
        | EventKind::HostLost { host, .. }
        | EventKind::HostRegained { host }
        | EventKind::HostPlanned { host, .. }
        | EventKind::GateOpened { host, .. }
        | EventKind::ContentSent { host, .. }
        | EventKind::HostRegistered { host, .. }
        | EventKind::HostNotRegistered { host, .. }
        | EventKind::HostRemoved { host, .. }
        | EventKind::HostNotRemoved { host, .. } => Some(host),
        _ => None,
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "tally_streams_tests.rs"]
mod streams_tests;
