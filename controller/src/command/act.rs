//! The rollout of `apply`: from a plan to the hosts' work, and from the hosts' ends to how it went.

use std::sync::Arc;

use tokio::time::Instant;

use omsctl_proto::{
    CheckStatus, Claim, ErrorReport, EventKind, GateTable, NodeName, NodeOutcome, NodeResult, RunResult,
};

use super::apply::{Apply, RECONNECT};
use super::databases;
use super::holders;
use super::interrupt::or_interrupted;
use super::look;
use super::outcome::run_result;
use super::password;
use super::telling::Telling;
use super::version;
use crate::plan::{self, Goal, Observed, Plan, Purpose};
use crate::rollout::{Begin, Executor, HostLink, NodeWork, Part, Removal, Rollout, Survey, cm_url_check};

/// The rollout itself, with what it is about.
pub(super) struct Act<'a> {
    pub(super) apply: &'a Apply<'a>,
    pub(super) goal: &'a Goal,
    pub(super) observed: &'a Observed,
}

impl Act<'_> {
    pub(super) async fn walk(
        &self,
        plan: Plan,
        mut survey: Survey,
        telling: &mut Telling,
    ) -> (RunResult, Vec<NodeOutcome>) {
        let mut outcomes = self.without_walking(&plan);
        outcomes.extend(self.forget(&plan, &survey, telling).await);
        if outcomes.iter().any(|outcome| outcome.result == NodeResult::Failed) {
            survey.close().await;
            outcomes.extend(plan.busy().into_iter().map(|node| not_begun(&node.node)));
            self.order(&mut outcomes);
            return (RunResult::Failed, outcomes);
        }
        let busy = plan.nodes.iter().any(|node| !node.is_empty());
        if !busy {
            let answers =
                self.cm_url_answers(&survey, telling).await && self.held_once(Some(&survey), telling).await;
            survey.close().await;
            let result = if answers { run_result(&outcomes, false) } else { RunResult::Failed };
            return (databases::go(self, &plan.dropped, result, telling).await, outcomes);
        }
        let world = self.apply.world;
        let goal = plan::goal_of(
            &self.goal.purpose,
            &self.apply.inputs.deployment,
            &self.observed.archives,
            &self.observed.certificates,
            &self.goal.key,
        );
        let busy: Vec<&NodeName> = plan.busy().into_iter().map(|node| &node.node).collect();
        let cm_url = self.cm_url(&busy);
        let table = plan.table(self.apply.request.max_failures, cm_url.clone(), goal);
        let controller = self.apply.controller.clone();
        let rows = table.hosts.clone();
        let rollout = Rollout {
            run: self.goal.run.clone(),
            nodes: self.works(&plan, &table, &mut survey),
            absent: Vec::new(),
            init_order: table.init_order,
            max_failures: table.max_failures,
            key: self.goal.key.clone(),
            operator: world.operator.clone(),
            part: Part::Lead(Claim::first(controller.clone())),
            controller,
            contents: self.apply.inputs.contents(),
            bandwidth: self.apply.request.bandwidth,
            cm_url,
            moving: look::moving(world, &self.apply.inputs.deployment, &table.hosts),
            rotation: look::rotation(world, &self.apply.inputs.deployment, &table.hosts),
        };
        let executor = Executor {
            transport: Arc::clone(&world.transport),
            clock: Arc::clone(&world.clock),
            reconnect: RECONNECT,
        };
        let began = world.clock.utc_ms();
        let mut interrupts = world.interrupts.lock().await;
        let walked = executor.run(rollout, &mut telling.emitter, &mut interrupts).await;
        drop(interrupts);
        // Hosts that had nothing to do were this controller's until here, so that nobody else changed them.
        survey.close().await;
        let unreached = walked.cm_url.is_some_and(|check| check.status == CheckStatus::Fail);
        outcomes.extend(walked.nodes);
        self.order(&mut outcomes);
        let result = run_result(&outcomes, walked.interrupted);
        if let Purpose::Remove(leaving) = &self.goal.purpose
            && result == RunResult::Done
        {
            let names: Vec<&str> = leaving.iter().map(NodeName::as_str).collect();
            let message = format!(
                "now delete the line of {} from the inventory: the next omsctl apply would add it again",
                names.join(", ")
            );
            telling.emitter.say(EventKind::Notice { message }).await;
        }
        if result == RunResult::Done {
            let seen = (self.observed, self.goal);
            version::remind((world, &self.apply.inputs), seen, began, telling).await;
            password::remind(&self.apply.inputs, self.observed, &rows, telling).await;
        }
        let well = matches!(result, RunResult::Done | RunResult::Unchanged);
        let worse = well && (unreached || !self.held_once(None, telling).await);
        let result = if worse { RunResult::Failed } else { result };
        (databases::go(self, &plan.dropped, result, telling).await, outcomes)
    }

    /// Hosts that have nothing to do, or take no part.
    fn without_walking(&self, plan: &Plan) -> Vec<NodeOutcome> {
        let outcome = |node: &NodeName, result, error: Option<&ErrorReport>| NodeOutcome {
            node: node.clone(),
            result,
            error: error.cloned(),
        };
        let unchanged = plan.nodes.iter().filter(|node| node.is_empty());
        let mut outcomes: Vec<_> =
            unchanged.map(|node| outcome(&node.node, NodeResult::Unchanged, None)).collect();
        let unreachable = plan.unreachable.iter();
        outcomes.extend(unreachable.map(|(node, error)| outcome(node, NodeResult::Unreachable, Some(error))));
        let left_out = plan.left_out.iter();
        outcomes.extend(left_out.map(|(node, error)| outcome(node, NodeResult::LeftOut, Some(error))));
        self.order(&mut outcomes);
        outcomes
    }

    /// The rows of hosts that are gone for good leave the MetaDB, by way of any host that answers.
    async fn forget(&self, plan: &Plan, survey: &Survey, telling: &mut Telling) -> Vec<NodeOutcome> {
        let Some(link) = survey.metadb_link() else { return Vec::new() };
        let Apply { world, inputs, .. } = self.apply;
        let mut outcomes = Vec::new();
        for (node, address) in &plan.forgotten {
            let removal =
                Removal { reader: look::reader(world, &inputs.deployment), address: address.to_string() };
            let began = Instant::now();
            let host = node.clone();
            let (event, result, error) = match removal.make(link.connection.as_ref()).await {
                Ok(evidence) => {
                    let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                    (EventKind::HostRemoved { host, evidence, elapsed_ms }, NodeResult::Changed, None)
                }
                Err(error) => {
                    let event = EventKind::HostNotRemoved { host, error: error.clone() };
                    (event, NodeResult::Failed, Some(error))
                }
            };
            telling.emitter.say(event).await;
            outcomes.push(NodeOutcome { node: node.clone(), result, error });
        }
        outcomes
    }

    /// As the inventory lists the hosts.
    fn order(&self, outcomes: &mut [NodeOutcome]) {
        let names: Vec<&NodeName> = self.apply.inputs.deployment.names().collect();
        outcomes.sort_by_key(|outcome| names.iter().position(|name| **name == outcome.node));
    }

    /// The work of each host that has some, in the order of the schema gate.
    fn works(&self, plan: &Plan, table: &GateTable, survey: &mut Survey) -> Vec<(NodeWork, HostLink)> {
        let Apply { world, typed, inputs, .. } = self.apply;
        let mut works = Vec::new();
        for (node, row) in plan.busy().into_iter().zip(&table.hosts) {
            let Some(link) = survey.links.remove(&node.node) else { continue };
            let work = NodeWork {
                row: row.clone(),
                begin: Begin::Start(Box::new(node.node_plan(&self.goal.run, typed, table))),
                secrets: plan.secrets.get(&node.node).cloned().unwrap_or_default(),
                proof: look::proof(world, inputs, self.observed, row),
            };
            works.push((work, link));
        }
        works
    }

    /// Exactly one host holds each virtual IP of keepalived's; `survey` when nothing was changed.
    async fn held_once(&self, survey: Option<&Survey>, telling: &mut Telling) -> bool {
        let Apply { world, inputs, .. } = self.apply;
        // Stopped hosts give it up, and nobody may be left.
        if self.goal.purpose.leaves_nobody() {
            return true;
        }
        let looking = async {
            match survey {
                Some(survey) => holders::check(&inputs.deployment, survey).await,
                None => holders::connect_and_check(world, &inputs.deployment).await,
            }
        };
        let rows = or_interrupted(world, Box::pin(looking)).await.unwrap_or_default();
        let mut well = true;
        for check in rows {
            well &= check.status != CheckStatus::Fail;
            if survey.is_none() || check.status != CheckStatus::Pass {
                telling.emitter.say(EventKind::Check { check }).await;
            }
        }
        well
    }

    /// That of the region in which something is done, of the default region when that is in several; `None` when nobody may
    /// be left to answer there.
    fn cm_url(&self, busy: &[&NodeName]) -> Option<String> {
        let deployment = &self.apply.inputs.deployment;
        let mut regions =
            deployment.regions.iter().filter(|region| region.hosts.iter().any(|node| busy.contains(&node)));
        let only = regions.next().filter(|_| regions.next().is_none());
        let region = only.unwrap_or(&deployment.regions[0]);
        (!self.goal.purpose.leaves_nobody()).then(|| region.config.cm_url.text.clone())
    }

    /// For a run that changes nothing: the CM answers behind its address.
    async fn cm_url_answers(&self, survey: &Survey, telling: &mut Telling) -> bool {
        let Some(url) = self.cm_url(&[]) else { return true };
        let mut last = None;
        let of_oms = |node: &NodeName| self.apply.inputs.deployment.host(node).is_some();
        for (node, link) in survey.links.iter().filter(|(node, _)| of_oms(node)) {
            let probed = link.session.probe(omsctl_proto::ProbeTarget::Http { url: url.clone() }).await;
            let asked = probed.is_ok();
            last = Some((node, probed));
            if asked {
                break;
            }
        }
        let Some((node, probed)) = last else { return true };
        let check = cm_url_check(&url, node, probed.map(|(reached, _, found)| (reached, found)));
        let answers = check.status != CheckStatus::Fail;
        if !answers {
            telling.emitter.say(EventKind::Check { check }).await;
        }
        answers
    }
}

fn not_begun(node: &NodeName) -> NodeOutcome {
    NodeOutcome { node: node.clone(), result: NodeResult::Waiting, error: None }
}
