//! What happened. One event a line, on a host's disk, on the wire, in the history and in `--format jsonl`.
//!
//! Delivery is by number: a reader asks for what came after the last `seq` it has. Unknown events and fields are
//! skipped by readers, so an old reader survives a newer writer.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Claim, ErrorReport, Gate, NodeName, RunId, StepId};

/// An event with its envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Schema version; raised when a reader of the former could misunderstand.
    pub v: u32,
    pub run: RunId,
    /// The host whose agent wrote it; absent and `""` alike mean the controller, which has its own sequence.
    #[serde(default, with = "node_or_controller")]
    #[schemars(with = "String")]
    pub node: Option<NodeName>,
    /// Which incarnation of the writer.
    pub boot: String,
    /// Gap-free from 1 for each run and node. Lossy events have 0: they are never journalled.
    pub seq: u64,
    /// The writer's clock: RFC 3339, UTC, milliseconds.
    pub t: String,
    /// Milliseconds since this incarnation of the writer began; for durations when a clock steps.
    pub mono_ms: u64,
    #[serde(flatten)]
    pub kind: EventKind,
}

impl Event {
    /// The version written today.
    pub const VERSION: u32 = 1;
}

/// The closed list of what can happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    // On a host, by its agent.
    /// The whole plan, before its first step.
    PlanAccepted {
        steps: Vec<PlannedStep>,
        agent_version: String,
    },
    /// The agent waits until the controller opens the gate.
    GateWaiting {
        step: StepId,
        gate: Gate,
    },
    /// The agent was told that the gate is open, and goes on.
    GatePassed {
        step: StepId,
        gate: Gate,
    },
    StepStarted {
        step: StepId,
        why: String,
    },
    /// The agent needs bytes of an image: the content's name, how many bytes of it the agent has, and where (address and
    /// port) it lets other agents of the run in.
    ContentWanted {
        step: StepId,
        content: String,
        offset: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        door: Option<SocketAddr>,
    },
    /// The agent needs the secrets that a reboot took away, and waits for a controller that has them.
    SecretsWanted {
        step: StepId,
    },
    /// Another controller than before gives the orders from now on.
    ControllerChanged {
        claim: Claim,
        operator: String,
    },
    /// Lossy: only the latest matters.
    StepProgress {
        step: StepId,
        current: u64,
        total: Option<u64>,
        unit: Unit,
    },
    /// Lossy: what a program printed, one line, at most 400 characters.
    StepOutput {
        step: StepId,
        line: String,
    },
    /// Something inside a step that others wait for.
    StepMilestone {
        step: StepId,
        milestone: Milestone,
        evidence: Evidence,
    },
    /// Worth knowing, and not a failure.
    StepWarning {
        step: StepId,
        message: String,
    },
    StepDone {
        step: StepId,
        outcome: Outcome,
        evidence: Evidence,
        elapsed_ms: u64,
    },
    StepFailed {
        step: StepId,
        error: ErrorReport,
        elapsed_ms: u64,
    },
    /// Terminal: every step is done and proved.
    NodeDone {
        changed: bool,
    },
    /// Terminal: a step failed; what came after it was not begun.
    NodeFailed {
        step: StepId,
        error: ErrorReport,
    },
    /// Terminal: somebody asked for it, between two steps.
    NodeAborted {
        by: String,
        reason: String,
    },
    /// Terminal: this incarnation of the agent cannot tell how far the one before it got.
    NodeUnknown {
        error: ErrorReport,
    },

    // By the controller.
    RolloutStarted {
        command: String,
        operator: String,
        hosts: Vec<NodeName>,
    },
    HostConnected {
        host: NodeName,
        address: String,
        agent_pushed_bytes: u64,
    },
    /// The host is left out.
    HostUnreachable {
        host: NodeName,
        error: ErrorReport,
    },
    HostLost {
        host: NodeName,
        error: ErrorReport,
    },
    HostRegained {
        host: NodeName,
    },
    Check {
        check: CheckResult,
    },
    HostPlanned {
        host: NodeName,
        steps: Vec<PlannedStep>,
    },
    GateOpened {
        host: NodeName,
        gate: Gate,
    },
    /// Bytes of an image on their way to a host; lossy.
    ContentSent {
        host: NodeName,
        current: u64,
        total: u64,
    },
    /// The MetaDB shows the host as it should.
    HostRegistered {
        host: NodeName,
        evidence: Evidence,
        elapsed_ms: u64,
    },
    HostNotRegistered {
        host: NodeName,
        error: ErrorReport,
    },
    /// The MetaDB lists the host no longer; the evidence keeps what it listed.
    HostRemoved {
        host: NodeName,
        evidence: Evidence,
        elapsed_ms: u64,
    },
    HostNotRemoved {
        host: NodeName,
        error: ErrorReport,
    },
    Notice {
        message: String,
    },
    /// Terminal of the whole run.
    RolloutFinished {
        result: RunResult,
        exit: u8,
        nodes: Vec<NodeOutcome>,
        /// Addresses of the console, for instance `http://10.0.0.11:8089`.
        #[serde(default)]
        consoles: Vec<String>,
        /// `enable` of `ha.config` in the MetaDB; a missing row is off.
        #[serde(default)]
        ha_enabled: bool,
    },

    /// From a newer writer: skip it.
    #[serde(other)]
    Unknown,
}

