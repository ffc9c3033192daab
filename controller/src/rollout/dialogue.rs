//! What the executor and the walks of its hosts say to each other. Data only.

use std::collections::BTreeMap;
use std::time::Duration;

use omsctl_proto::{
    Claim, ErrorReport, Event, Evidence, Gate, GateRow, NodePlan, Refusal, Secret, SecretName,
};

use super::moving::Former;
use super::password::Taken;
use super::{Attached, Proof};
use crate::ports::ClusterRow;

/// What one host has to do.
pub struct NodeWork {
    pub row: GateRow,
    pub begin: Begin,
    pub secrets: BTreeMap<SecretName, Secret>,
    /// What proves the host in the end; `None` when there is nothing to prove, or nobody here can ask the MetaDB.
    pub proof: Option<Proof>,
}

/// How a host's part begins.
#[derive(Debug, Clone)]
pub enum Begin {
    /// Its agent is given this plan.
    Start(Box<NodePlan>),
    /// Its agent has a plan and is somewhere in it.
    Attach,
}

impl std::fmt::Debug for NodeWork {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("NodeWork")
            .field("row", &self.row)
            .field("begin", &self.begin)
            .finish_non_exhaustive()
    }
}

/// What the executor tells a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ToNode {
    /// By way of this host: what does the MetaDB say before it is changed?
    LookBefore,
    /// By way of this host: these rows leave the MetaDB.
    Forget(Vec<ClusterRow>),
    /// By way of this host: the MetaDB takes the new password of its account, or is made to.
    SetPassword,
    Open(Gate),
    Cancel,
    /// Take the host for this controller, to lead the run from now on; answered by [`FromNode::Held`].
    Hold,
    /// Give it free again: another controller leads.
    Release,
    /// Give the orders from now on.
    Lead(Claim),
    /// After the end: does this address answer, seen from the host?
    Probe(String),
}

/// What a host tells the executor. After [`FromNode::Ended`] only answers to probes follow.
#[derive(Debug)]
pub(super) enum FromNode {
    Event(Box<Event>),
    Attached(Attached),
    /// Every event that was there at the moment of attaching has been told.
    CaughtUp,
    Lost(ErrorReport),
    Regained,
    /// Nobody gives orders to this run.
    Unheld,
    /// Somebody does, now or again.
    Led,
    /// What the MetaDB said before it is changed; `None` when nobody here can ask it.
    Before(Option<Result<Former, ErrorReport>>),
    /// How many rows left the MetaDB.
    Forgotten(Result<u64, ErrorReport>),
    /// Whether the MetaDB takes the new password, seen from there; `None` when nobody here can ask it.
    PasswordSet(Option<Result<Taken, ErrorReport>>),
    /// Whether the host could be taken.
    Held(bool),
    /// It waits for secrets that nobody here has.
    NoSecrets,
    Ended(End),
    Probed(Result<(bool, String), ErrorReport>),
}

/// How a host's part ended.
#[derive(Debug)]
pub(super) enum End {
    Refused(Refusal),
    /// A terminal event was seen that is not success.
    NotDone,
    /// It was told to end, since what it waits for cannot be sent.
    GivenUp(ErrorReport),
    /// Every step is done, and there was nothing to prove in the MetaDB.
    Done,
    Registered(Evidence, Duration),
    NotRegistered(ErrorReport),
    /// The MetaDB lists it no longer.
    Removed(Evidence, Duration),
    NotRemoved(ErrorReport),
    /// Another controller gives the orders now; its operator.
    Superseded(String),
    /// Gone for longer than the limit.
    Gone(ErrorReport),
}
