//! What is there now, host by host: facts and MetaDB folded into one state each. Compares with nothing that is wanted
//! except that a host shall serve.

use std::collections::BTreeMap;
use std::net::IpAddr;

use omsctl_inventory::{Deployment, TsdbServer};
use omsctl_proto::{ContainerFacts, ErrorReport, Facts, InitState, NodeName, RunId, TsdbLogIn};
use serde::Serialize;

use super::addresses;
use super::findings::services_down;
use super::input::Observed;
use super::planner::docker_trouble;
use super::registration::{self, Registered};
use super::wanted::AGENT_FOLDER;
use crate::ports::MetaDbFacts;

/// The whole cluster; the shape of `status --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Every host is ready.
    pub healthy: bool,
    /// OMS's own high availability; `None` when the MetaDB does not tell. Off makes nobody unhealthy.
    pub ha_enabled: Option<bool>,
    pub nodes: Vec<NodeStatus>,
    /// That which omsctl runs, when it is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tsdb: Option<TsdbStatus>,
    /// Of upgrades, as the hosts keep them, each host's newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dumps: Vec<DumpStatus>,
}

/// A dump of OMS's databases on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DumpStatus {
    pub node: NodeName,
    pub run: RunId,
    /// RFC 3339, the host's clock.
    pub taken: String,
    /// When the databases were filled from it again.
    pub restored: Option<String>,
    /// Of OMS, as the databases said.
    pub version: Option<String>,
    pub bytes: u64,
    /// Where it lies on the host.
    pub folder: String,
}

/// The time-series database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TsdbStatus {
    pub node: NodeName,
    pub state: NodeState,
    pub port: u16,
    /// What keeps it from being ready, in words.
    pub reasons: Vec<String>,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    pub node: NodeName,
    pub state: NodeState,
    /// By which OMS knows the host; `None` when that cannot be told.
    pub address: Option<IpAddr>,
    /// As this host's Docker has it.
    pub image_id: Option<String>,
    pub container_id: Option<String>,
    /// supervisord's programs and their states.
    pub services: BTreeMap<String, String>,
    /// `None` when the MetaDB does not list the host or was not read.
    pub registered: Option<Registered>,
    /// What keeps it from being ready, in words.
    pub reasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Runs, initialised, healthy, registered.
    Ready,
    /// Runs, and something of that is missing.
    Degraded,
    Stopped,
    /// No container.
    Absent,
    Unreachable,
    /// The host answers, and what decides could not be looked at.
    Unknown,
}

/// The state of every selected host.
pub fn status(deployment: &Deployment, observed: &Observed) -> Status {
    let addresses = addresses::resolve(deployment, observed).by_node;
    let metadb = observed.metadb.as_ref().and_then(|facts| facts.as_ref().ok());
    let nodes: Vec<NodeStatus> = deployment
        .hosts
        .iter()
        .filter(|host| host.selected)
        .map(|host| {
            let facts = observed.facts.get(&host.name).map(|facts| facts.as_ref().map_err(with_hint));
            let facts = facts.unwrap_or_else(|| Err("the host was not asked".to_owned()));
            node(host.name.clone(), addresses.get(&host.name).copied(), facts, metadb)
        })
        .collect();
    let tsdb = deployment.tsdb.as_ref().filter(|server| server.selected).map(|server| tsdb(server, observed));
    let ready = |state| state == NodeState::Ready;
    let healthy = nodes.iter().all(|node| ready(node.state)) && tsdb.iter().all(|tsdb| ready(tsdb.state));
    Status {
        healthy,
        ha_enabled: metadb.and_then(|facts| facts.ha_enabled),
        nodes,
        tsdb,
        dumps: dumps(deployment, observed),
    }
}

fn node(
    node: NodeName,
    address: Option<IpAddr>,
    facts: Result<&Facts, String>,
    metadb: Option<&MetaDbFacts>,
) -> NodeStatus {
    let registered = address.zip(metadb).and_then(|(address, metadb)| registration::find(metadb, address));
    let container = facts.as_ref().ok().and_then(|facts| facts.container.as_ref());
    let (state, reasons) = state(facts, metadb.is_some(), registered.as_ref());
    NodeStatus {
        node,
        state,
        address,
        image_id: container.map(|found| found.image_id.to_string()),
        container_id: container.map(|found| found.id.clone()),
        services: container.map(|found| found.services.clone()).unwrap_or_default(),
        registered,
        reasons,
    }
}

