//! Stopping, starting and restarting the containers that are there: nothing but that is changed, and the files need not
//! match. A host that serves is never taken away when nobody else is left, unless the operator allows it.

use omsctl_inventory::Host;
use omsctl_proto::{Action, ContainerFacts, Facts, Gate, InitState, MetaDbProof, NodeName, Role, Step};

use super::findings::how_it_ended;
use super::output::{NodeSteps, Plan};
use super::planner::finished;
use super::refusal::{Refusal, Refusals};
use super::situation::{Situation, is_healthy, serves};
use super::upgrade;
use super::wanted::health;

/// The selected containers do not run any more. All at once: whoever stays serves on.
pub(super) fn stop(situation: Situation<'_>) -> Result<Plan, Refusals> {
    let mut draft = Draft::of(situation, |host, facts| {
        let Some(container) = &facts.container else { return Ok(Vec::new()) };
        fit_to_stop(host, container)?;
        let name = host.settings.container_name.clone();
        Ok(if container.running { vec![stop_step(container, name)] } else { Vec::new() })
    });
    draft.refusals.extend(outages(situation, &draft.plan, false, |_| true));
    for node in &mut draft.plan.nodes {
        node.proof = MetaDbProof::Nothing;
        node.register = None;
    }
    draft.plan.warnings.extend(high_availability(situation, &draft.plan));
    draft.finish(situation)
}

/// The selected containers run and are proved.
pub(super) fn start(situation: Situation<'_>) -> Result<Plan, Refusals> {
    let mut draft = Draft::of(situation, |host, facts| {
        let container = fit_to_start(host, facts)?;
        if container.running {
            return Ok(Vec::new());
        }
        let start = Action::StartContainer { name: host.settings.container_name.clone() };
        Ok(proved(situation, host, step(how_it_ended(container), start)))
    });
    draft.refusals.extend(upgrade::unfinished(situation));
    draft.finish(situation)
}

/// Each selected container is stopped and started, one that serves only when all others do; stopped ones are started.
pub(super) fn restart(situation: Situation<'_>) -> Result<Plan, Refusals> {
    let serving = situation.deployment.hosts.iter();
    let serving = serving.filter(|host| situation.container(&host.name).is_some_and(serves)).count();
    let mut draft = Draft::of(situation, |host, facts| {
        let container = fit_to_start(host, facts)?;
        let name = host.settings.container_name.clone();
        if !container.running {
            let start = Action::StartContainer { name };
            return Ok(proved(situation, host, step(how_it_ended(container), start)));
        }
        let started = container.started.clone();
        let why = format!("it runs since {started}");
        let restart = step(why, Action::RestartContainer { name, started });
        let gate = (serving > 1).then_some(Gate::Turn);
        Ok(proved(situation, host, Step { gate, ..restart }))
    });
    draft.refusals.extend(outages(situation, &draft.plan, true, |_| true));
    draft.refusals.extend(upgrade::unfinished(situation));
    draft.finish(situation)
}

pub(super) struct Draft {
    pub(super) plan: Plan,
    pub(super) refusals: Vec<Refusal>,
}

impl Draft {
    /// Every selected host with the steps that it takes there.
    fn of(situation: Situation<'_>, steps: impl Fn(&Host, &Facts) -> Result<Vec<Step>, Refusal>) -> Self {
        let mut draft = Self { plan: Plan::default(), refusals: Vec::new() };
        for host in situation.deployment.hosts.iter().filter(|host| host.selected) {
            let node = host.name.clone();
            match situation.answer(&node).map(|facts| steps(host, facts)) {
                Ok(Ok(steps)) => {
                    let register = (!steps.is_empty()).then(|| "the container starts".to_owned());
                    let proof = MetaDbProof::Registered;
                    draft.plan.nodes.push(NodeSteps { node, role: Role::Existing, steps, proof, register });
                }
                Ok(Err(refusal)) => draft.refusals.push(refusal),
                Err(error) => {
                    draft.plan.unreachable.insert(node, error);
                }
            }
        }
        draft
    }

    pub(super) fn finish(self, situation: Situation<'_>) -> Result<Plan, Refusals> {
        finished(self.plan, self.refusals, situation)
    }
}

pub(super) fn step(why: impl Into<String>, action: Action) -> Step {
    Step { why: why.into(), gate: None, action }
}

fn stop_step(container: &ContainerFacts, name: String) -> Step {
    step(format!("it runs since {}", container.started), Action::StopContainer { name, set_aside: None })
}

