//! The end of a cluster: on the selected hosts the containers that omsctl made go; what they kept goes only on demand and
//! only where omsctl's own marker says that omsctl made it, and so do the databases. No image goes.

use std::collections::BTreeSet;

use omsctl_inventory::Host;
use omsctl_proto::{Action, Facts, MetaDbProof, NodeName, OtherContainer, Role, Step};

use super::checks::row::size;
use super::input::Destruction;
use super::lifecycle::{Draft, fit_to_stop, step, unfit};
use super::output::{NodeSteps, Plan};
use super::ownership;
use super::refusal::Refusal;
use super::registration::HEARTBEAT_LIMIT_S;
use super::situation::Situation;
use super::tsdb;
use super::virtual_ip;
use super::wanted::{mounts, text_of};
use crate::ports::MetaDbFacts;

/// What ends the cluster, or every reason not to begin.
pub(super) fn plan(
    situation: Situation<'_>,
    what: Destruction,
    addresses: Vec<Refusal>,
) -> Result<Plan, super::Refusals> {
    let mut draft = Draft { plan: Plan::default(), refusals: Vec::new() };
    for host in situation.deployment.hosts.iter().filter(|host| host.selected) {
        let node = host.name.clone();
        let drafted = match situation.answer(&node) {
            Ok(facts) => ending(host, facts, what, &mut draft.plan.warnings),
            Err(_) if situation.goal.give_up.contains(&node) => {
                let warning = format!("{node} does not answer and is given up: what is there stays there");
                draft.plan.warnings.push(warning);
                Ok(Vec::new())
            }
            Err(_) if what.drop_databases => Err(unfit(
                host,
                "it does not answer, and OMS may run there on the databases".to_owned(),
                format!("mend the way to it; when its machine will never come back: --give-up {node}"),
            )),
            Err(error) => {
                draft.plan.unreachable.insert(node, error);
                continue;
            }
        };
        match drafted {
            Ok(steps) => draft.plan.nodes.push(NodeSteps {
                node,
                role: Role::Existing,
                steps,
                proof: MetaDbProof::Nothing,
                register: None,
            }),
            Err(refusal) => draft.refusals.push(refusal),
        }
    }
    if what.drop_databases {
        draft.refusals.extend(addresses);
        draft.refusals.extend(not_whole(situation));
        match &situation.observed.metadb {
            Some(Ok(metadb)) => {
                draft.refusals.extend(alive(situation, metadb));
                draft.plan.dropped = databases(situation, metadb);
            }
            other => {
                let cause = other.as_ref().and_then(|read| read.as_ref().err().cloned());
                draft.refusals.push(Refusal::MetaDbUnread { cause, way: None });
            }
        }
    }
    let told = about_databases(situation, &draft.plan);
    draft.plan.warnings.extend(told);
    draft.plan.warnings.extend(tsdb::stays(situation));
    draft.finish(situation)
}

/// Everything of omsctl's on one host; what stays is told when there is something of it.
fn ending(
    host: &Host,
    facts: &Facts,
    what: Destruction,
    warnings: &mut Vec<String>,
) -> Result<Vec<Step>, Refusal> {
    // The address leaves before OMS does.
    let mut steps: Vec<Step> = virtual_ip::withdrawal(facts).into_iter().collect();
    let mut names = Vec::new();
    let mut whys = Vec::new();
    if let Some(container) = &facts.container {
        fit_to_stop(host, container)?;
        names.push(host.settings.container_name.clone());
        whys.push(format!("{} is {}", host.settings.container_name, container.status));
    }
    let (aside, others): (Vec<_>, Vec<_>) =
        facts.other_containers.iter().partition(|other| is_set_aside(host, &other.name));
    for OtherContainer { name, running, .. } in aside {
        whys.push(format!("{name} was set aside{}", if *running { ", and runs" } else { "" }));
        names.push(name.clone());
    }
    for other in &others {
        warnings.push(format!("{}: the container {} is not omsctl's and stays", host.name, other.name));
    }
    if !names.is_empty() {
        steps.push(step(whys.join("; "), Action::RemoveContainers { names }));
    }
    if what.delete_data {
        let data = data(host, facts, &others, warnings);
        steps.extend(data);
    } else if !steps.is_empty() {
        let kept: Vec<String> = kept(host, facts).collect();
        if !kept.is_empty() {
            warnings.push(format!("{}: stays without --delete-data: {}", host.name, kept.join(", ")));
        }
    }
    Ok(steps)
}

fn data(host: &Host, facts: &Facts, others: &[&OtherContainer], warnings: &mut Vec<String>) -> Option<Step> {
    if let Some(other) = others.first() {
        let name = &other.name;
        warnings.push(format!("{}: all data stays, since the container {name} may use it", host.name));
        return None;
    }
    let made = |path: &String| Some((path.clone(), *facts.made.get(path)?));
    let made: Vec<_> = data_paths(host).iter().filter_map(made).collect();
    let not_made: Vec<String> = kept(host, facts).filter(|path| !facts.made.contains_key(path)).collect();
    if !not_made.is_empty() {
        let paths = not_made.join(", ");
        warnings.push(format!("{}: stays, since omsctl did not make it: {paths}", host.name));
    }
    let why = made.iter().map(|(path, made)| {
        format!("{path} ({}{})", if made.whole { "" } else { "more than " }, size(made.bytes))
    });
    let why = why.collect::<Vec<_>>().join(", ");
    let paths: Vec<String> = made.into_iter().map(|(path, _)| path).collect();
    (!paths.is_empty()).then(|| step(why, Action::RemoveData { paths }))
}

