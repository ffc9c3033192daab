//! `omsctl apply`: reads what should be, looks at what is, refuses or plans, asks, and makes it so.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use omsctl_inventory::{Deployment, Host};
use omsctl_proto::{
    CheckResult, CheckStatus, ErrorReport, EventKind, NodeName, NodeOutcome, NodeResult, RunResult,
};

use super::World;
use super::inputs::{self, Images, Inputs};
use super::look::{self, Looked, Reach};
use super::outcome::run_result;
use super::telling::{Closing, Kind, Telling};
use crate::cli::ApplyRequest;
use crate::exit::Exit;
use crate::plan::{self, Goal, NodeSteps, Plan};
use crate::ports::ContentSource;
use crate::report::{PlanView, plan_text};
use crate::rollout::{Executor, InitOrder, NodeWork, Registration, Rollout, Survey, cm_url_check};

/// How long a lost host is looked for.
const RECONNECT: Duration = Duration::from_mins(2);

/// From the files to the last word.
pub async fn apply(world: &World, request: &ApplyRequest, typed: &str) -> Exit {
    if !world.globals.yes && !world.out.can_ask() {
        world.out.message("error: apply changes hosts and there is no terminal to ask on; add --yes");
        return Exit::Usage;
    }
    let inputs = match inputs::load(world, Images::Read).await {
        Ok(inputs) => inputs,
        Err(exit) => return exit,
    };
    let (run, key) = (world.new_run(), world.new_key());
    let names = inputs.deployment.hosts.iter().map(|host| host.name.clone()).collect();
    let mut telling = Telling::begin(world, run.clone(), typed, Kind::Change, names).await;
    let looked =
        look::look(world, &inputs, &key, Reach::Inventory, request.forks, &mut telling.emitter).await;
    let Some(looked) = looked else {
        return telling.finish(world, RunResult::Interrupted, Vec::new(), Closing::default()).await;
    };
    let mut goal = Goal {
        run,
        key,
        join_metadb: request.join_metadb,
        keep_going: request.keep_going,
        leave_out: std::collections::BTreeSet::default(),
    };
    let (result, nodes) = match decide(world, &inputs, &looked, &mut goal, &mut telling).await {
        Decision::Go(plan) => {
            let addresses = plan::resolve_addresses(&inputs.deployment, &looked.observed).by_node;
            let act = Act { world, inputs: &inputs, goal: &goal, typed, request, addresses };
            act.walk(plan, looked.survey, &mut telling).await
        }
        Decision::Stop(result, nodes) => {
            looked.survey.close().await;
            (result, nodes)
        }
    };
    let closing = closing(&inputs, looked.observed.metadb.as_ref());
    telling.finish(world, result, nodes, closing).await
}

enum Decision {
    Go(Plan),
    Stop(RunResult, Vec<NodeOutcome>),
}

/// Checks, plan, question.
async fn decide(
    world: &World,
    inputs: &Inputs,
    looked: &Looked,
    goal: &mut Goal,
    telling: &mut Telling,
) -> Decision {
    let unreachable = unreachable(inputs, looked);
    if looked.survey.links.is_empty() {
        return Decision::Stop(RunResult::Unreachable, unreachable);
    }
    let checks = plan::preflight(&inputs.deployment, &looked.observed, goal);
    // A dead host was told already, and stops nothing.
    let dead = |check: &&CheckResult| {
        check.node.as_ref().is_some_and(|node| !looked.survey.links.contains_key(node))
    };
    for check in checks.iter().filter(|check| check.status != CheckStatus::Pass && !dead(check)) {
        telling.emitter.say(EventKind::Check { check: check.clone() }).await;
    }
    let failed = plan::failed_nodes(&checks);
    let cluster = plan::cluster_failed(&checks);
    if cluster || (!failed.is_empty() && !goal.keep_going) {
        return Decision::Stop(RunResult::Refused, not_begun(inputs, looked));
    }
    goal.leave_out = failed;
    let plan = match plan::plan(&inputs.deployment, &looked.observed, goal) {
        Ok(plan) => plan,
        Err(refusals) => {
            for refusal in &refusals.0 {
                telling.emitter.say(EventKind::Check { check: refusal.check("plan") }).await;
            }
            return Decision::Stop(RunResult::Refused, not_begun(inputs, looked));
        }
    };
    for node in &plan.nodes {
        telling.emitter.say(EventKind::HostPlanned { host: node.node.clone(), steps: node.planned() }).await;
    }
    for message in &plan.warnings {
        telling.emitter.say(EventKind::Notice { message: message.clone() }).await;
    }
    if plan.changes() > 0 && !world.globals.yes && !confirmed(world, &plan, telling).await {
        return Decision::Stop(RunResult::Interrupted, not_begun(inputs, looked));
    }
    Decision::Go(plan)
}

