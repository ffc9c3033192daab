//! Whose cluster the MetaDB and the hosts hold, and what of it may not change. Decides nothing about single steps.

use std::collections::BTreeMap;

use omsctl_inventory::Deployment;

use super::config;
use super::container::bind_source;
use super::refusal::Refusal;
use super::situation::Situation;
use super::wanted::mounts;
use crate::ports::{ClusterRow, MetaDbFacts};

/// Every reason to keep away from this cluster.
pub(super) fn judge(situation: Situation<'_>) -> Vec<Refusal> {
    let mut refusals = listed_nodes(situation);
    if let Some(metadb) = situation.metadb() {
        refusals.extend(another_cluster(situation, metadb));
        refusals.extend(regions_left_out(situation, metadb));
        refusals.extend(another_default(situation, metadb));
    }
    refusals.extend(strangers(situation));
    refusals.extend(database_names(situation));
    refusals.extend(mount_paths(situation));
    refusals
}

/// `cm_nodes` as the operator's own file lists it.
fn listed_nodes(situation: Situation<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for region in &situation.deployment.regions {
        let nodes = situation.nodes_of(region);
        let place = region.config.listed_nodes_place.as_ref().map(ToString::to_string);
        for address in region.config.listed_nodes.iter().flatten() {
            // A host whose address could not be told may be the one: that is refused by itself.
            let known = nodes.len() < region.hosts.len() || nodes.contains(&address.to_canonical());
            if !known {
                refusals.push(Refusal::ListedNodeUnknown { address: *address, place: place.clone() });
            }
        }
    }
    refusals
}

/// Nothing in the databases is ours. What differs in a cluster of our own is told as just that.
pub(super) fn another_cluster(situation: Situation<'_>, metadb: &MetaDbFacts) -> Option<Refusal> {
    if situation.goal.join_metadb || is_our_cluster(situation, metadb) {
        return None;
    }
    let mut holds: Vec<String> = metadb.hosts.iter().map(|row| format!("host {}", row.ip)).collect();
    for row in &metadb.clusters {
        match explained(situation.deployment, row) {
            Explained::Yes => {}
            Explained::OtherUrl => holds.push(format!("cm_url {} for cm_location {}", row.cm_url, row.code)),
            Explained::No => holds.push(format!("cm_location {} at {}", row.code, row.cm_url)),
        }
    }
    (!holds.is_empty()).then_some(Refusal::AnotherCluster { holds })
}

/// Regions of our own cluster that the inventory has no group for. One whose `cm_location` was changed in the files is
/// told as that.
pub(super) fn regions_left_out(situation: Situation<'_>, metadb: &MetaDbFacts) -> Vec<Refusal> {
    if situation.goal.join_metadb || !is_our_cluster(situation, metadb) {
        return Vec::new();
    }
    let members = situation.members().filter_map(|host| situation.facts(&host.name));
    let changed: Vec<u8> = members.filter_map(config::location_in).collect();
    let left_out = metadb.clusters.iter().filter(|row| {
        matches!(explained(situation.deployment, row), Explained::No)
            && !row.location().is_some_and(|code| changed.contains(&code))
    });
    left_out
        .map(|row| Refusal::RegionNotInInventory {
            region: row.region.clone(),
            code: row.code.clone(),
            cm_url: row.cm_url.clone(),
        })
        .collect()
}

/// Exactly one region is the default one, and which it is was decided with the first.
fn another_default(situation: Situation<'_>, metadb: &MetaDbFacts) -> Option<Refusal> {
    let wanted = situation.deployment.regions.iter().find(|region| region.config.is_default)?;
    let mut defaults = metadb.clusters.iter().filter(|row| row.is_default);
    let is = defaults.find(|row| row.location().is_some_and(|code| code != wanted.config.cm_location))?;
    // Rows of somebody else's cluster are refused as that.
    if !situation.goal.join_metadb && !is_our_cluster(situation, metadb) {
        return None;
    }
    // A changed cm_location of the default region is refused as that.
    let moved = matches!(explained(situation.deployment, is), Explained::No)
        && metadb.clusters.iter().all(|row| row.location() != Some(wanted.config.cm_location))
        && !situation.goal.join_metadb;
    (!moved).then(|| Refusal::AnotherDefault {
        is: is.code.clone(),
        wants: wanted.config.cm_location,
        region: wanted.name.to_string(),
    })
}

