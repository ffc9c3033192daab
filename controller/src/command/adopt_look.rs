//! `adopt` looks: whom it was given, which container of each host is OMS's, and what the MetaDB says. Decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use omsctl_inventory::{Become, ConnectTo, Connection, ConnectionMethod};
use omsctl_proto::{ErrorCode, ErrorReport, FingerprintKey, NodeName};

use super::interrupt::or_interrupted;
use super::{World, reach};
use crate::cli::{AdoptRequest, TypedHost};
use crate::exit::Exit;
use crate::plan::{self, Reading, SeenHost};
use crate::ports::{MetaDbError, MetaDbFacts};
use crate::rollout::{Emitter, HostLink, MetaDbReader, Survey};

/// The hosts to adopt.
pub(super) struct Hosts {
    pub(super) connections: Vec<ConnectTo>,
    /// They were typed, so the new inventory has to say how they are reached.
    typed: bool,
}

/// What was seen, and the open ways to the hosts.
pub(super) struct Looked {
    pub(super) survey: Survey,
    /// In the order in which they were given.
    pub(super) seen: Vec<SeenHost>,
    /// Hosts that did not answer, or not to the end.
    pub(super) failed: BTreeMap<NodeName, ErrorReport>,
    /// Hosts whose container cannot be told.
    pub(super) refused: Vec<ErrorReport>,
}

/// Those of the command line, else those of the inventory.
pub(super) fn hosts(world: &World, request: &AdoptRequest) -> Result<Hosts, Exit> {
    let inventory = !world.globals.inventories.is_empty();
    let why = match (request.hosts.is_empty(), inventory) {
        (true, true) => {
            let connections = reach::hosts(world)?.into_iter().filter(|host| host.runs_oms).collect();
            return Ok(Hosts { connections, typed: false });
        }
        (true, false) => "which hosts? name them, or an inventory that has them with -i",
        (false, true) => {
            "hosts are named here or in an inventory, not both: leave -i away, or use --limit with it"
        }
        (false, false) if world.globals.limit.is_some() => {
            "--limit is about the hosts of an inventory: leave it away"
        }
        (false, false) => {
            let mut connections: Vec<ConnectTo> = Vec::new();
            for host in &request.hosts {
                if connections.iter().any(|other| other.name == host.node) {
                    world.out.message(&format!("error: {} is given twice", host.node));
                    return Err(Exit::Usage);
                }
                connections.push(connect_to(host));
            }
            return Ok(Hosts { connections, typed: true });
        }
    };
    world.out.message(&format!("error: {why}"));
    Err(Exit::Usage)
}

/// As an inventory with just this would have it.
fn connect_to(host: &TypedHost) -> ConnectTo {
    let connection = Connection {
        address: host.address.clone(),
        port: host.port.unwrap_or(22),
        port_given: host.port.is_some(),
        user: host.user.clone(),
        password: None,
        private_key_file: None,
        common_args: Vec::new(),
        extra_args: Vec::new(),
        r#become: Become::default(),
        method: ConnectionMethod::Ssh,
    };
    ConnectTo { name: host.node.clone(), runs_oms: true, connection }
}

/// What the line of the host has to say about the way to it.
fn variables(host: &ConnectTo) -> Vec<(&'static str, String)> {
    let Connection { address, port, port_given, user, .. } = &host.connection;
    let address = (address != host.name.as_str()).then(|| ("ansible_host", address.clone()));
    let port = port_given.then(|| ("ansible_port", port.to_string()));
    let user = user.clone().map(|user| ("ansible_user", user));
    [address, port, user].into_iter().flatten().collect()
}

/// Connects to every host and asks what it has; `None` when the operator interrupted it.
pub(super) async fn look(
    world: &World,
    request: &AdoptRequest,
    hosts: Hosts,
    key: &FingerprintKey,
    emitter: &mut Emitter,
) -> Option<Looked> {
    let survey = reach::connect(world, &hosts.connections, None, emitter).await?;
    let asked = request.container.as_deref();
    let asking = hosts.connections.iter().filter_map(|host| {
        let link = survey.links.get(&host.name)?;
        Some(async move { (host, ask(link, asked, key).await) })
    });
    let answers = or_interrupted(world, futures::future::join_all(asking)).await?;
    let (mut failed, mut refused, mut seen) = (survey.failed.clone(), Vec::new(), Vec::new());
    for (host, answer) in answers {
        match answer {
            Ok(Ok((container, facts))) => seen.push(SeenHost {
                node: host.name.clone(),
                connection: if hosts.typed { variables(host) } else { Vec::new() },
                reached_at: host.connection.address.clone(),
                container,
                facts,
            }),
            Ok(Err(refusal)) => refused.push(refusal),
            Err(error) if error.code == ErrorCode::Unreachable => {
                failed.insert(host.name.clone(), error);
            }
            Err(error) => refused.push(error),
        }
    }
    Some(Looked { survey, seen, failed, refused })
}

type Answer = Result<(String, omsctl_proto::Facts), ErrorReport>;

/// Which container is OMS's, then what it is made of, then the files that it is given; the outer error is of the way.
async fn ask(link: &HostLink, asked: Option<&str>, key: &FingerprintKey) -> Result<Answer, ErrorReport> {
    let node = &link.target.node;
    let first = plan::look_for(asked, key);
    let mut facts = link.session.facts(first.clone()).await?;
    let container = match plan::find_container(node, asked, &facts) {
        Ok(container) => container,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if container != first.container_name {
        facts = link.session.facts(plan::look_at(&container, key)).await?;
    }
    if let Some(found) = &facts.container {
        facts = link.session.facts(plan::look_into(&container, found, key)).await?;
    }
    Ok(Ok((container, facts)))
}

/// The MetaDB; `None` when the files do not say where it is.
pub(super) async fn metadb(
    world: &World,
    looked: &Looked,
    reading: &Reading,
) -> Option<Result<MetaDbFacts, MetaDbError>> {
    let (target, names) = reading.metadb()?;
    let reader = MetaDbReader { database: Arc::clone(&world.metadb), target, former: None, names };
    read(&reader, looked).await
}

/// From the first host that reaches it; the error is that of the first host.
pub(super) async fn read(reader: &MetaDbReader, looked: &Looked) -> Option<Result<MetaDbFacts, MetaDbError>> {
    let mut trouble = None;
    for link in looked.survey.links.values() {
        match reader.read(link.connection.as_ref()).await {
            Ok(facts) => return Some(Ok(facts)),
            Err(error) => {
                trouble.get_or_insert(error);
            }
        }
    }
    trouble.map(Err)
}