/// What starts the container or its services, and the proofs that OMS is well in it.
pub(super) fn proved(situation: Situation<'_>, host: &Host, start: Step) -> Vec<Step> {
    let container = host.settings.container_name.clone();
    let why = match start.action {
        Action::ReloadConfig { .. } => "services are restarted",
        _ => "the container starts",
    };
    let services = Action::AwaitServices { container: container.clone() };
    let mut steps = vec![start, step(why, services)];
    if let Some(config) = situation.config(host) {
        let healthy = Action::AwaitHealthy { container, health: health(host, config) };
        steps.push(step("OMS says last whether all is well", healthy));
    }
    steps
}

pub(super) fn unfit(host: &Host, what: String, way: impl Into<String>) -> Refusal {
    Refusal::Unfit { node: host.name.clone(), what, way: way.into() }
}

pub(super) fn is_of_oms(host: &Host, container: &ContainerFacts) -> Result<(), Refusal> {
    let name = &host.settings.container_name;
    if !container.environment.iter().any(|pair| pair.starts_with("OMS_HOST_IP=")) {
        let what = format!("the container {name} is not one of OMS: it has no OMS_HOST_IP");
        return Err(unfit(host, what, "set oms_container_name to the name of OMS's container"));
    }
    Ok(())
}

/// Of OMS, and not in the middle of its initialisation.
pub(super) fn fit_to_stop(host: &Host, container: &ContainerFacts) -> Result<(), Refusal> {
    is_of_oms(host, container)?;
    let name = &host.settings.container_name;
    if container.running && container.initialisation.state == InitState::Running {
        let what = format!("OMS is being initialised in {name}, which is never interrupted");
        return Err(unfit(host, what, "wait for its end: `omsctl attach` follows it"));
    }
    Ok(())
}

/// There, of OMS, and initialised: what is not is made so by `apply`, through its gates.
fn fit_to_start<'a>(host: &Host, facts: &'a Facts) -> Result<&'a ContainerFacts, Refusal> {
    let name = &host.settings.container_name;
    let Some(container) = &facts.container else {
        return Err(unfit(host, format!("there is no container {name}"), "`omsctl apply` makes it"));
    };
    fit_to_stop(host, container)?;
    if container.initialisation.state != InitState::Succeeded {
        let proof = &container.initialisation.proof;
        let what = format!("OMS is not known to be initialised in {name} ({proof})");
        return Err(unfit(host, what, "`omsctl apply` starts it and sees its initialisation through"));
    }
    Ok(container)
}

/// Regions where no healthy host would be left; hosts that take turns leave the others serving.
pub(super) fn outages(
    situation: Situation<'_>,
    plan: &Plan,
    takes_turns: bool,
    goes: impl Fn(&NodeName) -> bool,
) -> Vec<Refusal> {
    if situation.goal.allow_outage {
        return Vec::new();
    }
    let busy = |node: &NodeName| goes(node) && plan.node(node).is_some_and(|node| !node.steps.is_empty());
    let regions = situation.deployment.regions.iter();
    regions
        .filter_map(|region| {
            let hosts = region.hosts.iter();
            let healthy = hosts.filter(|node| situation.container(node).is_some_and(is_healthy));
            let healthy: Vec<NodeName> = healthy.cloned().collect();
            let touched = healthy.iter().filter(|node| busy(node)).count();
            let left = if takes_turns {
                healthy.len().saturating_sub(touched.min(1))
            } else {
                healthy.len() - touched
            };
            let region =
                if situation.deployment.regions.len() > 1 { region.name.to_string() } else { String::new() };
            let way =
                "leave one of them out with --limit, or say that nobody needs OMS now with --allow-outage";
            (touched > 0 && left == 0).then(|| Refusal::Outage {
                region,
                nodes: healthy,
                way: way.to_owned(),
            })
        })
        .collect()
}

/// `research/oms.md` 6: a machine that comes back may go on writing.
pub(super) fn high_availability(situation: Situation<'_>, plan: &Plan) -> Option<String> {
    let on = situation.metadb().and_then(|metadb| metadb.ha_enabled) == Some(true);
    (on && !plan.busy().is_empty()).then(|| {
        "HA is on: what runs on a stopped host is built anew on others after checkHostDownIntervalSec (540 s unless \
         changed). When the host is started after that, its former tasks may write a second time: look at its tasks in \
         the console before"
            .to_owned()
    })
}
