//! From the whole input to the plan: the use case of this folder, read as the list of what is decided and in which
//! order.

use std::collections::BTreeMap;

use omsctl_inventory::{Deployment, Host, InitOrder, Region};
use omsctl_proto::{
    Action, ContainerFacts, DockerFacts, ErrorCode, ErrorReport, Facts, InitState, MetaDbProof, NodeName,
    Role, Secret, SecretName, Step,
};

use super::addresses::{self, Addresses};
use super::check_plan;
use super::config;
use super::destruction;
use super::findings::look;
use super::gates::{self, Draft};
use super::input::{Goal, Observed, Purpose};
use super::lifecycle;
use super::moving;
use super::output::{NodeSteps, Plan};
use super::ownership;
use super::refusal::{Refusal, Refusals};
use super::registration;
use super::relay;
use super::removal;
use super::rotation;
use super::situation::Situation;
use super::steps::steps;
use super::tsdb::{self, Tsdb};
use super::upgrade;
use super::virtual_ip;
use super::wanted::{Wanted, wanted};
use super::warnings::warnings;

/// What has to be done on every selected host for the goal's purpose, or every reason not to begin.
///
/// # Errors
/// [`Refusals`] with all reasons at once: nothing may be changed (exit 3). Under `keep_going` a reason that is about
/// one host only leaves that host out instead.
pub fn plan(deployment: &Deployment, observed: &Observed, goal: &Goal) -> Result<Plan, Refusals> {
    let addresses = addresses::resolve(deployment, observed);
    let situation = Situation { deployment, observed, goal, addresses: &addresses.by_node };
    match &goal.purpose {
        Purpose::Apply => as_the_files_say(situation, addresses.refusals, addresses.warnings),
        Purpose::Stop => lifecycle::stop(situation),
        Purpose::Start => lifecycle::start(situation),
        Purpose::Restart => lifecycle::restart(situation),
        Purpose::Remove(leaving) => removal::plan(situation, leaving, addresses.refusals),
        Purpose::Upgrade => upgrade::forward(situation, addresses.refusals, addresses.warnings),
        Purpose::Rollback => upgrade::back(situation, addresses.refusals),
        Purpose::Destroy(what) => destruction::plan(situation, *what, addresses.refusals),
    }
}

pub(super) fn as_the_files_say(
    situation: Situation<'_>,
    refusals: Vec<Refusal>,
    about_addresses: Vec<String>,
) -> Result<Plan, Refusals> {
    let Situation { deployment, goal, .. } = situation;
    let mut outcome =
        Outcome { refusals: Vec::new(), plan: Plan { warnings: about_addresses, ..Plan::default() } };
    // Also under `keep_going`: `cm_nodes` without this host would drop it from the cluster.
    outcome.refusals.extend(relevant(situation, refusals));
    for refusal in cluster(situation) {
        outcome.refuse(refusal, goal);
    }
    let mut drafts = Vec::new();
    for host in deployment.hosts.iter().filter(|host| host.selected) {
        drafts.extend(outcome.draft(situation, host));
    }
    let tsdb = outcome.tsdb(situation);
    tsdb::lead(&mut drafts, &tsdb);
    let tsdb_comes = matches!(&tsdb, Tsdb::Steps(_, steps) if !steps.is_empty());
    outcome.refusals.extend(rotation::judge_drafts(situation, &drafts, &outcome.plan));
    outcome.refusals.extend(tsdb_comes.then(|| rotation::before_tsdb(situation)).flatten());
    gates::set(situation, &mut drafts, tsdb_comes);
    relay::set(situation, &mut drafts);
    outcome.plan.schema_order = gates::schema_order(situation, &drafts);
    outcome.plan.sequential = sequential(deployment, &drafts);
    outcome.refusals.extend(initialised_elsewhere(situation, &outcome.plan.schema_order));
    outcome.refusals.extend(unread_metadb(situation, &drafts));
    outcome.refusals.extend(tsdb::missed(situation, &tsdb, &drafts));
    outcome.plan.warnings.extend(warnings(situation, &drafts));
    outcome.plan.warnings.extend(moving::warnings(situation, &drafts));
    outcome.plan.warnings.extend(rotation::warnings(situation));
    let mut plan = accepted(outcome.plan, drafts);
    tsdb::add(&mut plan, situation, tsdb);
    finished(plan, outcome.refusals, situation)
}

