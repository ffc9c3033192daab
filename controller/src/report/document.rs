//! The final JSON documents of `--format json`. Others rely on these shapes: fields may be added, never changed.

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
    /// Why `apply` would refuse, or leave hosts out.
    pub refusals: Vec<ErrorReport>,
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
    /// Why `apply` would refuse.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusalDocument>,
}

/// One reason why nothing is, or would be, changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusalDocument {
    /// What was found, and where.
    pub message: String,
    /// What to do now; empty when that is not known.
    pub hint: String,
}

impl From<&ErrorReport> for RefusalDocument {
    fn from(report: &ErrorReport) -> Self {
        Self { message: report.one_line(), hint: report.hint.clone().unwrap_or_default() }
    }
}

impl From<&CheckResult> for RefusalDocument {
    fn from(check: &CheckResult) -> Self {
        let place = check.node.as_ref().map(|node| format!("{node}: ")).unwrap_or_default();
        let CheckResult { name, expected, found, fix, .. } = check;
        let expected = if expected.is_empty() { String::new() } else { format!(" (expected: {expected})") };
        Self { message: format!("{place}check {name}: {found}{expected}"), hint: fix.clone() }
    }
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
        Self {
            changes: plan.changes(),
            nodes: plan.nodes.iter().map(node).collect(),
            refusals: plan.refusals.iter().map(RefusalDocument::from).collect(),
        }
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
    /// The checks that did not pass, when there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusalDocument>,
}

impl ApplyDocument {
    /// `None` before the terminal event of the run.
    pub fn of(tally: &Tally) -> Option<Self> {
        let (run, ending) = (tally.run()?.clone(), tally.ending()?.clone());
        let refusals = tally.troubles().map(RefusalDocument::from).collect();
        Some(Self { run, result: ending.result, exit: ending.exit, nodes: ending.nodes, refusals })
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
