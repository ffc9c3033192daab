//! What the controller told about a host: connection, plan, bytes sent, registration. Only its events change it.

use omsctl_proto::{ErrorReport, EventKind, PlannedStep, StepId};

use super::agent_part::{AgentPart, End};
use super::tally::Phase;

/// A host as the controller tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ControllerPart {
    pub address: Option<String>,
    pub agent_pushed_bytes: u64,
    pub unreachable: Option<ErrorReport>,
    pub lost: Option<ErrorReport>,
    /// `None` until there is a plan; empty when nothing differs.
    pub plan_known: bool,
    pub planned: Vec<PlannedStep>,
    /// Bytes of the image on their way: sent, of all.
    pub sent: Option<(u64, u64)>,
    pub registration: Option<Result<u64, ErrorReport>>,
}

impl ControllerPart {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a fold takes the events that it is about")]
    pub(super) fn add(&mut self, kind: &EventKind) {
        match kind {
            EventKind::HostConnected { address, agent_pushed_bytes, .. } => {
                self.address = Some(address.clone());
                self.agent_pushed_bytes = *agent_pushed_bytes;
                self.unreachable = None;
            }
            EventKind::HostUnreachable { error, .. } => self.unreachable = Some(error.clone()),
            EventKind::HostLost { error, .. } => self.lost = Some(error.clone()),
            EventKind::HostRegained { .. } => self.lost = None,
            EventKind::HostPlanned { steps, .. } => {
                self.plan_known = true;
                self.planned.clone_from(steps);
            }
            EventKind::HostRegistered { elapsed_ms, .. } | EventKind::HostRemoved { elapsed_ms, .. } => {
                self.registration = Some(Ok(*elapsed_ms));
            }
            EventKind::HostNotRegistered { error, .. } | EventKind::HostNotRemoved { error, .. } => {
                self.registration = Some(Err(error.clone()));
            }
            _ => {}
        }
    }

    /// Lossy: a smaller number than before came late.
    pub(super) fn sent(&mut self, current: u64, total: u64) -> bool {
        let news = self.sent.is_none_or(|(before, _)| current >= before);
        if news {
            self.sent = Some((current, total));
        }
        news
    }

    pub fn plans_registration(&self) -> bool {
        self.planned.iter().any(|step| is_proof(step.id))
    }

    pub fn registered(&self) -> bool {
        matches!(self.registration, Some(Ok(_)))
    }

    /// What the controller knows that outweighs or completes the agent's word.
    pub(super) fn verdict(&self, agent: &AgentPart) -> Option<Phase<'_>> {
        if let Some(error) = &self.unreachable {
            return Some(Phase::Unreachable(error));
        }
        if let Some(Err(error)) = &self.registration {
            return Some(Phase::NotRegistered(error));
        }
        if let (Some(error), None) = (&self.lost, &agent.end) {
            return Some(Phase::Lost(error));
        }
        let Some(End::Done { changed }) = &agent.end else { return None };
        let registering = self.plans_registration() && !self.registered();
        Some(if registering { Phase::Registering } else { Phase::Done { changed: *changed } })
    }

    /// Where the host is before its agent says anything.
    pub(super) fn phase(&self) -> Phase<'_> {
        match (self.plan_known, &self.address) {
            (true, _) if self.planned.is_empty() => Phase::Done { changed: false },
            (true, _) if self.planned.iter().all(|step| is_proof(step.id)) => {
                if self.registered() {
                    Phase::Done { changed: false }
                } else {
                    Phase::Registering
                }
            }
            (true, _) => Phase::Planned,
            (false, Some(_)) => Phase::Connected,
            (false, None) => Phase::Connecting,
        }
    }
}

/// The controller's own steps, in the MetaDB.
fn is_proof(step: StepId) -> bool {
    matches!(step, StepId::Register | StepId::Deregister)
}