/// The plan with what these hosts do.
pub(super) fn accepted(mut plan: Plan, drafts: Vec<Draft>) -> Plan {
    for draft in drafts {
        let secrets = secrets_of(&draft);
        if !secrets.is_empty() {
            plan.secrets.insert(draft.node.clone(), secrets);
        }
        let Draft { node, role, steps, register, .. } = draft;
        let logs_in = |step: &Step| matches!(step.action, Action::ReloadConfig { log_in: true, .. });
        let anew = steps.iter().any(logs_in);
        let proof = if anew { MetaDbProof::LoggedIn } else { MetaDbProof::Registered };
        plan.nodes.push(NodeSteps { node, role, steps, proof, register });
    }
    plan
}

/// No plan is handed out that is refused, or that breaks a rule.
pub(super) fn finished(
    plan: Plan,
    mut refusals: Vec<Refusal>,
    situation: Situation<'_>,
) -> Result<Plan, Refusals> {
    if refusals.is_empty() {
        let broken = check_plan::broken_rules(&plan, situation.deployment, situation.observed);
        refusals.extend(broken.into_iter().map(|rule| Refusal::Rule { rule }));
    }
    if refusals.is_empty() { Ok(plan) } else { Err(Refusals(refusals)) }
}

/// Everything about the cluster as a whole.
pub(super) fn cluster(situation: Situation<'_>) -> Vec<Refusal> {
    let mut refusals = ownership::judge(situation);
    refusals.extend(moving::judge(situation));
    refusals.extend(rotation::judge(situation));
    refusals.extend(upgrade::judge(situation));
    refusals.extend(config::changes_that_take_more(situation));
    refusals
}

struct Outcome {
    refusals: Vec<Refusal>,
    plan: Plan,
}

impl Outcome {
    fn refuse(&mut self, refusal: Refusal, goal: &Goal) {
        match refusal.node() {
            Some(node) if goal.keep_going => {
                self.plan.left_out.insert(node.clone(), refusal.report());
            }
            Some(_) | None if self.refusals.contains(&refusal) => {}
            Some(_) | None => self.refusals.push(refusal),
        }
    }

    /// The part of the time-series database; its host may be one of OMS, and told already.
    fn tsdb(&mut self, situation: Situation<'_>) -> Tsdb {
        let tsdb = tsdb::plan(situation);
        match &tsdb {
            Tsdb::Away(node, error) => {
                self.plan.unreachable.entry(node.clone()).or_insert_with(|| error.clone());
            }
            Tsdb::Refused(refusal) => self.refuse(refusal.clone(), situation.goal),
            Tsdb::Nothing | Tsdb::Steps(..) => {}
        }
        tsdb
    }

    /// The steps of one host without gates; `None` when it is left out or cannot be planned.
    fn draft(&mut self, situation: Situation<'_>, host: &Host) -> Option<Draft> {
        let goal = situation.goal;
        let facts = match situation.answer(&host.name) {
            Ok(facts) => facts,
            Err(error) => {
                self.plan.unreachable.insert(host.name.clone(), error);
                return None;
            }
        };
        if goal.leave_out.contains(&host.name) {
            let error = ErrorReport::new(ErrorCode::Cancelled, "a check failed on this host")
                .hint("`omsctl check` says which and what to do");
            self.plan.left_out.entry(host.name.clone()).or_insert(error);
        }
        if self.plan.left_out.contains_key(&host.name) {
            return None;
        }
        if let Some(cause) = docker_trouble(&facts.docker) {
            self.refuse(Refusal::Docker { node: host.name.clone(), cause }, goal);
            return None;
        }
        let region = situation.region(host)?;
        match wanted(situation, host)? {
            Ok(wanted) => Some(draft(situation, host, region, facts, wanted)),
            Err(refusal) => {
                self.refuse(refusal, goal);
                None
            }
        }
    }
}

/// An address that nobody will use is no reason to refuse: only regions with a selected host that answers get a
/// `cm_nodes`.
fn relevant(situation: Situation<'_>, refusals: Vec<Refusal>) -> Vec<Refusal> {
    let hosts = &situation.deployment.hosts;
    let region = |node: &NodeName| situation.deployment.host(node).map(|host| &host.region);
    let changes = |host: &&Host| host.selected && situation.facts(&host.name).is_some();
    refusals
        .into_iter()
        .filter(|refusal| match refusal.node().and_then(region) {
            None => true,
            Some(region) => hosts.iter().filter(changes).any(|host| host.region == *region),
        })
        .collect()
}

/// Docker's words when it does not answer.
pub(super) fn docker_trouble(docker: &DockerFacts) -> Option<String> {
    match docker {
        DockerFacts::Answers { .. } => None,
        DockerFacts::Missing { looked_in } => Some(format!("there is no docker command in {looked_in}")),
        DockerFacts::Silent { error } => Some(error.clone()),
    }
}

