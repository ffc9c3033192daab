//! The rules that any plan keeps, whatever made it: written from design.md section 3 and not from the planner, so
//! that a mistake there is seen here. The planner refuses to hand out a plan that breaks one.

use std::collections::BTreeSet;

use omsctl_inventory::Deployment;
use omsctl_proto::{
    Action, ContainerFacts, Digest, Gate, ImageOrigin, InitState, Initialiser, NodeName, Role, SecretName,
    StepId,
};

use super::input::Observed;
use super::output::{NodeSteps, Plan};
use super::rotation;
use crate::ports::ArchiveIdentity;

/// Every rule that the plan breaks, in words; empty for a good plan.
pub fn broken_rules(plan: &Plan, deployment: &Deployment, observed: &Observed) -> Vec<String> {
    let mut broken = every_host_once(plan, deployment);
    broken.extend(schema_order_is_complete(plan));
    broken.extend(nobody_waits_for_a_turn_at_the_schema_gate(plan));
    let archives = observed.archives.values();
    let contents = archives.flat_map(ArchiveIdentity::parcels).map(|parcel| parcel.content()).collect();
    for node in &plan.nodes {
        let facts = observed.facts.get(&node.node).and_then(|facts| facts.as_ref().ok());
        let container = facts.and_then(|facts| facts.container.as_ref());
        let rules = [
            no_step_twice(node),
            in_order(node),
            no_turn_on_a_new_host(node),
            only_steps_that_a_container_allows(node, container),
            schema_gate_where_it_is_needed(node, container),
            turn_before_service_is_touched(node, container),
            nothing_starts_before_the_databases(node, plan),
            stopped_when_the_metadb_changes(node, container),
            nobody_logs_in_before_the_password(node, plan, deployment),
            health_is_proved_last(node),
            everything_named_travels(node, plan, &contents),
        ];
        broken.extend(rules.into_iter().flatten().map(|rule| format!("{}: {rule}", node.node)));
    }
    broken
}

fn every_host_once(plan: &Plan, deployment: &Deployment) -> Vec<String> {
    let listed = |name: &NodeName| {
        plan.nodes.iter().filter(|node| node.node == *name).count()
            + usize::from(plan.unreachable.contains_key(name))
            + usize::from(plan.left_out.contains_key(name))
            + usize::from(plan.forgotten.contains_key(name))
    };
    let selected: Vec<_> = deployment.hosts.iter().filter(|host| host.selected).collect();
    let mut broken: Vec<String> = selected
        .iter()
        .filter(|host| listed(&host.name) != 1)
        .map(|host| format!("{} is listed {} times", host.name, listed(&host.name)))
        .collect();
    let tsdb = deployment.tsdb_alone().filter(|tsdb| tsdb.selected).map(|tsdb| &tsdb.host);
    broken.extend(tsdb.filter(|name| listed(name) > 1).map(|name| format!("{name} is listed twice")));
    let mut strangers = plan.nodes.iter().filter(|node| Some(&node.node) != tsdb);
    let stranger = strangers.find(|node| !selected.iter().any(|host| host.name == node.node));
    broken.extend(stranger.map(|node| format!("{} was not selected", node.node)));
    broken
}

fn schema_order_is_complete(plan: &Plan) -> Option<String> {
    let gated: BTreeSet<&NodeName> =
        plan.nodes.iter().filter(|node| node.has_gate(Gate::Schema)).map(|node| &node.node).collect();
    let ordered: BTreeSet<&NodeName> = plan.schema_order.iter().collect();
    let complete = gated == ordered && ordered.len() == plan.schema_order.len();
    (!complete).then(|| "the schema order does not name exactly the hosts with that gate".to_owned())
}

/// A turn begins when all that need none are done.
fn nobody_waits_for_a_turn_at_the_schema_gate(plan: &Plan) -> Option<String> {
    let turn = |name: &&NodeName| plan.node(name).is_some_and(|node| node.has_gate(Gate::Turn));
    let mut after = plan.schema_order.iter().skip_while(|name| !turn(name));
    let waits = after.find(|name| !turn(name));
    waits.map(|name| format!("{name} waits at the schema gate for a host that waits for its turn"))
}

