//! What all hosts of a run have in common, and who opens their gates. Every node plan carries it, so that a controller
//! that reaches one host of a run can carry the whole run on.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::{ControllerId, Fingerprint, Gate, NodeName};

/// The gates of a run: which hosts come to them, in which order they pass, and when no further one opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateTable {
    /// Every host that has something to do, in the order of the schema step.
    pub hosts: Vec<GateRow>,
    pub init_order: InitOrder,
    /// After so many failed hosts no further gate opens.
    pub max_failures: Option<NonZeroUsize>,
    /// Asked for from a finished host when all are done; `None` when nobody has to answer there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cm_url: Option<String>,
    /// Of everything that the operator wrote, under the key of the run: two commands with one goal have one.
    pub goal: Fingerprint,
}

/// One host of a [`GateTable`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRow {
    pub node: NodeName,
    pub role: Role,
    pub gates: BTreeSet<Gate>,
    #[serde(default, skip_serializing_if = "MetaDbProof::is_registered")]
    pub proof: MetaDbProof,
    /// It brings the time-series database up, which OMS cannot do without once its config.yaml names it: nobody is let
    /// through to the schema step or to a turn before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub serves_tsdb: bool,
}

/// What the MetaDB has to show after the last step of a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetaDbProof {
    /// The host, online.
    #[default]
    Registered,
    /// The same with a heartbeat that came after its last step: OMS logs in to the MetaDB as it shall from now on.
    LoggedIn,
    /// The host no longer: the controller takes its row away.
    Removed,
    /// Whatever it shows.
    Nothing,
}

impl MetaDbProof {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_registered(&self) -> bool {
        *self == Self::Registered
    }
}

/// Whether a host serves the cluster already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// No container, and the MetaDB does not know it.
    New,
    Existing,
    /// It leaves the cluster for good.
    Leaving,
}

/// `oms_init_order`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitOrder {
    /// The next host begins when the schema step of the one before is over.
    Staggered,
    /// The next host begins when the one before is initialised.
    Sequential,
}

/// Which controller gives the orders of a run. Hosts obey the greatest that they have seen: one that takes over claims
/// a greater epoch than any host knows, and two that do so at once are told apart by their ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Claim {
    pub epoch: u64,
    pub controller: ControllerId,
}

impl Claim {
    /// Of the controller that starts a run.
    pub fn first(controller: ControllerId) -> Self {
        Self { epoch: 1, controller }
    }

    /// Of a controller that takes a run over from whoever held it.
    #[must_use]
    pub fn after(highest: u64, controller: ControllerId) -> Self {
        Self { epoch: highest.saturating_add(1), controller }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_claims_one_is_greater() {
        let of = |epoch, id: &str| Claim { epoch, controller: ControllerId::new(id).unwrap() };
        assert!(of(2, "aaaa") > of(1, "bbbb"));
        assert!(of(2, "bbbb") > of(2, "aaaa"));
        assert_eq!(Claim::after(2, ControllerId::new("cccc").unwrap()), of(3, "cccc"));
    }
}