async fn confirmed(world: &World, plan: &Plan, telling: &mut Telling) -> bool {
    let text = plan_text(&view(plan), world.out.message_style());
    telling.ask(world, &text, "Make these changes?".to_owned()).await
}

pub(super) fn view(plan: &Plan) -> PlanView {
    PlanView {
        nodes: plan.nodes.iter().map(|node| (node.node.clone(), node.planned())).collect(),
        warnings: plan.warnings.clone(),
        refusals: plan.left_out.values().cloned().collect(),
    }
}

/// Hosts of `--limit` that could not be looked at.
fn unreachable(inputs: &Inputs, looked: &Looked) -> Vec<NodeOutcome> {
    let selected =
        inputs.selected().filter_map(|host| Some((&host.name, looked.survey.failed.get(&host.name)?)));
    selected
        .map(|(node, error)| NodeOutcome {
            node: node.clone(),
            result: NodeResult::Unreachable,
            error: Some(error.clone()),
        })
        .collect()
}

/// All hosts of `--limit`, when nothing is begun on any.
fn not_begun(inputs: &Inputs, looked: &Looked) -> Vec<NodeOutcome> {
    let waiting = inputs
        .selected()
        .filter(|host| !looked.survey.failed.contains_key(&host.name))
        .map(|host| NodeOutcome { node: host.name.clone(), result: NodeResult::Waiting, error: None });
    waiting.chain(unreachable(inputs, looked)).collect()
}

/// What a refusal or a failure says, for stderr.
pub(super) fn report_text(report: &ErrorReport) -> String {
    let mut lines = vec![format!("refused: {}", report.message)];
    lines.extend(report.causes.iter().map(|cause| format!("  {cause}")));
    lines.extend(report.hint.iter().map(|hint| format!("  -> {hint}")));
    lines.join("\n")
}

/// The rollout itself, with what it is about.
struct Act<'a> {
    world: &'a World,
    inputs: &'a Inputs,
    goal: &'a Goal,
    typed: &'a str,
    request: &'a ApplyRequest,
    addresses: BTreeMap<NodeName, IpAddr>,
}