fn dumps(deployment: &Deployment, observed: &Observed) -> Vec<DumpStatus> {
    let hosts = deployment.hosts.iter().filter(|host| host.selected);
    let kept = hosts.filter_map(|host| Some((&host.name, observed.facts.get(&host.name)?.as_ref().ok()?)));
    let of_host = |(node, facts): (&NodeName, &Facts)| {
        let dumps = facts.dumps.iter().map(|dump| DumpStatus {
            node: node.clone(),
            run: dump.run.clone(),
            taken: dump.taken.clone(),
            restored: dump.restored.clone(),
            version: dump.version.clone(),
            bytes: dump.databases.iter().map(|database| database.bytes).sum(),
            folder: format!("{AGENT_FOLDER}/dumps/{}", dump.run),
        });
        dumps.collect::<Vec<_>>()
    };
    kept.flat_map(of_host).collect()
}

fn tsdb(server: &TsdbServer, observed: &Observed) -> TsdbStatus {
    let (state, reason) = match observed.facts.get(&server.host) {
        None => (NodeState::Unreachable, Some("the host was not asked".to_owned())),
        Some(Err(error)) => (NodeState::Unreachable, Some(with_hint(error))),
        Some(Ok(facts)) => tsdb_state(facts),
    };
    let reasons = reason.into_iter().collect();
    TsdbStatus { node: server.host.clone(), state, port: server.port, reasons }
}

fn tsdb_state(facts: &Facts) -> (NodeState, Option<String>) {
    if let Some(trouble) = docker_trouble(&facts.docker) {
        return (NodeState::Unknown, Some(trouble));
    }
    let Some(container) = facts.tsdb.as_ref().and_then(|found| found.container.as_ref()) else {
        return (NodeState::Absent, None);
    };
    if !container.running {
        return (NodeState::Stopped, Some(format!("the container is {}", container.status)));
    }
    match facts.tsdb.as_ref().map(|found| &found.log_in) {
        Some(TsdbLogIn::Works) => (NodeState::Ready, None),
        Some(TsdbLogIn::NoUser) => (NodeState::Degraded, Some("it has no user".to_owned())),
        Some(TsdbLogIn::Refused { words }) => {
            (NodeState::Degraded, Some(format!("it refuses the log-in of config.yaml: {words}")))
        }
        Some(TsdbLogIn::Silent { error }) => {
            (NodeState::Degraded, Some(format!("it does not answer: {error}")))
        }
        None => (NodeState::Unknown, None),
    }
}

/// What failed, why, and what to do.
fn with_hint(error: &ErrorReport) -> String {
    let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}{hint}", error.one_line())
}

fn state(
    facts: Result<&Facts, String>,
    metadb_was_read: bool,
    registered: Option<&Registered>,
) -> (NodeState, Vec<String>) {
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return (NodeState::Unreachable, vec![error]),
    };
    if let Some(trouble) = docker_trouble(&facts.docker) {
        return (NodeState::Unknown, vec![trouble]);
    }
    let Some(container) = &facts.container else { return (NodeState::Absent, Vec::new()) };
    if !container.running {
        return (NodeState::Stopped, vec![format!("the container is {}", container.status)]);
    }
    let mut reasons = inside(container);
    if metadb_was_read {
        reasons.extend(registration::trouble(registered));
    }
    if !reasons.is_empty() {
        (NodeState::Degraded, reasons)
    } else if metadb_was_read {
        (NodeState::Ready, reasons)
    } else {
        (NodeState::Unknown, vec!["the MetaDB was not read".to_owned()])
    }
}

fn inside(container: &ContainerFacts) -> Vec<String> {
    let mut reasons = Vec::new();
    let init = &container.initialisation;
    match init.state {
        InitState::Succeeded => {}
        InitState::NotBegun => reasons.push("not initialised".to_owned()),
        InitState::Running => reasons.push(format!("is being initialised, step {}", init.last_step)),
        InitState::Failed => reasons.push(format!("the initialisation failed: {}", init.proof)),
        InitState::Interrupted => reasons.push(format!("the initialisation was interrupted: {}", init.proof)),
        InitState::CannotTell => reasons.push("nobody can tell whether it is initialised".to_owned()),
    }
    reasons.extend(services_down(container, |_, _| true));
    match &container.health {
        Some(health) if health.healthy => {}
        Some(health) => reasons.push(format!("not healthy: {}", health.answer)),
        None => reasons.push("its health was not seen".to_owned()),
    }
    if !container.stale_mounts.is_empty() {
        reasons.push(format!("deleted under the container: {}", container.stale_mounts.join(", ")));
    }
    reasons
}