pub(super) fn draft(
    situation: Situation<'_>,
    host: &Host,
    region: &Region,
    facts: &Facts,
    wanted: Wanted,
) -> Draft {
    let config = config::compare(region, &situation.nodes_of(region), facts);
    let moves = moving::why(situation, host);
    let findings =
        look(&wanted, config, facts, &situation.goal.key, (moves.as_deref(), rotation::why(situation)));
    let virtual_ip = virtual_ip::step(situation, host, facts, &|_| true);
    let steps = steps(&wanted, &findings, facts, &situation.goal.run, virtual_ip);
    let address = wanted.container.host_ip;
    let listed = situation.metadb().map(|metadb| registration::find(metadb, address));
    let new = facts.container.is_none() && listed.as_ref().is_none_or(Option::is_none);
    // Without the MetaDB nobody can say; with steps to do that is refused.
    let register = listed.and_then(|listed| registration::trouble(listed.as_ref()));
    Draft {
        node: host.name.clone(),
        role: if new { Role::New } else { Role::Existing },
        wanted,
        findings,
        steps,
        register: if moves.is_some() { Some(moving::TO_BE_SHOWN.to_owned()) } else { register },
        moves: moves.is_some(),
    }
}

pub(super) fn sequential(deployment: &Deployment, drafts: &[Draft]) -> bool {
    let hosts = drafts.iter().filter_map(|draft| deployment.host(&draft.node));
    hosts.into_iter().any(|host| host.settings.init_order == InitOrder::Sequential)
}

/// An initialisation that this plan does not see through may be inside its schema step.
fn initialised_elsewhere(situation: Situation<'_>, schema_order: &[NodeName]) -> Vec<Refusal> {
    if schema_order.is_empty() {
        return Vec::new();
    }
    let running = |container: &&ContainerFacts| container.initialisation.state == InitState::Running;
    let outside = situation.deployment.hosts.iter().filter(|host| !host.selected);
    outside
        .filter_map(|host| Some((host, situation.container(&host.name).filter(running)?)))
        .map(|(host, container)| Refusal::InitialisationElsewhere {
            node: host.name.clone(),
            proof: container.initialisation.proof.clone(),
        })
        .collect()
}

fn unread_metadb(situation: Situation<'_>, drafts: &[Draft]) -> Option<Refusal> {
    let needed = drafts.iter().any(|draft| !draft.steps.is_empty());
    match &situation.observed.metadb {
        Some(Ok(_)) => None,
        Some(Err(_)) | None if !needed => None,
        Some(Err(error)) => {
            let way = rotation::hint(situation, error);
            Some(Refusal::MetaDbUnread { cause: Some(error.clone()), way })
        }
        None => Some(Refusal::MetaDbUnread { cause: None, way: None }),
    }
}

/// The texts behind the names that any step of a host may use; for a plan that is carried on.
pub fn secrets(
    deployment: &Deployment,
    observed: &Observed,
    goal: &Goal,
) -> BTreeMap<NodeName, BTreeMap<SecretName, Secret>> {
    let Addresses { by_node, .. } = addresses::resolve(deployment, observed);
    let situation = Situation { deployment, observed, goal, addresses: &by_node };
    let of_host = |host: &Host| {
        if let Purpose::Remove(leaving) = &goal.purpose {
            return removal::secrets(situation, host, leaving);
        }
        let wanted = wanted(situation, host)?.ok()?;
        Some((host.name.clone(), texts(&wanted).map(|(name, text)| (name.clone(), text.clone())).collect()))
    };
    let mut secrets: BTreeMap<_, BTreeMap<_, _>> = deployment.hosts.iter().filter_map(of_host).collect();
    for (node, more) in upgrade::secrets(situation).into_iter().chain(tsdb::secrets(deployment)) {
        secrets.entry(node).or_default().extend(more);
    }
    secrets
}

/// Everything of a host that travels apart from its steps.
fn texts(wanted: &Wanted) -> impl Iterator<Item = (&SecretName, &Secret)> {
    let files = wanted.certificates.iter().chain([&wanted.config]);
    let login = wanted.login.iter().map(|login| (&login.content, &login.text));
    files.map(|file| (&file.file.content, &file.text)).chain(login)
}

/// The texts behind the names in the steps, and no others.
fn secrets_of(draft: &Draft) -> BTreeMap<SecretName, Secret> {
    let texts: BTreeMap<_, _> = texts(&draft.wanted).collect();
    let named = draft.steps.iter().flat_map(|step| step.action.secrets());
    named.filter_map(|name| Some((name.clone(), (*texts.get(name)?).clone()))).collect()
}