impl Act<'_> {
    async fn walk(
        &self,
        plan: Plan,
        mut survey: Survey,
        telling: &mut Telling,
    ) -> (RunResult, Vec<NodeOutcome>) {
        let mut outcomes = self.without_walking(&plan);
        let busy = plan.nodes.iter().any(|node| !node.is_empty());
        if !busy {
            let answers = self.cm_url_answers(&survey, telling).await;
            survey.close().await;
            let result = run_result(&outcomes, false);
            return (if answers { result } else { RunResult::Failed }, outcomes);
        }
        let nodes = self.works(&plan, &mut survey);
        // The others were looked at and are not needed any more.
        survey.close().await;
        let rollout = Rollout {
            run: self.goal.run.clone(),
            nodes,
            init_order: if plan.sequential { InitOrder::Sequential } else { InitOrder::Staggered },
            max_failures: self.request.max_failures,
            key: self.goal.key.clone(),
            operator: self.world.operator.clone(),
            contents: self.contents(&plan),
            cm_url: self.cm_url(),
        };
        let executor = Executor {
            transport: Arc::clone(&self.world.transport),
            clock: Arc::clone(&self.world.clock),
            reconnect: RECONNECT,
        };
        let mut interrupts = self.world.interrupts.lock().await;
        let walked = executor.run(rollout, &mut telling.emitter, &mut interrupts).await;
        let unreached = walked.cm_url.is_some_and(|check| check.status == CheckStatus::Fail);
        outcomes.extend(walked.nodes);
        self.order(&mut outcomes);
        let result = run_result(&outcomes, walked.interrupted);
        let worse = unreached && matches!(result, RunResult::Done | RunResult::Unchanged);
        (if worse { RunResult::Failed } else { result }, outcomes)
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

    /// As the inventory lists the hosts.
    fn order(&self, outcomes: &mut [NodeOutcome]) {
        let hosts = &self.inputs.deployment.hosts;
        outcomes.sort_by_key(|outcome| hosts.iter().position(|host| host.name == outcome.node));
    }

    /// The work of each host that has some, in the order of the schema gate.
    fn works(&self, plan: &Plan, survey: &mut Survey) -> Vec<(NodeWork, crate::rollout::HostLink)> {
        let mut nodes: Vec<&NodeSteps> = plan.nodes.iter().filter(|node| !node.is_empty()).collect();
        let place = |node: &NodeSteps| plan.schema_order.iter().position(|name| *name == node.node);
        nodes.sort_by_key(|node| place(node).unwrap_or(usize::MAX));
        let mut works = Vec::new();
        for node in nodes {
            let Some(link) = survey.links.remove(&node.node) else { continue };
            let work = NodeWork {
                plan: node.node_plan(&self.goal.run, self.typed),
                role: node.role,
                secrets: plan.secrets.get(&node.node).cloned().unwrap_or_default(),
                registration: self.registration(&node.node),
            };
            works.push((work, link));
        }
        works
    }

    fn registration(&self, node: &NodeName) -> Option<Registration> {
        let deployment = &self.inputs.deployment;
        let host = deployment.host(node)?;
        let config = &deployment.region(&host.region)?.config;
        Some(Registration {
            reader: look::reader(self.world, deployment),
            address: self.addresses.get(node)?.to_string(),
            heartbeat_database: config.heartbeat_db.clone(),
        })
    }

    fn contents(&self, plan: &Plan) -> BTreeMap<omsctl_proto::Digest, Arc<dyn ContentSource>> {
        let wanted = plan.contents.values().flatten();
        let known = wanted.filter_map(|content| {
            let archive = self.inputs.archives.get(&content.archive)?;
            Some((content.content.clone(), Arc::clone(&archive.source)))
        });
        known.collect()
    }

    fn cm_url(&self) -> String {
        self.inputs.deployment.regions[0].config.cm_url.text.clone()
    }

    /// For a run that changes nothing: the CM answers behind its address.
    async fn cm_url_answers(&self, survey: &Survey, telling: &mut Telling) -> bool {
        let Some((node, link)) = survey.links.iter().next() else { return true };
        let url = self.cm_url();
        let probed = link.session.probe(omsctl_proto::ProbeTarget::Http { url: url.clone() }).await;
        let check = cm_url_check(&url, node, probed.map(|(reached, _, found)| (reached, found)));
        let answers = check.status != CheckStatus::Fail;
        if !answers {
            telling.emitter.say(EventKind::Check { check }).await;
        }
        answers
    }
}

/// Where the console is, and whether HA is on.
fn closing(
    inputs: &Inputs,
    metadb: Option<&Result<crate::ports::MetaDbFacts, crate::ports::MetaDbError>>,
) -> Closing {
    let deployment = &inputs.deployment;
    let console = |host: &Host| console(deployment, host);
    Closing {
        consoles: deployment.hosts.iter().take(1).filter_map(console).collect(),
        ha_enabled: metadb.and_then(|facts| facts.as_ref().ok()?.ha_enabled).unwrap_or(false),
    }
}

fn console(deployment: &Deployment, host: &Host) -> Option<String> {
    let config = &deployment.region(&host.region)?.config;
    let scheme = if host.settings.https.is_some() { "https" } else { "http" };
    let address = &config.cm_url.host;
    let address = if address.contains(':') { format!("[{address}]") } else { address.clone() };
    Some(format!("{scheme}://{address}:{}", config.ports.nginx.number))
}
