//! What an agent told about its own host: the part of the picture that only its events change.

use std::collections::BTreeMap;

use omsctl_proto::{
    ErrorReport, Event, EventKind, Evidence, Gate, Importance, Milestone, NodeName, Outcome, PlannedStep,
    StepId, Unit,
};

use super::tally::Phase;

/// A host as its agent tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentPart {
    pub planned: Vec<PlannedStep>,
    pub done: BTreeMap<StepId, Outcome>,
    pub current: Option<CurrentStep>,
    pub waits: Option<(StepId, Gate)>,
    pub end: Option<End>,
    /// The image that the host received.
    pub image: Option<Received>,
    /// The agent began anew before it came to an end.
    pub restarted: bool,
    schema: Option<Milestone>,
    boot: String,
    seq: u64,
    /// `mono_ms` of the latest lossy event, so that a late one changes nothing.
    lossy_ms: u64,
}

/// An image archive on its way to one host, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// What the bastion sent of it.
    pub from_bastion: u64,
    /// What the archive weighs.
    pub whole: u64,
}

/// The step that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentStep {
    pub step: StepId,
    pub why: String,
    /// The agent's `mono_ms` when it began.
    pub since_ms: u64,
    pub progress: Option<Progress>,
    /// What a program printed last.
    pub output: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub current: u64,
    pub total: Option<u64>,
    pub unit: Unit,
    /// The agent's `mono_ms` of this number.
    pub at_ms: u64,
    /// The first number of this step and its `mono_ms`: where the pace is measured from.
    pub first: (u64, u64),
}

impl Progress {
    /// Units a second since the first number of the step; `None` until a second has gone by.
    pub fn pace(&self) -> Option<u64> {
        let (first, first_ms) = self.first;
        let elapsed_ms = self.at_ms.saturating_sub(first_ms);
        (elapsed_ms >= 1000).then(|| self.current.saturating_sub(first).saturating_mul(1000) / elapsed_ms)
    }

    /// Milliseconds until the total is reached at that pace, in whole seconds. The numbers are the host's: any.
    pub fn left_ms(&self) -> Option<u64> {
        let pace = self.pace().filter(|pace| *pace > 0)?;
        Some(self.total?.saturating_sub(self.current).div_ceil(pace).saturating_mul(1000))
    }
}

/// The terminal event of the host.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    Done { changed: bool },
    Failed { step: StepId, error: ErrorReport },
    Aborted { by: String, reason: String },
    Unknown { error: ErrorReport },
}

impl AgentPart {
    pub(super) fn add(&mut self, event: &Event) -> bool {
        if event.kind.importance() == Importance::Lossy {
            return self.add_lossy(event);
        }
        // Nothing follows a terminal event.
        if event.seq <= self.seq || self.end.is_some() {
            return false;
        }
        self.seq = event.seq;
        if self.boot != event.boot {
            self.restarted = !self.boot.is_empty();
            self.boot.clone_from(&event.boot);
            self.lossy_ms = 0;
            self.current = None;
        }
        self.take(&event.kind, event.mono_ms);
        true
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a fold takes the events that it is about")]
    fn take(&mut self, kind: &EventKind, at_ms: u64) {
        match kind {
            EventKind::PlanAccepted { steps, .. } => self.planned.clone_from(steps),
            EventKind::GateWaiting { step, gate } => self.waits = Some((*step, *gate)),
            EventKind::GatePassed { .. } => self.waits = None,
            EventKind::StepStarted { step, why } => {
                self.waits = None;
                self.current = Some(CurrentStep {
                    step: *step,
                    why: why.clone(),
                    since_ms: at_ms,
                    progress: None,
                    output: None,
                });
            }
            EventKind::StepMilestone { milestone, .. } => self.schema = Some(*milestone),
            EventKind::StepDone { step, outcome, evidence, .. } => {
                self.image = received(evidence).or(self.image);
                self.done.insert(*step, *outcome);
                self.current = None;
            }
            EventKind::StepFailed { .. } => self.current = None,
            other => self.end_with(other),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a fold takes the events that it is about")]
    fn end_with(&mut self, kind: &EventKind) {
        let end = match kind {
            EventKind::NodeDone { changed } => End::Done { changed: *changed },
            EventKind::NodeFailed { step, error } => End::Failed { step: *step, error: error.clone() },
            EventKind::NodeAborted { by, reason } => End::Aborted { by: by.clone(), reason: reason.clone() },
            EventKind::NodeUnknown { error } => End::Unknown { error: error.clone() },
            _ => return,
        };
        self.end = Some(end);
        self.current = None;
        self.waits = None;
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a fold takes the events that it is about")]
    fn add_lossy(&mut self, event: &Event) -> bool {
        if self.boot != event.boot || event.mono_ms < self.lossy_ms {
            return false;
        }
        let Some(current) = &mut self.current else { return false };
        if event.mono_ms < current.since_ms {
            return false;
        }
        match &event.kind {
            EventKind::StepProgress { step, current: count, total, unit } if *step == current.step => {
                let first = current.progress.map_or((*count, event.mono_ms), |before| before.first);
                let (total, unit, at_ms) = (*total, *unit, event.mono_ms);
                current.progress = Some(Progress { current: *count, total, unit, at_ms, first });
            }
            EventKind::StepOutput { step, line } if *step == current.step => {
                current.output = Some(line.clone());
            }
            _ => return false,
        }
        self.lossy_ms = event.mono_ms;
        true
    }

    /// The schema step may be running.
    pub fn in_schema(&self) -> bool {
        self.schema == Some(Milestone::SchemaEntered)
    }

    /// The schema step is proved over.
    pub fn schema_over(&self) -> bool {
        self.schema == Some(Milestone::SchemaOver) || self.done.contains_key(&StepId::Initialise)
    }

    /// Where the host is, as far as its agent knows; `None` before it has a plan and when it did everything.
    pub(super) fn phase<'a>(
        &'a self,
        holder: impl FnOnce(Gate) -> Option<&'a NodeName>,
    ) -> Option<Phase<'a>> {
        match &self.end {
            Some(End::Failed { step, error }) => return Some(Phase::Failed { step: *step, error }),
            Some(End::Aborted { reason, .. }) => return Some(Phase::Aborted { reason }),
            Some(End::Unknown { error }) => return Some(Phase::Unknown(error)),
            Some(End::Done { .. }) => return None,
            None => {}
        }
        if let Some((step, gate)) = self.waits {
            return Some(Phase::Waiting { gate, step, holder: holder(gate) });
        }
        match &self.current {
            Some(current) => Some(Phase::Working { step: current.step }),
            None => (!self.planned.is_empty()).then_some(Phase::Walking),
        }
    }
}

fn received(evidence: &Evidence) -> Option<Received> {
    let number = |name| evidence.get(name)?.parse().ok();
    Some(Received { from_bastion: number("from_bastion_bytes")?, whole: number("archive_bytes")? })
}