/// A host of this inventory is in the `host` table, or runs an initialised container.
pub(super) fn is_our_cluster(situation: Situation<'_>, metadb: &MetaDbFacts) -> bool {
    metadb.hosts.iter().any(|row| situation.is_ours(&row.ip)) || situation.members().next().is_some()
}

enum Explained {
    Yes,
    OtherUrl,
    No,
}

fn explained(deployment: &Deployment, row: &ClusterRow) -> Explained {
    let code = row.location();
    let region = deployment.regions.iter().find(|region| Some(region.config.cm_location) == code);
    match region {
        Some(region) if row.has_url(&region.config.cm_url.text) => Explained::Yes,
        Some(_) => Explained::OtherUrl,
        None => Explained::No,
    }
}

/// Hosts that the cluster has and the inventory lacks: never dropped.
fn strangers(situation: Situation<'_>) -> Vec<Refusal> {
    let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for address in rows_that_would_be_dropped(situation) {
        listed.entry(address).or_default().push("the MetaDB".to_owned());
    }
    for host in situation.members() {
        let Some(facts) = situation.facts(&host.name) else { continue };
        for address in config::nodes_in(facts) {
            if !situation.addresses.values().any(|own| *own == address.to_canonical()) {
                let by = format!("cm_nodes of {}", host.name);
                listed.entry(address.to_string()).or_default().push(by);
            }
        }
    }
    listed
        .into_iter()
        .map(|(address, listed_by)| Refusal::HostNotInInventory { address, listed_by })
        .collect()
}

/// Unknown hosts of our own cluster; under `--join-metadb` those of our own regions only, since a region that is
/// somebody else's keeps its own list.
fn rows_that_would_be_dropped(situation: Situation<'_>) -> Vec<String> {
    let Some(metadb) = situation.metadb() else { return Vec::new() };
    if !situation.goal.join_metadb && !is_our_cluster(situation, metadb) {
        return Vec::new();
    }
    let in_our_region = |group: Option<i64>| {
        let name = group.and_then(|id| metadb.resource_groups.get(&id));
        let location: Option<u8> = name.and_then(|name| name.trim().parse().ok());
        situation.deployment.regions.iter().any(|region| Some(region.config.cm_location) == location)
    };
    metadb
        .hosts
        .iter()
        .filter(|row| !situation.is_ours(&row.ip))
        .filter(|row| !situation.goal.join_metadb || in_our_region(row.resource_group))
        .map(|row| row.ip.clone())
        .collect()
}

/// The names of the databases and `cm_location`, as the members' own files have them.
fn database_names(situation: Situation<'_>) -> Vec<Refusal> {
    let mut refusals: Vec<Refusal> = Vec::new();
    for host in situation.members() {
        let (Some(facts), Some(region)) = (situation.facts(&host.name), situation.region(host)) else {
            continue;
        };
        for change in config::immutable_changes(facts, region, &situation.nodes_of(region)) {
            let refusal =
                Refusal::Immutable { node: None, what: change.key.clone(), old: change.old, new: change.new };
            if !refusals.contains(&refusal) {
                refusals.push(refusal);
            }
        }
    }
    refusals
}

/// Where an initialised container keeps its files.
fn mount_paths(situation: Situation<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for host in situation.members() {
        let Some(container) = situation.container(&host.name) else { continue };
        for mount in mounts(&host.settings.mount, false) {
            let Some(old) = bind_source(container, &mount.container) else { continue };
            if old != mount.host {
                refusals.push(Refusal::Immutable {
                    node: Some(host.name.clone()),
                    what: format!("the mount path of {}", mount.container),
                    old,
                    new: mount.host,
                });
            }
        }
    }
    refusals
}
