//! Goes to all hosts and looks: the part that `check`, `plan`, `apply` and `status` share.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use omsctl_inventory::{Connection, ConnectionMethod, Deployment, Host, Region};
use omsctl_proto::{FingerprintKey, Gate, GateRow, Hold, MetaDbProof, NodeName};

use super::World;
use super::inputs::{self, Images, Inputs};
use super::interrupt::{interrupted, or_interrupted};
use super::password;
use super::telling::{Kind, Telling};
use crate::exit::Exit;
use crate::plan::{self, Goal, Observed, Purpose, facts_request, resolve_addresses};
use crate::ports::{Become, HostTarget, MetaDbNames, MetaDbTarget, Method};
use crate::rollout::{
    Emitter, MetaDbReader, Moving, Proof, Registration, Removal, Rotation, Survey, Surveyor,
};

/// What was seen, and the open ways to the hosts.
pub(super) struct Looked {
    pub(super) survey: Survey,
    pub(super) observed: Observed,
}

/// Which hosts are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// All of the inventory, also outside `--limit`: whose cluster it is shows only on all of them.
    Inventory,
    /// Those of `--limit`.
    Limit,
}

/// How far a look goes.
#[derive(Debug)]
pub(super) struct How {
    pub(super) reach: Reach,
    /// How many hosts at once; `None` is all.
    pub(super) forks: Option<NonZeroUsize>,
    /// Every host is taken before it is looked at.
    pub(super) hold: Option<Hold>,
    /// What omsctl made for OMS's files is counted, which may take seconds.
    pub(super) measure: bool,
}

/// All that `check` and `plan` judge, and the screen that is still up.
pub(super) struct Sight {
    pub(super) inputs: Inputs,
    pub(super) looked: Looked,
    pub(super) goal: Goal,
    pub(super) telling: Telling,
}

/// Reads the operator's files and looks at every host of the inventory; the exit when that is as far as it goes.
pub(super) async fn look_at_all(world: &World, typed: &str, keep_going: bool) -> Result<Sight, Exit> {
    let inputs = inputs::load(world, Images::Read).await?;
    password::may_be_changed(world, &inputs)?;
    look_at_all_holding(world, typed, inputs, (keep_going, None)).await
}

/// As [`look_at_all`], with every host taken before it is looked at.
pub(super) async fn look_at_all_holding(
    world: &World,
    typed: &str,
    inputs: Inputs,
    (keep_going, hold): (bool, Option<Hold>),
) -> Result<Sight, Exit> {
    let (run, key) = (world.new_run(), world.new_key());
    let names = inputs.deployment.names().cloned().collect();
    let mut telling = Telling::begin(world, run.clone(), typed, Kind::Look, names).await;
    let how = How { reach: Reach::Inventory, forks: None, hold, measure: false };
    let looked = look_holding(world, &inputs, &key, how, &mut telling.emitter).await;
    let Some(looked) = looked else {
        telling.end_looking();
        return Err(interrupted(world));
    };
    let goal = Goal {
        purpose: Purpose::Apply,
        allow_outage: false,
        give_up: BTreeSet::new(),
        run,
        key,
        join_metadb: false,
        move_cm_url: false,
        with_former: world.passwords.former_metadb.is_some(),
        keep_going,
        relay: true,
        leave_out: BTreeSet::new(),
    };
    Ok(Sight { inputs, looked, goal, telling })
}

/// Looks at the hosts; `None` when the operator interrupted it.
pub(super) async fn look(
    world: &World,
    inputs: &Inputs,
    key: &FingerprintKey,
    reach: Reach,
    forks: Option<NonZeroUsize>,
    emitter: &mut Emitter,
) -> Option<Looked> {
    look_holding(world, inputs, key, How { reach, forks, hold: None, measure: false }, emitter).await
}

/// As [`look`], the way that is asked for.
pub(super) async fn look_holding(
    world: &World,
    inputs: &Inputs,
    key: &FingerprintKey,
    How { reach, forks, hold, measure }: How,
    emitter: &mut Emitter,
) -> Option<Looked> {
    let deployment = &inputs.deployment;
    let hosts = deployment.hosts.iter().filter(|host| host.selected || reach == Reach::Inventory);
    let hosts = hosts.filter_map(|host| {
        let config = &deployment.region(&host.region)?.config;
        let mut request = facts_request(host, config, key);
        if measure {
            request.measured = plan::data_paths(host);
        }
        if let Some(tsdb) = deployment.tsdb.as_ref().filter(|tsdb| tsdb.host == host.name) {
            request.tsdb = Some(Box::new(plan::tsdb_request(tsdb)));
            request.ports.push(tsdb.port);
        }
        Some((target(world, host), request))
    });
    let tsdb = deployment.tsdb_alone().filter(|tsdb| tsdb.selected || reach == Reach::Inventory);
    let tsdb = tsdb.map(|tsdb| {
        let target = target_of(world, &tsdb.host, tsdb.connection.clone());
        (target, plan::tsdb_facts_request(tsdb, key))
    });
    let hosts: Vec<_> = hosts.chain(tsdb).collect();
    let forks = forks.map_or(hosts.len(), NonZeroUsize::get);
    let surveyor =
        Surveyor { transport: Arc::clone(&world.transport), clock: Arc::clone(&world.clock), forks, hold };
    let reader = reader(world, deployment);
    let survey = or_interrupted(world, Box::pin(surveyor.look(hosts, &reader, emitter))).await?;
    let mut observed = observed(inputs, &survey);
    if reach == Reach::Inventory {
        let ground = plan::ground(deployment, &observed);
        let tsdb = plan::tsdb_urls(deployment);
        let asked = async {
            tokio::join!(survey.reach(&ground.places), survey.ask_for(&ground.cm_urls), survey.ask_for(&tsdb))
        };
        (observed.unreached, observed.cm_urls, observed.tsdb_answers) =
            or_interrupted(world, Box::pin(asked)).await?;
    }
    Some(Looked { survey, observed })
}