/// Events name a step by its id alone.
fn no_step_twice(node: &NodeSteps) -> Option<String> {
    let ids: BTreeSet<StepId> = node.steps.iter().map(omsctl_proto::Step::id).collect();
    (ids.len() != node.steps.len()).then(|| "a step is there twice".to_owned())
}

/// What has to be true before the other can be.
const ORDER: [(StepId, StepId); 34] = [
    (StepId::LoadTsdbImage, StepId::ServeTsdb),
    (StepId::ServeTsdb, StepId::Initialise),
    (StepId::ServeTsdb, StepId::ReloadConfig),
    (StepId::LoadImage, StepId::StopContainer),
    (StepId::StopContainer, StepId::DumpDatabases),
    (StepId::DumpDatabases, StepId::ReplaceContainer),
    (StepId::StopContainer, StepId::RestoreDatabases),
    (StepId::RestoreDatabases, StepId::RestoreContainer),
    (StepId::RestoreContainer, StepId::AwaitServices),
    (StepId::StopContainer, StepId::CreateContainer),
    (StepId::WithdrawVirtualIp, StepId::RemoveContainers),
    (StepId::RemoveContainers, StepId::RemoveData),
    (StepId::MakeDirectories, StepId::WriteCertificates),
    (StepId::MakeDirectories, StepId::WriteConfig),
    (StepId::WriteCertificates, StepId::ServeCertificate),
    (StepId::Initialise, StepId::ServeCertificate),
    (StepId::AwaitServices, StepId::ServeCertificate),
    (StepId::ServeCertificate, StepId::AwaitHealthy),
    (StepId::WriteConfig, StepId::CreateContainer),
    (StepId::WriteConfig, StepId::ReplaceContainer),
    (StepId::WriteConfig, StepId::StartContainer),
    (StepId::WriteConfig, StepId::RestartContainer),
    (StepId::WriteConfig, StepId::ReloadConfig),
    (StepId::LoadImage, StepId::CreateContainer),
    (StepId::LoadImage, StepId::ReplaceContainer),
    (StepId::CreateContainer, StepId::Initialise),
    (StepId::ReplaceContainer, StepId::Initialise),
    (StepId::StartContainer, StepId::Initialise),
    (StepId::Initialise, StepId::ReloadConfig),
    (StepId::Initialise, StepId::AwaitServices),
    (StepId::Initialise, StepId::ServeVirtualIp),
    (StepId::AwaitServices, StepId::ServeVirtualIp),
    (StepId::ServeVirtualIp, StepId::AwaitHealthy),
    (StepId::AwaitServices, StepId::AwaitHealthy),
];

fn in_order(node: &NodeSteps) -> Option<String> {
    let at = |id: StepId| node.steps.iter().position(|step| step.id() == id);
    ORDER
        .iter()
        .find(|(first, then)| at(*first).zip(at(*then)).is_some_and(|(first, then)| first > then))
        .map(|(first, then)| format!("{first} comes after {then}"))
}

fn no_turn_on_a_new_host(node: &NodeSteps) -> Option<String> {
    (node.role == Role::New && node.has_gate(Gate::Turn)).then(|| "a new host waits for its turn".to_owned())
}

