//! How many hosts are where, and how many steps are done.

use omsctl_proto::NodeResult;

use super::tally::Phase;

/// Sums over all hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub hosts: usize,
    /// Done and, where that is planned, registered.
    pub ready: usize,
    pub failed: usize,
    pub unreachable: usize,
    pub unknown: usize,
    /// Not begun or not finished when the run ended; at a gate while it runs.
    pub waiting: usize,
    pub left_out: usize,
    pub steps: usize,
    pub steps_done: usize,
    pub steps_changed: usize,
}

impl Totals {
    pub(super) fn count(&mut self, phase: &Phase<'_>) {
        match phase {
            Phase::Ended { result, .. } => match result {
                NodeResult::Changed | NodeResult::Unchanged => self.ready += 1,
                NodeResult::Failed => self.failed += 1,
                NodeResult::Unreachable => self.unreachable += 1,
                NodeResult::Waiting => self.waiting += 1,
                NodeResult::LeftOut => self.left_out += 1,
                NodeResult::Unknown => self.unknown += 1,
            },
            Phase::Done { .. } => self.ready += 1,
            Phase::Failed { .. } | Phase::NotRegistered(_) => self.failed += 1,
            Phase::Unreachable(_) => self.unreachable += 1,
            Phase::Unknown(_) => self.unknown += 1,
            Phase::Waiting { .. } | Phase::Aborted { .. } => self.waiting += 1,
            Phase::Lost(_)
            | Phase::Working { .. }
            | Phase::Walking
            | Phase::Registering
            | Phase::Planned
            | Phase::Connected
            | Phase::Connecting => {}
        }
    }
}

impl Totals {
    /// "2 failed", "1 waiting": what is not well, where there is any of it.
    pub(super) fn troubles(&self) -> Vec<String> {
        [
            (self.failed, "failed"),
            (self.unreachable, "unreachable"),
            (self.unknown, "unknown"),
            (self.waiting, "waiting"),
            (self.left_out, "left out"),
        ]
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect()
    }
}
