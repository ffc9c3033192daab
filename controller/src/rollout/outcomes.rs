//! From what a host's agent and its walk said to how the run ended for it.

use std::collections::BTreeMap;
use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport, EventKind, NodeName, NodeOutcome, NodeResult, Refusal};

use super::dialogue::End;
use super::executor::unreachable;

/// What the controller says about the end of a host; the agent's own words were passed on already.
pub(super) fn told(node: &NodeName, end: &End) -> Option<EventKind> {
    let host = node.clone();
    let milliseconds = |elapsed: &Duration| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    match end {
        End::Registered(evidence, elapsed) => {
            let (evidence, elapsed_ms) = (evidence.clone(), milliseconds(elapsed));
            Some(EventKind::HostRegistered { host, evidence, elapsed_ms })
        }
        End::NotRegistered(error) => Some(EventKind::HostNotRegistered { host, error: error.clone() }),
        End::Removed(evidence, elapsed) => {
            let (evidence, elapsed_ms) = (evidence.clone(), milliseconds(elapsed));
            Some(EventKind::HostRemoved { host, evidence, elapsed_ms })
        }
        End::NotRemoved(error) => Some(EventKind::HostNotRemoved { host, error: error.clone() }),
        End::Gone(error) => Some(unreachable(node, error)),
        End::Superseded(_) | End::Done | End::NotDone | End::GivenUp(_) | End::Refused(_) => None,
    }
}

/// Of every host that has ended, and of those whose terminal event was heard.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    ended: BTreeMap<NodeName, NodeOutcome>,
    /// What the terminal event of a host said, until its end is known.
    said: BTreeMap<NodeName, NodeOutcome>,
}

impl Outcomes {
    /// Remembers what a terminal event says about the host.
    pub(super) fn note(&mut self, node: &NodeName, kind: &EventKind) {
        let (result, error) = match kind {
            EventKind::NodeDone { changed: true } => (NodeResult::Changed, None),
            EventKind::NodeDone { changed: false } => (NodeResult::Unchanged, None),
            EventKind::NodeFailed { error, .. } => (NodeResult::Failed, Some(error.clone())),
            EventKind::NodeUnknown { error } => (NodeResult::Unknown, Some(error.clone())),
            EventKind::NodeAborted { by, reason } => {
                let why = format!("stopped after a step by {by}: {reason}");
                (NodeResult::Waiting, Some(ErrorReport::new(ErrorCode::Cancelled, why)))
            }
            _ => return,
        };
        self.said.insert(node.clone(), NodeOutcome { node: node.clone(), result, error });
    }

    /// The host has ended; its result.
    pub(super) fn end(&mut self, node: &NodeName, end: End) -> NodeResult {
        let said = self.said.remove(node);
        let of = |result, error| NodeOutcome { node: node.clone(), result, error: Some(error) };
        let unknown = || {
            let error = ErrorReport::new(ErrorCode::Internal, "the host ended without a terminal event");
            of(NodeResult::Unknown, error)
        };
        let outcome = match end {
            End::Done | End::NotDone | End::Registered(..) | End::Removed(..) => said.unwrap_or_else(unknown),
            End::NotRegistered(error) | End::NotRemoved(error) | End::GivenUp(error) => {
                of(NodeResult::Failed, error)
            }
            End::Refused(refusal) => of(NodeResult::Waiting, refusal_report(node, refusal)),
            End::Superseded(by) => of(NodeResult::Waiting, superseded(&by)),
            End::Gone(error) => of(NodeResult::Unreachable, error),
        };
        let result = outcome.result;
        self.ended.insert(node.clone(), outcome);
        result
    }

    /// The host is left as it is.
    pub(super) fn leave(&mut self, node: &NodeName, why: ErrorReport) {
        self.ended.entry(node.clone()).or_insert_with(|| NodeOutcome {
            node: node.clone(),
            result: NodeResult::Waiting,
            error: Some(why),
        });
    }

    pub(super) fn has_ended(&self, node: &NodeName) -> bool {
        self.ended.contains_key(node)
    }

    /// The hosts that came to a good end.
    pub(super) fn done(&self) -> Vec<NodeName> {
        let done = self.ended.values().filter(|outcome| is_done(outcome.result));
        done.map(|outcome| outcome.node.clone()).collect()
    }

    pub(super) fn into_all(self) -> Vec<NodeOutcome> {
        self.ended.into_values().collect()
    }
}

/// Every step is done and proved.
pub(super) fn is_done(result: NodeResult) -> bool {
    matches!(result, NodeResult::Changed | NodeResult::Unchanged)
}

fn superseded(by: &str) -> ErrorReport {
    ErrorReport::new(ErrorCode::Busy, format!("{by} has taken this rollout over"))
        .hint("follow it with `omsctl attach`")
}

fn refusal_report(node: &NodeName, refusal: Refusal) -> ErrorReport {
    match refusal {
        Refusal::Busy { run, operator, since } => {
            ErrorReport::new(ErrorCode::Busy, format!("{node} is held by another rollout"))
                .cause(format!("run {run} of {operator}, since {since}"))
                .hint(format!(
                    "follow it with `omsctl attach {run}`; when it has ended, run the same command again"
                ))
        }
        Refusal::NoSuchRun { run } => ErrorReport::new(
            ErrorCode::Cancelled,
            format!("{node} was never given its part of the run {run}"),
        )
        .hint("`omsctl apply` does what is left"),
        Refusal::Superseded { by, .. } => superseded(&by),
        Refusal::Failed { error } => error,
    }
}