fn only_steps_that_a_container_allows(
    node: &NodeSteps,
    container: Option<&ContainerFacts>,
) -> Option<String> {
    let has = |id| node.step(id).is_some();
    let needs =
        [StepId::ReplaceContainer, StepId::StartContainer, StepId::RestartContainer, StepId::ReloadConfig];
    let makes = [StepId::CreateContainer, StepId::ReplaceContainer];
    let acts = [StepId::Initialise, StepId::AwaitServices, StepId::AwaitHealthy];
    let changes = node.steps.iter().filter(|step| starts(&step.action)).count();
    if container.is_none() && needs.into_iter().any(has) {
        Some("there is no container that could be changed".to_owned())
    } else if container.is_some() && has(StepId::CreateContainer) && !sets_aside(node) {
        Some("there is a container already".to_owned())
    } else if container.is_none()
        && acts.into_iter().any(has)
        && !makes.into_iter().any(has)
        && !has(StepId::RestoreContainer)
    {
        Some("nothing makes the container".to_owned())
    } else if changes > 1 {
        Some("the container is started twice".to_owned())
    } else if makes.into_iter().any(has) && !has(StepId::Initialise) {
        Some("a new container is not initialised".to_owned())
    } else if has(StepId::Initialise) && !makes.into_iter().any(has) && is_initialised(container) {
        Some("an initialised container is initialised again".to_owned())
    } else if node.role != Role::Leaving
        && container.is_some_and(|found| !found.running)
        && !changes.eq(&1)
        && acts_on_container(node)
    {
        Some("a stopped container stays stopped".to_owned())
    } else {
        None
    }
}

/// Other steps than those that need no container, or take it away.
fn acts_on_container(node: &NodeSteps) -> bool {
    let apart = |action: &Action| {
        matches!(
            action,
            Action::WithdrawVirtualIp
                | Action::RemoveContainers { .. }
                | Action::RemoveData { .. }
                | Action::LoadTsdbImage { .. }
                | Action::ServeTsdb { .. }
        )
    };
    node.steps.iter().any(|step| !apart(&step.action))
}

/// The container that is there leaves its name free.
fn sets_aside(node: &NodeSteps) -> bool {
    let aside =
        |step: &omsctl_proto::Step| matches!(step.action, Action::StopContainer { set_aside: Some(_), .. });
    node.steps.iter().any(aside)
}

fn is_initialised(container: Option<&ContainerFacts>) -> bool {
    container.is_some_and(|found| found.initialisation.state == InitState::Succeeded)
}

fn starts(action: &Action) -> bool {
    matches!(
        action,
        Action::CreateContainer { .. }
            | Action::StartContainer { .. }
            | Action::RestoreContainer { .. }
            | Action::RestartContainer { .. }
    )
}

fn schema_gate_where_it_is_needed(node: &NodeSteps, container: Option<&ContainerFacts>) -> Option<String> {
    let initialise = node.steps.iter().find_map(|step| {
        if let Action::Initialise { by, .. } = step.action { Some((by, step.gate)) } else { None }
    });
    let Some((by, gate)) = initialise else {
        return node.has_gate(Gate::Schema).then(|| "a schema gate without an initialisation".to_owned());
    };
    let starting = node.steps.iter().find(|step| starts(&step.action));
    let expected = match (by, starting) {
        (Initialiser::Container, Some(step)) => step.gate,
        (Initialiser::Container, None) if container.is_none() => None,
        (Initialiser::Script | Initialiser::Container, _) => gate,
    };
    (expected != Some(Gate::Schema)).then(|| "the schema step would not wait for its gate".to_owned())
}

/// Once it is this host's turn, everything after it belongs to that turn.
fn turn_before_service_is_touched(node: &NodeSteps, container: Option<&ContainerFacts>) -> Option<String> {
    let turns = node.steps.iter().filter(|step| step.gate == Some(Gate::Turn)).count();
    if turns == 0 {
        return None;
    }
    let serving = container.is_some_and(|found| found.running && is_initialised(Some(found)));
    let touched_before = node.steps.iter().take_while(|step| step.gate != Some(Gate::Turn)).any(|step| {
        let before = [StepId::MakeDirectories, StepId::LoadImage, StepId::LoadTsdbImage, StepId::ServeTsdb];
        !before.contains(&step.id())
    });
    if turns > 1 {
        Some("it waits for its turn twice".to_owned())
    } else if touched_before {
        Some("it is changed before its turn".to_owned())
    } else if !serving {
        Some("a host that does not serve waits for its turn".to_owned())
    } else {
        None
    }
}

