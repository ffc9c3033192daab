//! Taking hosts out of the cluster (`research/oms.md` 7.4): their containers stop, their rows leave the MetaDB, and the
//! hosts that stay learn the shorter `cm_nodes`, one at a time. Nothing else is changed anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use omsctl_inventory::{Host, Region};
use omsctl_proto::{
    Action, ContainerFacts, Facts, FormerText, Gate, MetaDbProof, NodeName, Role, Secret, SecretName, Step,
};

use super::config::{self, ConfigFinding};
use super::lifecycle::{Draft, fit_to_stop, high_availability, outages, proved, step, unfit};
use super::output::{NodeSteps, Plan};
use super::refusal::{Refusal, Refusals};
use super::registration::{self, HEARTBEAT_LIMIT_S};
use super::situation::{Situation, serves};
use super::upgrade;
use super::virtual_ip;
use super::wanted::{RANDOM_PORTS, config_file};

/// What takes these hosts out, or every reason not to begin.
pub(super) fn plan(
    situation: Situation<'_>,
    leaving: &BTreeSet<NodeName>,
    addresses: Vec<Refusal>,
) -> Result<Plan, Refusals> {
    let mut draft = Draft { plan: Plan::default(), refusals: addresses };
    match &situation.observed.metadb {
        Some(Ok(_)) => {}
        other => {
            let cause = other.as_ref().and_then(|read| read.as_ref().err().cloned());
            draft.refusals.push(Refusal::MetaDbUnread { cause, way: None });
        }
    }
    for region in &situation.deployment.regions {
        let leaves = |node: &&NodeName| leaving.contains(*node);
        let touched = region.hosts.iter().any(|node| leaves(&node));
        let stays = region.hosts.iter().any(|node| !leaves(&node));
        for node in &region.hosts {
            let Some(host) = situation.deployment.host(node) else { continue };
            let drafted = if !touched {
                Ok(None)
            } else if !stays {
                let way = "`omsctl destroy` ends a whole cluster; a region alone cannot be taken out";
                Err(unfit(host, "it would leave its region without a host".to_owned(), way))
            } else if leaving.contains(node) {
                leaver(situation, host, &mut draft.plan)
            } else {
                stayer(situation, host, region, leaving).map(|(node, secret)| {
                    draft.plan.secrets.extend(secret);
                    Some(node)
                })
            };
            match drafted {
                Ok(steps) => draft.plan.nodes.extend(steps),
                Err(refusal) => draft.refusals.push(refusal),
            }
        }
    }
    draft.refusals.extend(upgrade::unfinished(situation));
    draft.refusals.extend(outages(situation, &draft.plan, false, |node| leaving.contains(node)));
    draft.plan.warnings.extend(high_availability(situation, &draft.plan));
    draft.finish(situation)
}

/// The part of a host that leaves; `None` when it is gone already and only its row is left.
fn leaver(situation: Situation<'_>, host: &Host, plan: &mut Plan) -> Result<Option<NodeSteps>, Refusal> {
    let node = host.name.clone();
    let address = situation.addresses.get(&node).copied();
    let listed = address.and_then(|address| registration::find(situation.metadb()?, address));
    let Ok(facts) = situation.answer(&node) else {
        if !situation.goal.give_up.contains(&node) {
            let way = format!(
                "mend the way to it; when its machine will never come back: `omsctl remove {node} --give-up {node}`"
            );
            return Err(unfit(
                host,
                "it does not answer, so its container cannot be stopped".to_owned(),
                way,
            ));
        }
        if let Some(age) =
            listed.as_ref().and_then(|row| row.heartbeat_age_s).filter(|age| *age < HEARTBEAT_LIMIT_S)
        {
            let what = format!("it is not gone: its last heartbeat in the MetaDB is {age} s old");
            return Err(unfit(host, what, "mend the way to it, or stop OMS there"));
        }
        plan.forgotten.extend(address.map(|address| (node, address)));
        return Ok(None);
    };
    // The address leaves before OMS does.
    let mut steps: Vec<Step> = virtual_ip::withdrawal(facts).into_iter().collect();
    if let Some(container) = &facts.container {
        steps.extend(leaving_steps(situation, host, facts, container)?);
    }
    let register = listed.map(|row| format!("the MetaDB lists it as {}", row.status));
    Ok(Some(NodeSteps { node, role: Role::Leaving, steps, proof: MetaDbProof::Removed, register }))
}

fn leaving_steps(
    situation: Situation<'_>,
    host: &Host,
    facts: &Facts,
    container: &ContainerFacts,
) -> Result<Vec<Step>, Refusal> {
    fit_to_stop(host, container)?;
    let tasks = task_ports(facts);
    if !tasks.is_empty() && !situation.goal.allow_outage {
        let what = format!("components of links run there (ports {})", tasks.join(", "));
        let way = "move or stop them in the console, or let them end with the host: --allow-outage";
        return Err(unfit(host, what, way));
    }
    let name = host.settings.container_name.clone();
    // Its initialisation belongs to a membership that ends: a host that comes back gets a new container.
    let set_aside = format!("{name}-{}", situation.goal.run);
    let why = format!("it is {}, and set aside as {set_aside}", container.status);
    Ok(vec![step(why, Action::StopContainer { name, set_aside: Some(set_aside) })])
}

