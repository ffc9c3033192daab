//! Carries a rollout on that another controller began: `attach`, and `apply` when it finds one.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;

use omsctl_proto::{
    ControllerId, ErrorCode, ErrorReport, FingerprintKey, GateRow, MetaDbProof, NodeName, RunResult,
    RunStory, Secret, SecretName,
};

use super::World;
use super::apply::RECONNECT;
use super::inputs::Inputs;
use super::look;
use super::outcome::run_result;
use super::telling::Telling;
use crate::plan::{self, Goal, Observed, Purpose};
use crate::rollout::{Absent, Begin, Executor, NodeWork, Part, Proof, Rollout, Survey, Walked};

/// No host is given up.
pub(super) static NOBODY: BTreeSet<NodeName> = BTreeSet::new();

/// A run that is there, and what this controller has to do with it.
pub(super) struct Carry<'a> {
    pub(super) world: &'a World,
    pub(super) story: &'a RunStory,
    pub(super) controller: ControllerId,
    pub(super) part: Part,
    /// Lost hosts that no gate waits for.
    pub(super) give_up: &'a BTreeSet<NodeName>,
    /// The files, and what was seen of the hosts. Without them there are no secrets, no image and no MetaDB.
    pub(super) known: Option<(&'a Inputs, &'a Observed)>,
    /// Of the bastion's uplink for images, in bytes in a second.
    pub(super) bandwidth: Option<NonZeroU64>,
}

impl Carry<'_> {
    /// To the run's end, or until the operator leaves.
    pub(super) async fn walk(self, mut survey: Survey, telling: &mut Telling) -> (RunResult, Walked) {
        let table = self.story.plan.table.clone();
        let moving =
            self.known.and_then(|(inputs, _)| look::moving(self.world, &inputs.deployment, &table.hosts));
        let rotation =
            self.known.and_then(|(inputs, _)| look::rotation(self.world, &inputs.deployment, &table.hosts));
        let mut secrets = self.secrets();
        let mut nodes = Vec::new();
        let mut absent = Vec::new();
        for row in table.hosts {
            match survey.links.remove(&row.node) {
                Some(link) => {
                    let work = NodeWork {
                        proof: self.proof(&row),
                        secrets: secrets.remove(&row.node).unwrap_or_default(),
                        begin: Begin::Attach,
                        row,
                    };
                    nodes.push((work, link));
                }
                None => absent.push(absent_from(&survey, row, self.give_up)),
            }
        }
        let rollout = Rollout {
            run: self.story.plan.run.clone(),
            nodes,
            absent,
            init_order: table.init_order,
            max_failures: table.max_failures,
            // Needed only to begin a host's part, and nothing is begun here.
            key: self.story.key.clone().unwrap_or_else(|| FingerprintKey::new([0; 32])),
            operator: self.world.operator.clone(),
            controller: self.controller.clone(),
            part: self.part.clone(),
            contents: self.known.map(|(inputs, _)| inputs.contents()).unwrap_or_default(),
            bandwidth: self.bandwidth,
            cm_url: table.cm_url,
            moving,
            rotation,
        };
        let executor = Executor {
            transport: Arc::clone(&self.world.transport),
            clock: Arc::clone(&self.world.clock),
            reconnect: RECONNECT,
        };
        let mut interrupts = self.world.interrupts.lock().await;
        let walked = executor.run(rollout, &mut telling.emitter, &mut interrupts).await;
        drop(interrupts);
        // Hosts outside of the run stay this controller's until here.
        survey.close().await;
        let order = |node: &NodeName| self.story.plan.table.hosts.iter().position(|row| row.node == *node);
        let walked = walked.in_order(order);
        (run_result(&walked.nodes, walked.interrupted), walked)
    }

    /// As far as its rows tell: that of a removal decides what the hosts that stay are given.
    fn purpose(&self) -> Purpose {
        let rows = self.story.plan.table.hosts.iter();
        let leaving: BTreeSet<_> =
            rows.filter(|row| row.proof == MetaDbProof::Removed).map(|row| row.node.clone()).collect();
        if leaving.is_empty() { Purpose::Apply } else { Purpose::Remove(leaving) }
    }

    fn secrets(&self) -> BTreeMap<NodeName, BTreeMap<SecretName, Secret>> {
        let Some((inputs, observed)) = self.known else { return BTreeMap::new() };
        let goal = Goal {
            run: self.story.plan.run.clone(),
            key: self.story.key.clone().unwrap_or_else(|| FingerprintKey::new([0; 32])),
            purpose: self.purpose(),
            allow_outage: false,
            give_up: BTreeSet::new(),
            join_metadb: false,
            move_cm_url: false,
            with_former: false,
            keep_going: true,
            relay: false,
            leave_out: BTreeSet::new(),
        };
        plan::secrets(&inputs.deployment, observed, &goal)
    }

    fn proof(&self, row: &GateRow) -> Option<Proof> {
        let (inputs, observed) = self.known?;
        look::proof(self.world, inputs, observed, row)
    }
}

fn absent_from(survey: &Survey, row: GateRow, give_up: &BTreeSet<NodeName>) -> Absent {
    let error = survey.failed.get(&row.node).cloned().unwrap_or_else(|| {
        ErrorReport::new(ErrorCode::Unreachable, format!("{} is not in this inventory", row.node))
            .hint("use the inventory that the rollout was begun with")
    });
    Absent { given_up: give_up.contains(&row.node), row, error }
}