/// Where the databases are dumped or restored, no host starts OMS before that.
fn nothing_starts_before_the_databases(node: &NodeSteps, plan: &Plan) -> Option<String> {
    let changes = |node: &NodeSteps| {
        node.step(StepId::DumpDatabases).or_else(|| node.step(StepId::RestoreDatabases)).is_some()
    };
    if !plan.nodes.iter().any(changes) {
        return None;
    }
    let begins = |step: &omsctl_proto::Step| starts(&step.action) || step.id() == StepId::Initialise;
    let start = node.steps.iter().position(begins)?;
    let gate = node.steps.iter().position(|step| step.gate == Some(Gate::Databases));
    let ungated = node.steps.iter().find(|step| {
        matches!(step.id(), StepId::DumpDatabases | StepId::RestoreDatabases)
            && step.gate != Some(Gate::Stopped)
    });
    if ungated.is_some() {
        Some("the databases are touched before all hosts are stopped".to_owned())
    } else {
        gate.is_none_or(|gate| gate > start).then(|| "OMS starts before the databases are ready".to_owned())
    }
}

/// OMS neither runs nor starts before that gate.
fn stopped_when_the_metadb_changes(node: &NodeSteps, container: Option<&ContainerFacts>) -> Option<String> {
    let gate = node.steps.iter().position(|step| step.gate == Some(Gate::Metadb))?;
    let before = node.steps.get(..gate).unwrap_or_default();
    let stops = |step: &omsctl_proto::Step| matches!(step.action, Action::StopContainer { .. });
    let stands = container.is_none() || before.iter().any(stops);
    let still = before.iter().any(|step| starts(&step.action) || step.id() == StepId::Initialise);
    (!stands || still).then(|| "OMS may run while the MetaDB is changed".to_owned())
}

/// OMS reads the new password when the MetaDB takes it, on all hosts or on none.
fn nobody_logs_in_before_the_password(
    node: &NodeSteps,
    plan: &Plan,
    deployment: &Deployment,
) -> Option<String> {
    let gate = node.steps.iter().position(|step| step.gate == Some(Gate::Password))?;
    let mut before = node.steps.iter().take(gate);
    if before.any(|step| !rotation::is_before(step)) {
        return Some("OMS may log in before the MetaDB takes the new password".to_owned());
    }
    let mut hosts = deployment.hosts.iter();
    let out = hosts.find(|host| !plan.node(&host.name).is_some_and(|node| node.has_gate(Gate::Password)));
    out.map(|host| format!("{} would be locked out of the MetaDB", host.name))
}

fn health_is_proved_last(node: &NodeSteps) -> Option<String> {
    let touched = node.steps.iter().any(|step| {
        starts(&step.action)
            || matches!(
                step.action,
                Action::ReloadConfig { .. }
                    | Action::Initialise { .. }
                    | Action::AwaitServices { .. }
                    | Action::ServeCertificate { .. }
            )
    });
    let last = node.steps.last().map(omsctl_proto::Step::id);
    (touched && last != Some(StepId::AwaitHealthy)).then(|| "health is not proved at the end".to_owned())
}

fn everything_named_travels(node: &NodeSteps, plan: &Plan, contents: &BTreeSet<Digest>) -> Option<String> {
    let secrets = plan.secrets.get(&node.node);
    let has_secret = |name: &SecretName| secrets.is_some_and(|all| all.contains_key(name));
    let missing = |action: &Action| {
        let content = if let Action::LoadImage { origin: ImageOrigin::Archive { content, .. }, .. }
        | Action::LoadTsdbImage { origin: ImageOrigin::Archive { content, .. }, .. } = action
        {
            Some(content)
        } else {
            None
        };
        content.is_some_and(|content| !contents.contains(content))
            || !action.secrets().into_iter().all(has_secret)
    };
    node.steps
        .iter()
        .find(|step| missing(&step.action))
        .map(|step| format!("what {} needs does not travel", step.id()))
}