/// Of components of links: Store, Incr-Sync and others take theirs at run time (`research/oms.md` 1.3).
pub(super) fn task_ports(facts: &Facts) -> Vec<String> {
    let in_range = |port: u16| RANDOM_PORTS.iter().any(|(first, last)| (*first..=*last).contains(&port));
    let tasks = facts.ports.iter().filter(|(port, holder)| in_range(**port) && holder.own_container);
    tasks.map(|(port, _)| port.to_string()).collect()
}

type Secrets = (NodeName, BTreeMap<SecretName, Secret>);

/// The texts that a host that stays needs; for a removal that is carried on.
pub(super) fn secrets(
    situation: Situation<'_>,
    host: &Host,
    leaving: &BTreeSet<NodeName>,
) -> Option<Secrets> {
    let region = situation.region(host)?;
    let nodes = staying_addresses(situation, region, leaving);
    let wanted = config_file(situation, host, region, &nodes).ok()?;
    Some((host.name.clone(), BTreeMap::from([(wanted.file.content, wanted.text)])))
}

/// The part of a host that stays: the shorter list, read by OMS.
fn stayer(
    situation: Situation<'_>,
    host: &Host,
    region: &Region,
    leaving: &BTreeSet<NodeName>,
) -> Result<(NodeSteps, Option<Secrets>), Refusal> {
    let idle = |steps| NodeSteps {
        node: host.name.clone(),
        role: Role::Existing,
        steps,
        proof: MetaDbProof::Registered,
        register: None,
    };
    let Ok(facts) = situation.answer(&host.name) else {
        let what = "it does not answer, and its cm_nodes would go on listing a host that is gone".to_owned();
        return Err(unfit(host, what, "bring it back first, or take it out too"));
    };
    let Some(container) = &facts.container else { return Ok((idle(Vec::new()), None)) };
    fit_to_stop(host, container)?;
    let virtual_ip = virtual_ip::step(situation, host, facts, &|node| !leaving.contains(node));
    let nodes = staying_addresses(situation, region, leaving);
    let changes = match config::compare(region, &nodes, facts) {
        ConfigFinding::Same => {
            let turn = virtual_ip.map(|step| Step { gate: Some(Gate::Turn), ..step });
            return Ok((idle(turn.into_iter().collect()), None));
        }
        ConfigFinding::Differs(changes) => changes,
        ConfigFinding::Absent | ConfigFinding::Unreadable(_) => {
            return Err(unfit(host, "its config.yaml cannot be read".to_owned(), "`omsctl apply` first"));
        }
    };
    let others: Vec<&str> =
        changes.iter().map(|change| change.key.as_str()).filter(|key| *key != "cm_nodes").collect();
    if !others.is_empty() {
        let what = format!("its config.yaml differs in more than cm_nodes: {}", others.join(", "));
        return Err(unfit(host, what, "make it as the files say with `omsctl apply` first"));
    }
    if !serves(container) {
        let what = "its container does not serve, and cannot learn the shorter cm_nodes".to_owned();
        return Err(unfit(host, what, "`omsctl start` or `omsctl apply` first, or take it out too"));
    }
    let wanted = config_file(situation, host, region, &nodes)?;
    let name = host.settings.container_name.clone();
    let config = ConfigFinding::Differs(changes);
    let write = Action::WriteConfig {
        file: wanted.file.clone(),
        container: Some(name.clone()),
        former: FormerText::KeptForReload,
    };
    let write = step(config.why().unwrap_or_default(), write);
    let reload =
        Action::ReloadConfig { container: name, config_file: wanted.file.path.clone(), log_in: false };
    let mut steps = vec![Step { gate: Some(Gate::Turn), ..write }];
    steps.extend(proved(
        situation,
        host,
        step("OMS reads config.yaml only when told to; changed: cm_nodes", reload),
    ));
    // Before health, which is proved last.
    let last = steps.len().saturating_sub(1);
    steps.splice(last..last, virtual_ip);
    let secrets = BTreeMap::from([(wanted.file.content, wanted.text)]);
    Ok((idle(steps), Some((host.name.clone(), secrets))))
}

fn staying_addresses(situation: Situation<'_>, region: &Region, leaving: &BTreeSet<NodeName>) -> Vec<IpAddr> {
    let staying = region.hosts.iter().filter(|node| !leaving.contains(*node));
    staying.filter_map(|node| situation.addresses.get(node).copied()).collect()
}