/// What may happen to an event on a slow or broken link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// May be merged or dropped; never journalled, never numbered.
    Lossy,
    /// Numbered, journalled and delivered.
    Kept,
    /// Kept, and nothing follows it from this writer.
    Terminal,
}

impl EventKind {
    pub fn importance(&self) -> Importance {
        match self {
            Self::StepProgress { .. }
            | Self::StepOutput { .. }
            | Self::ContentSent { .. }
            | Self::Unknown => Importance::Lossy,
            Self::NodeDone { .. }
            | Self::NodeFailed { .. }
            | Self::NodeAborted { .. }
            | Self::NodeUnknown { .. }
            | Self::RolloutFinished { .. } => Importance::Terminal,
            Self::PlanAccepted { .. }
            | Self::GateWaiting { .. }
            | Self::GatePassed { .. }
            | Self::StepStarted { .. }
            | Self::ContentWanted { .. }
            | Self::SecretsWanted { .. }
            | Self::ControllerChanged { .. }
            | Self::StepMilestone { .. }
            | Self::StepWarning { .. }
            | Self::StepDone { .. }
            | Self::StepFailed { .. }
            | Self::RolloutStarted { .. }
            | Self::HostConnected { .. }
            | Self::HostUnreachable { .. }
            | Self::HostLost { .. }
            | Self::HostRegained { .. }
            | Self::Check { .. }
            | Self::HostPlanned { .. }
            | Self::GateOpened { .. }
            | Self::HostRegistered { .. }
            | Self::HostNotRegistered { .. }
            | Self::HostRemoved { .. }
            | Self::HostNotRemoved { .. }
            | Self::Notice { .. } => Importance::Kept,
        }
    }
}

/// The proof of a result: names as in the field (`container_id`), values as text.
pub type Evidence = BTreeMap<String, String>;

/// A step as it is announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedStep {
    pub id: StepId,
    pub why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Bytes,
    Services,
    Databases,
    /// Headings of `docker_init.sh`, 1 to 5.
    InitSteps,
}

/// The places inside the initialisation that gates depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// The schema step may be running from here on.
    SchemaEntered,
    /// The schema step is proved over: a later heading, success, or a failure whose process is gone.
    SchemaOver,
}

/// How a step ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Changed,
    /// It was so already.
    Unchanged,
}

/// One row of `check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// Absent for a check of the whole cluster.
    #[serde(default, with = "node_or_controller")]
    #[schemars(with = "String")]
    pub node: Option<NodeName>,
    pub name: String,
    pub status: CheckStatus,
    pub expected: String,
    pub found: String,
    /// The remedy; empty when there is nothing to do.
    pub fix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    Pass,
    Warn,
    /// It could not be looked at.
    Unknown,
    Fail,
}

/// How a run ended for one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeOutcome {
    pub node: NodeName,
    pub result: NodeResult,
    pub error: Option<ErrorReport>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeResult {
    /// Something was changed, and it is proved.
    Changed,
    /// Nothing differed.
    Unchanged,
    Failed,
    Unreachable,
    /// Not begun or not finished because of another host, a limit, or the operator.
    Waiting,
    /// Left out by `--keep-going` because a check failed.
    LeftOut,
    Unknown,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    Done,
    Unchanged,
    Failed,
    Refused,
    Unreachable,
    Busy,
    Interrupted,
}

/// `""` on the wire for the controller.
mod node_or_controller {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::NodeName;

    #[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
    pub(super) fn serialize<S: Serializer>(
        node: &Option<NodeName>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(node.as_ref().map_or("", NodeName::as_str))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<NodeName>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() { Ok(None) } else { NodeName::new(text).map(Some).map_err(de::Error::custom) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(kind: EventKind) -> Event {
        Event {
            v: Event::VERSION,
            run: RunId::new("r-1").unwrap(),
            node: None,
            boot: "b".to_owned(),
            seq: 1,
            t: "2026-11-22T17:40:00.000Z".to_owned(),
            mono_ms: 5,
            kind,
        }
    }

    #[test]
    fn the_envelope_and_the_event_are_one_flat_object() {
        let event = sample(EventKind::GateWaiting { step: StepId::Initialise, gate: Gate::Schema });
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            text,
            r#"{"v":1,"run":"r-1","node":"","boot":"b","seq":1,"t":"2026-11-22T17:40:00.000Z","mono_ms":5,"event":"gate_waiting","step":"initialise","gate":"schema"}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }

    #[test]
    fn an_event_from_the_future_loads_as_unknown() {
        let text = r#"{"v":1,"run":"r-1","node":"n1","boot":"b","seq":9,"t":"x","mono_ms":5,"event":"teleported","to":"mars"}"#;
        let event: Event = serde_json::from_str(text).unwrap();
        assert_eq!(event.kind, EventKind::Unknown);
        assert_eq!(event.node.unwrap().as_str(), "n1");
    }
}
