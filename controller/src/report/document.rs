//! The final JSON documents of `--format json`. Others rely on these shapes: fields may be added, never changed.

use std::collections::BTreeMap;

use omsctl_proto::{
    CheckResult, CheckStatus, ErrorReport, Event, NodeName, NodeOutcome, PlannedStep, RunId, RunResult,
    StepId,
};
use serde::Serialize;

use super::tally::Tally;
use crate::ports::RunRecord;

/// What a plan says, for every way of showing it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanView {
    /// Every host of `--limit`; without steps where nothing differs.
    pub nodes: Vec<(NodeName, Vec<PlannedStep>)>,
    pub warnings: Vec<String>,
}

impl PlanView {
    /// The total of steps.
    pub fn changes(&self) -> usize {
        self.nodes.iter().map(|(_, steps)| steps.len()).sum()
    }
}

/// `omsctl plan --format json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanDocument {
    pub changes: usize,
    pub nodes: Vec<PlannedNode>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedNode {
    pub node: NodeName,
    pub steps: Vec<StepDocument>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepDocument {
    pub id: StepId,
    pub why: String,
}

impl From<&PlanView> for PlanDocument {
    fn from(plan: &PlanView) -> Self {
        let step = |step: &PlannedStep| StepDocument { id: step.id, why: step.why.clone() };
        let node = |(node, steps): &(NodeName, Vec<PlannedStep>)| PlannedNode {
            node: node.clone(),
            steps: steps.iter().map(step).collect(),
        };
        Self { changes: plan.changes(), nodes: plan.nodes.iter().map(node).collect() }
    }
}

/// `omsctl check --format json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckDocument {
    /// No `fail` and no `unknown`.
    pub passed: bool,
    pub checks: Vec<CheckResult>,
}

impl CheckDocument {
    pub fn new(checks: Vec<CheckResult>) -> Self {
        Self { passed: passed(&checks), checks }
    }
}

/// Whether nothing failed and everything could be looked at.
pub fn passed(checks: &[CheckResult]) -> bool {
    checks.iter().all(|check| matches!(check.status, CheckStatus::Pass | CheckStatus::Warn))
}

/// `omsctl apply --format json`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApplyDocument {
    pub run: RunId,
    pub result: RunResult,
    pub exit: u8,
    pub nodes: Vec<NodeOutcome>,
}

impl ApplyDocument {
    /// `None` before the terminal event of the run.
    pub fn of(tally: &Tally) -> Option<Self> {
        let (run, ending) = (tally.run()?.clone(), tally.ending()?.clone());
        Some(Self { run, result: ending.result, exit: ending.exit, nodes: ending.nodes })
    }
}

/// `omsctl status --format json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusDocument {
    /// Every host is ready.
    pub healthy: bool,
    pub nodes: Vec<NodeStatus>,
}

/// What was observed on one host; `None` where there is nothing or nobody could look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    pub node: NodeName,
    pub state: NodeState,
    /// `oms_host_ip`.
    pub address: Option<String>,
    pub image_id: Option<String>,
    pub container_id: Option<String>,
    /// supervisord's programs and their states.
    pub services: BTreeMap<String, String>,
    pub registered: Option<Registered>,
    /// Why the state is not `ready`, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReport>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    Ready,
    /// The container runs and something in it does not.
    Degraded,
    Stopped,
    /// There is no container.
    Absent,
    Unreachable,
    Unknown,
}

/// The host's rows in the MetaDB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registered {
    /// `host_status` of the CM database.
    pub status: Option<String>,
    /// Seconds, by the database's clock.
    pub heartbeat_age_s: Option<i64>,
}

impl StatusDocument {
    pub fn new(nodes: Vec<NodeStatus>) -> Self {
        Self { healthy: nodes.iter().all(|node| node.state == NodeState::Ready), nodes }
    }
}

/// `omsctl history --format json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryDocument {
    /// Newest first.
    pub runs: Vec<RunDocument>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunDocument {
    pub run: RunId,
    pub command: String,
    /// RFC 3339, UTC.
    pub started: String,
    pub finished: Option<String>,
    pub result: Option<RunResult>,
}

impl From<&RunRecord> for RunDocument {
    fn from(record: &RunRecord) -> Self {
        Self {
            run: record.run.clone(),
            command: record.command.clone(),
            started: record.started.clone(),
            finished: record.finished.clone(),
            result: record.result,
        }
    }
}

impl HistoryDocument {
    pub fn new(records: &[RunRecord]) -> Self {
        Self { runs: records.iter().map(RunDocument::from).collect() }
    }
}

/// `omsctl show RUN --format json`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShowDocument {
    pub run: RunId,
    pub result: Option<RunResult>,
    pub events: Vec<Event>,
}

impl ShowDocument {
    pub fn new(run: RunId, events: Vec<Event>) -> Self {
        let result = Tally::of(&events).ending().map(|ending| ending.result);
        Self { run, result, events }
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