/// Of the paths those that are there.
fn kept(host: &Host, facts: &Facts) -> impl Iterator<Item = String> {
    let there = |path: &String| facts.paths.get(path).is_some_and(|state| state.is_there());
    data_paths(host).into_iter().filter(there)
}

/// Where OMS keeps its files on the host: single files first, since they may lie in none of the folders.
pub fn data_paths(host: &Host) -> Vec<String> {
    let mount = &host.settings.mount;
    let config = text_of(&mount.config_file);
    let mut paths: Vec<String> = mounts(mount, host.settings.https.is_some())
        .into_iter()
        .map(|mount| mount.host)
        .filter(|path| *path != config)
        .collect();
    paths.sort_by_key(|path| [&mount.logs, &mount.store, &mount.run].iter().any(|dir| text_of(dir) == *path));
    std::iter::once(config).chain(paths).collect()
}

/// `NAME-RUN`, with a run's whole id: no other name is omsctl's.
fn is_set_aside(host: &Host, name: &str) -> bool {
    let run = name.strip_prefix(&host.settings.container_name).and_then(|rest| rest.strip_prefix('-'));
    run.is_some_and(is_run)
}

/// `20261122t173512-3f9a2c`.
fn is_run(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let parts = text.split_once('t').and_then(|(day, rest)| Some((day, rest.split_once('-')?)));
    parts.is_some_and(|(day, (time, chance))| {
        (day.len(), time.len(), chance.len()) == (8, 6, 6) && digits(day) && digits(time) && hex(chance)
    })
}

/// The databases are the whole cluster's.
fn not_whole(situation: Situation<'_>) -> Option<Refusal> {
    let outside = situation.deployment.hosts.iter().find(|host| !host.selected)?;
    Some(unfit(
        outside,
        "it is outside --limit, and works with the databases".to_owned(),
        "run this again without --limit",
    ))
}

/// Signs that somebody else works with these databases.
fn alive(situation: Situation<'_>, metadb: &MetaDbFacts) -> Vec<Refusal> {
    let mut refusals: Vec<Refusal> = ownership::another_cluster(situation, metadb).into_iter().collect();
    refusals.extend(ownership::regions_left_out(situation, metadb));
    let beats = metadb.heartbeats.iter().filter(|beat| beat.age_s < HEARTBEAT_LIMIT_S);
    let mut living: BTreeSet<&str> = beats.map(|beat| beat.ip.as_str()).collect();
    // Of a host without any heartbeat that is read here only its row tells.
    let unheard = |ip: &str| !metadb.heartbeats.iter().any(|beat| beat.ip == ip);
    let online = |status: &str| status.eq_ignore_ascii_case("online");
    let rows = metadb.hosts.iter().filter(|row| online(&row.status) && unheard(&row.ip));
    living.extend(rows.map(|row| row.ip.as_str()));
    for address in living.iter().filter(|ip| !situation.is_ours(ip)) {
        refusals.push(Refusal::HostNotInInventory {
            address: (*address).to_owned(),
            listed_by: vec!["the MetaDB, as alive".to_owned()],
        });
    }
    for node in &situation.goal.give_up {
        refusals.extend(given_up_and_alive(situation, metadb, node));
    }
    refusals
}

fn given_up_and_alive(situation: Situation<'_>, metadb: &MetaDbFacts, node: &NodeName) -> Option<Refusal> {
    if situation.facts(node).is_some() {
        return None;
    }
    let host = situation.deployment.host(node)?;
    let address = *situation.addresses.get(node)?;
    let age = super::registration::find(metadb, address)?.heartbeat_age_s?;
    (age < HEARTBEAT_LIMIT_S).then(|| {
        let what = format!("it is not gone: its last heartbeat in the MetaDB is {age} s old");
        unfit(host, what, "mend the way to it, or stop OMS there")
    })
}

/// Those that are there. That of the CM goes last: as long as it is there, it shows whose the others are.
fn databases(situation: Situation<'_>, metadb: &MetaDbFacts) -> Vec<String> {
    let regions = || situation.deployment.regions.iter().map(|region| &region.config);
    let all = regions().map(|config| &config.heartbeat_db);
    let all = all.chain(regions().map(|config| &config.rm_db)).chain(regions().map(|config| &config.cm_db));
    let mut names: Vec<String> = Vec::new();
    for name in all.filter(|name| metadb.databases.contains(*name)) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn about_databases(situation: Situation<'_>, plan: &Plan) -> Option<String> {
    let metadb = situation.metadb()?;
    let meta = &situation.deployment.regions.first()?.config.meta;
    let at = format!("{}:{}", meta.host, meta.port);
    if !plan.dropped.is_empty() {
        let names = plan.dropped.join(", ");
        return Some(format!(
            "the databases {names} of {at} are dropped with all projects in them, when no container is left"
        ));
    }
    let there = databases(situation, metadb);
    let busy = plan.nodes.iter().any(|node| !node.steps.is_empty());
    (busy && !there.is_empty())
        .then(|| format!("the databases {} of {at} stay without --drop-databases", there.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_id_is_a_run() {
        assert!(is_run("20261122t173512-3f9a2c"));
        for text in
            ["422", "20261122t173512", "20261122t173512-3f9a2", "20261122t173512-3F9A2C", "t-", "old", ""]
        {
            assert!(!is_run(text), "{text}");
        }
    }
}