fn observed(inputs: &Inputs, survey: &Survey) -> Observed {
    let seen = survey.facts.iter().map(|(node, facts)| (node.clone(), Ok(facts.clone())));
    let failed = survey.failed.iter().map(|(node, error)| (node.clone(), Err(error.clone())));
    let archives = inputs.archives.iter();
    Observed {
        facts: seen.chain(failed).collect::<BTreeMap<NodeName, _>>(),
        metadb: survey.metadb.clone(),
        contents: None,
        logins: survey.logins.clone(),
        by_former: survey.by_former.clone(),
        clock_offsets_ms: survey
            .links
            .iter()
            .map(|(node, link)| (node.clone(), link.session.clock_offset_ms))
            .collect(),
        host_keys: survey
            .links
            .iter()
            .filter_map(|(node, link)| Some((node.clone(), link.connection.details().host_key?)))
            .collect(),
        unreached: BTreeMap::new(),
        cm_urls: BTreeMap::new(),
        tsdb_answers: BTreeMap::new(),
        archives: archives.map(|(path, archive)| (path.clone(), archive.identity.clone())).collect(),
        certificates: inputs.certificates.clone(),
    }
}

/// The MetaDB of the deployment: one for all regions.
pub(super) fn reader(world: &World, deployment: &Deployment) -> MetaDbReader {
    let config = &deployment.regions[0].config;
    let mut heartbeats: Vec<_> =
        deployment.regions.iter().map(|region| region.config.heartbeat_db.clone()).collect();
    heartbeats.sort();
    heartbeats.dedup();
    MetaDbReader {
        database: Arc::clone(&world.metadb),
        target: MetaDbTarget {
            host: config.meta.host.clone(),
            port: config.meta.port,
            user: config.meta.user.clone(),
            password: config.meta.password.clone(),
        },
        names: MetaDbNames { rm: config.rm_db.clone(), cm: config.cm_db.clone(), heartbeats },
        former: world.passwords.former_metadb.clone(),
    }
}

/// What has to be proved of a host in the end, when its address is known.
pub(super) fn proof(world: &World, inputs: &Inputs, observed: &Observed, row: &GateRow) -> Option<Proof> {
    let deployment = &inputs.deployment;
    let host = deployment.host(&row.node)?;
    let config = &deployment.region(&host.region)?.config;
    let address = resolve_addresses(deployment, observed).by_node.get(&row.node)?.to_string();
    let reader = reader(world, deployment);
    match row.proof {
        MetaDbProof::Nothing => None,
        MetaDbProof::Removed => Some(Proof::Removed(Removal { reader, address })),
        MetaDbProof::Registered | MetaDbProof::LoggedIn => {
            let heartbeat_database = config.heartbeat_db.clone();
            let cm_url = (config.cm_location, config.cm_url.text.clone());
            let anew = row.proof == MetaDbProof::LoggedIn;
            Some(Proof::Registered(Registration { reader, address, heartbeat_database, cm_url, anew }))
        }
    }
}

/// What this run changes in the MetaDB on its way; `None` when it moves no region.
pub(super) fn moving(world: &World, deployment: &Deployment, rows: &[GateRow]) -> Option<Moving> {
    let moves = |region: &&Region| {
        let of_region =
            |row: &&GateRow| region.hosts.contains(&row.node) && row.gates.contains(&Gate::Metadb);
        rows.iter().any(|row| of_region(&row))
    };
    let regions: Vec<_> = deployment
        .regions
        .iter()
        .filter(moves)
        .map(|region| (region.config.cm_location, region.config.cm_url.text.clone()))
        .collect();
    (!regions.is_empty()).then(|| Moving { reader: reader(world, deployment), regions })
}

/// Whose password this run changes in the MetaDB on its way; `None` when it changes none.
pub(super) fn rotation(world: &World, deployment: &Deployment, rows: &[GateRow]) -> Option<Rotation> {
    let changes = rows.iter().any(|row| row.gates.contains(&Gate::Password));
    changes.then(|| Rotation { reader: reader(world, deployment) })
}

fn target(world: &World, host: &Host) -> HostTarget {
    target_of(world, &host.name, host.connection.clone())
}

/// How a host is reached that nothing more is known of.
pub(super) fn target_of(world: &World, node: &NodeName, connection: Connection) -> HostTarget {
    let Connection {
        address,
        port,
        port_given,
        user,
        password,
        private_key_file,
        common_args,
        extra_args,
        r#become,
        method,
    } = connection;
    let escalation = Become {
        enabled: r#become.enabled.unwrap_or(true),
        user: r#become.user,
        password: r#become.password.or_else(|| world.passwords.escalation.clone()),
    };
    HostTarget {
        node: node.clone(),
        address,
        port: port_given.then_some(port),
        user,
        password: password.or_else(|| world.passwords.ssh.clone()),
        private_key_file,
        ssh_arguments: common_args.into_iter().chain(extra_args).collect(),
        escalation,
        method: match method {
            ConnectionMethod::Ssh => Method::Ssh,
            ConnectionMethod::Local => Method::Local,
        },
    }
}
