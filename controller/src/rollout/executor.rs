//! Runs a rollout, or carries one on: every host side by side, one loop that hears all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use omsctl_proto::{
    CheckResult, Claim, ControllerId, Digest, ErrorReport, EventKind, FingerprintKey, GateRow, InitOrder,
    MetaDbProof, NodeName, NodeOutcome, Operator, RunId,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::dialogue::{Begin, NodeWork};
use super::gates::Gates;
use super::lead::{Lead, Leadership};
use super::node::{NodeWalk, Shared};
use super::uplink::Uplink;
use super::{Emitter, HostLink, Moving, Rotation};
use crate::ports::{Clock, Content, Interrupt, Transport};

/// What all hosts have to do, in the order of the schema step.
pub struct Rollout {
    pub run: RunId,
    pub nodes: Vec<(NodeWork, HostLink)>,
    /// Hosts of a run that is carried on that do not answer.
    pub absent: Vec<Absent>,
    pub init_order: InitOrder,
    pub max_failures: Option<NonZeroUsize>,
    pub key: FingerprintKey,
    pub operator: Operator,
    pub controller: ControllerId,
    pub part: Part,
    pub contents: BTreeMap<Digest, Content>,
    /// How fast images may leave the bastion, all hosts together, in bytes in a second.
    pub bandwidth: Option<NonZeroU64>,
    /// Asked for from a finished host when all are done; `None` when nobody has to answer there.
    pub cm_url: Option<String>,
    /// What to change in the MetaDB before [`omsctl_proto::Gate::Metadb`] opens.
    pub moving: Option<Moving>,
    /// Whose password the MetaDB takes before [`omsctl_proto::Gate::Password`] opens.
    pub rotation: Option<Rotation>,
}

/// A host of a run that does not answer.
#[derive(Debug, Clone)]
pub struct Absent {
    pub row: GateRow,
    /// Why it does not.
    pub error: ErrorReport,
    /// The operator says that it is not in the schema step.
    pub given_up: bool,
}

/// What this controller does in a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Opens the gates, under this claim.
    Lead(Claim),
    /// As [`Self::Lead`], only to end it: every agent stops after its step.
    End(Claim),
    /// Reads along, and leads when nobody else does any more.
    Stand,
    /// Reads along to the end.
    Read,
}

impl Part {
    fn claim(&self) -> Option<Claim> {
        match self {
            Self::Lead(claim) | Self::End(claim) => Some(claim.clone()),
            Self::Stand | Self::Read => None,
        }
    }
}

/// How it went.
#[derive(Debug)]
pub struct Walked {
    /// Of every host that had something to do.
    pub nodes: Vec<NodeOutcome>,
    /// `None` when no host came to its end.
    pub cm_url: Option<CheckResult>,
    /// The operator asked to stop or to leave, or another controller took over.
    pub interrupted: bool,
    /// Every agent has ended; none was left at work or at a gate.
    pub ended: bool,
}

impl std::fmt::Debug for Rollout {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rollout").field("run", &self.run).finish_non_exhaustive()
    }
}

/// Walks rollouts.
pub struct Executor {
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    /// How long a lost host is looked for.
    pub reconnect: Duration,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Executor").field("reconnect", &self.reconnect).finish_non_exhaustive()
    }
}

impl Executor {
    /// Until every host has ended, or the operator left.
    pub async fn run(
        &self,
        rollout: Rollout,
        emitter: &mut Emitter,
        interrupts: &mut mpsc::Receiver<Interrupt>,
    ) -> Walked {
        let rows: Vec<GateRow> = rollout.nodes.iter().map(|(work, _)| work.row.clone()).collect();
        // Others need no way to OMS.
        let of_oms = rows.iter().filter(|row| row.proof == MetaDbProof::Registered);
        let askable: BTreeSet<NodeName> = of_oms.map(|row| row.node.clone()).collect();
        let gates = Gates::new(&rows, rollout.init_order, rollout.max_failures);
        let mut leadership = Leadership::new(&rollout.part, rollout.controller.clone());
        // What has a past may stand anywhere, also behind a gate, until it has told it.
        let attached = rollout.nodes.iter().filter(|(work, _)| matches!(work.begin, Begin::Attach));
        leadership.awaits(attached.map(|(work, _)| work.row.node.clone()));
        let claim = rollout.part.claim();
        let shared = Arc::new(Shared {
            transport: Arc::clone(&self.transport),
            clock: Arc::clone(&self.clock),
            contents: rollout.contents,
            run: rollout.run,
            key: rollout.key,
            operator: rollout.operator,
            controller: rollout.controller,
            reconnect: self.reconnect,
            relay: Mutex::default(),
            moving: rollout.moving,
            rotation: rollout.rotation,
            uplink: Arc::new(Uplink::new(rollout.bandwidth)),
        });
        let (events, mut heard) = mpsc::channel(1024);
        let mut commands = BTreeMap::new();
        let mut walks = JoinSet::new();
        for (work, link) in rollout.nodes {
            let (command, received) = mpsc::channel(16);
            commands.insert(work.row.node.clone(), command);
            let walk = NodeWalk::new(Arc::clone(&shared), link, claim.clone(), events.clone());
            walks.spawn(walk.run(work, received));
        }
        drop(events);
        let mut lead = Lead::new(gates, leadership, commands, emitter);
        for absent in rollout.absent {
            lead.absent(absent).await;
        }
        if matches!(rollout.part, Part::End(_)) {
            lead.interrupt(Interrupt::End).await;
        }
        lead.listen(&mut heard, interrupts).await;
        let mut cm_url = None;
        let ended = lead.all_ended();
        if ended {
            cm_url = lead.probe(rollout.cm_url, &askable, &mut heard).await;
            // Every agent said its last word; wait until each is gone from its host.
            lead.dismiss_all();
            while walks.join_next().await.is_some() {}
        }
        lead.walked(cm_url, ended)
    }
}

impl Walked {
    /// The hosts in this order; those that it does not name come last.
    #[must_use]
    pub fn in_order(mut self, order: impl Fn(&NodeName) -> Option<usize>) -> Self {
        self.nodes.sort_by_key(|outcome| order(&outcome.node).unwrap_or(usize::MAX));
        self
    }
}

/// The event that says that a host is left out.
pub(super) fn unreachable(node: &NodeName, error: &ErrorReport) -> EventKind {
    EventKind::HostUnreachable { host: node.clone(), error: error.clone() }
}
