//! Another `cm_url` for a region that runs, from the address of its first host to a virtual IP or name (`research/oms.md` 7.2,
//! case B): its hosts stop, the former one leaves `cluster_info`, and OMS is initialised again. Decided from what the MetaDB
//! says, so that a run that broke off is carried on by the next one.

use omsctl_inventory::{Host, Region, VirtualIp};
use omsctl_proto::{Action, Gate, InitState, NodeName, Step};

use super::config;
use super::gates::Draft;
use super::ownership::is_our_cluster;
use super::refusal::Refusal;
use super::registration;
use super::removal::task_ports;
use super::situation::{Situation, may_be_initialised, serves};
use super::steps;
use crate::ports::same_url;

/// Why such a host is looked for in the MetaDB.
pub(super) const TO_BE_SHOWN: &str = "cluster_info has to show the new cm_url";

/// What the cluster has, when it is not what the files say.
fn former(situation: Situation<'_>, region: &Region) -> Option<String> {
    let metadb = situation.metadb()?;
    if !is_our_cluster(situation, metadb) {
        return None;
    }
    let wanted = &region.config.cm_url.text;
    let mut rows = metadb.clusters.iter().filter(|row| row.location() == Some(region.config.cm_location));
    let other = rows.clone().find(|row| !row.has_url(wanted));
    if other.is_some() || rows.next().is_some() {
        return other.map(|row| row.cm_url.clone());
    }
    // Somebody took the row out by hand, as the manual has it, and OMS runs with the former one.
    let members = region.hosts.iter().filter_map(|node| situation.facts(node));
    let members = members.filter(|facts| facts.container.as_ref().is_some_and(may_be_initialised));
    members.filter_map(config::cm_url_in).find(|url| !same_url(url, wanted))
}

/// A host that is of the region already, whether it stands or runs.
fn belongs(situation: Situation<'_>, node: &NodeName) -> bool {
    let listed = || {
        let address = *situation.addresses.get(node)?;
        registration::find(situation.metadb()?, address)
    };
    situation.container(node).is_some() || listed().is_some()
}

/// Why the host's container is replaced; `None` when its region keeps its `cm_url`, or the host is new there.
pub(super) fn why(situation: Situation<'_>, host: &Host) -> Option<String> {
    let region = situation.region(host).filter(|_| situation.goal.move_cm_url)?;
    let former = former(situation, region)?;
    let why = || {
        format!(
            "cm_url moves from {former} to {}, which takes a new initialisation",
            region.config.cm_url.text
        )
    };
    belongs(situation, &host.name).then(why)
}

/// Refuses a move that nobody asked for, and one that cannot be made whole.
pub(super) fn judge(situation: Situation<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for region in &situation.deployment.regions {
        let Some(old) = former(situation, region) else { continue };
        if !situation.goal.move_cm_url {
            let several = situation.deployment.regions.len() > 1;
            let nodes = region.hosts.iter().filter(|node| belongs(situation, node)).cloned().collect();
            refusals.push(Refusal::CmUrlMoves {
                region: if several { region.name.to_string() } else { String::new() },
                old,
                new: region.config.cm_url.text.clone(),
                nodes,
            });
            continue;
        }
        for node in region.hosts.iter().filter(|node| belongs(situation, node)) {
            let Some(host) = situation.deployment.host(node) else { continue };
            refusals.extend(in_the_way(situation, host, &region.config.cm_url.text));
        }
    }
    refusals
}

fn in_the_way(situation: Situation<'_>, host: &Host, url: &str) -> Option<Refusal> {
    let node = &host.name;
    let refuse = |what: String, way: &str| Some(Refusal::CannotMove { what, way: way.to_owned() });
    if !host.selected {
        return refuse(
            format!("{node} is outside --limit"),
            "all hosts of a region move together: leave --limit out",
        );
    }
    let Some(facts) = situation.facts(node) else {
        return refuse(
            format!("{node} does not answer, and may go on with the former one"),
            "bring it back first, or take it out: `omsctl remove HOST --give-up HOST`",
        );
    };
    let container = facts.container.as_ref()?;
    if container.running && container.initialisation.state == InitState::Running {
        return refuse(
            format!("OMS is being initialised on {node}, which is never interrupted"),
            "wait for its end: `omsctl attach` follows it",
        );
    }
    let answer = situation.observed.cm_urls.get(node).filter(|_| serves(container))?;
    let found = match answer {
        Ok((true, _)) => return None,
        Ok((false, found)) => found.clone(),
        Err(error) => error.one_line(),
    };
    if matches!(host.settings.virtual_ip, VirtualIp::Keepalived { .. }) {
        return None;
    }
    refuse(
        format!("{url} does not lead to OMS yet, as seen from {node}: {found}"),
        "let the virtual IP, load balancer or name lead to port 8088 of the host that serves now, then run this again",
    )
}

/// The container stops before the gate and is created after it.
pub(super) fn arrange(situation: Situation<'_>, draft: &mut Draft) {
    let Some(facts) = situation.facts(&draft.node) else { return };
    let mut aside = None;
    for step in &mut draft.steps {
        if let Action::CreateContainer { container, set_aside } = &mut step.action {
            aside = set_aside.take().map(|set_aside| (container.name.clone(), set_aside, step.why.clone()));
        }
    }
    if !draft.steps.iter().any(|step| matches!(step.action, Action::WriteConfig { .. })) {
        let at = draft.steps.iter().position(|step| matches!(step.action, Action::CreateContainer { .. }));
        let carrier = Step {
            why: "what OMS starts from is proved when the MetaDB is changed".to_owned(),
            gate: None,
            action: steps::write_config(&draft.wanted, &draft.findings, facts),
        };
        draft.steps.insert(at.unwrap_or(0), carrier);
    }
    let first =
        |step: &Step| matches!(step.action, Action::MakeDirectories { .. } | Action::LoadImage { .. });
    draft.steps.sort_by_key(|step| !first(step));
    for step in &mut draft.steps {
        if matches!(step.action, Action::WriteConfig { .. }) {
            step.gate = Some(Gate::Metadb);
        }
    }
    if let Some((name, set_aside, why)) = aside {
        let at = draft.steps.iter().position(|step| !first(step)).unwrap_or(0);
        let action = Action::StopContainer { name, set_aside: Some(set_aside) };
        draft.steps.insert(at, Step { why, gate: None, action });
    }
}

/// What the operator should know before it begins.
pub(super) fn warnings(situation: Situation<'_>, drafts: &[Draft]) -> Vec<String> {
    let moving: Vec<&NodeName> = drafts.iter().filter(|draft| draft.moves).map(|draft| &draft.node).collect();
    if moving.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = moving.iter().map(|node| node.as_str()).collect();
    let mut warnings = vec![format!(
        "OMS is away on {} from its stop to the end of its new initialisation, and links stand meanwhile",
        names.join(", ")
    )];
    for node in moving {
        let Some(facts) = situation.facts(node) else { continue };
        let tasks = task_ports(facts);
        if !tasks.is_empty() {
            warnings.push(format!(
                "components of links run on {node} (ports {}); they end with it",
                tasks.join(", ")
            ));
        }
    }
    warnings
}
