//! The time-series database beside what was found on its host: what brings it up, and whether OMS may be told of it. One
//! that cannot be reached lets `oms_drc_supervisor` restart for ever (`research/oms.md` 8).

use std::collections::BTreeMap;
use std::path::PathBuf;

use omsctl_inventory::{Deployment, ImageSource, TsdbServer};
use omsctl_proto::{
    Action, ContainerFacts, ErrorReport, Facts, FactsRequest, FingerprintKey, ImageOrigin, MetaDbProof,
    NodeName, Role, Secret, SecretName, Step, TsdbFacts, TsdbLogIn, TsdbRequest, TsdbSpec, WantedHealth,
    WireSecret,
};

use super::findings::how_it_ended;
use super::gates::Draft;
use super::image;
use super::input::Observed;
use super::output::{NodeSteps, Plan};
use super::planner::docker_trouble;
use super::refusal::Refusal;
use super::situation::Situation;
use super::wanted::AGENT_FOLDER;
use crate::ports::ArchiveIdentity;

/// What has to be done for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tsdb {
    /// omsctl runs none, or leaves it as it is.
    Nothing,
    Away(NodeName, ErrorReport),
    Refused(Refusal),
    /// Of this host, in front of its other steps; none when all is well.
    Steps(NodeName, Vec<Step>),
}

/// What the agent of its host is asked about it.
pub fn tsdb_request(server: &TsdbServer) -> TsdbRequest {
    TsdbRequest {
        container: server.container_name.clone(),
        port: server.port,
        username: server.username.clone(),
        password: WireSecret(server.password.clone()),
    }
}

/// What the agent of a host is asked that runs nothing but the time-series database.
pub fn tsdb_facts_request(server: &TsdbServer, key: &FingerprintKey) -> FactsRequest {
    FactsRequest {
        container_name: String::new(),
        paths: vec![server.data.display().to_string(), AGENT_FOLDER.to_owned()],
        config_file: String::new(),
        files: Vec::new(),
        key: key.clone(),
        ports: vec![server.port],
        port_ranges: Vec::new(),
        towards: None,
        health: WantedHealth { port: server.port, tls: false },
        measured: Vec::new(),
        tsdb: Some(Box::new(tsdb_request(server))),
        texts: Vec::new(),
    }
}

/// `tsdb_url` as an address to ask, for each OMS host whose OMS reports there, or is to.
pub fn tsdb_urls(deployment: &Deployment) -> BTreeMap<NodeName, String> {
    let hosts = deployment.hosts.iter().filter_map(|host| {
        let tsdb = &deployment.region(&host.region)?.config.tsdb;
        let url = tsdb.url.as_ref().filter(|_| tsdb.is_enabled())?;
        Some((host.name.clone(), format!("http://{url}/ping")))
    });
    hosts.collect()
}

/// What was found on its host.
pub(super) fn found(observed: &Observed, server: &TsdbServer) -> Option<TsdbFacts> {
    observed.facts.get(&server.host)?.as_ref().ok()?.tsdb.clone()
}

/// It runs and lets its user in.
pub(super) fn serves(observed: &Observed, server: &TsdbServer) -> bool {
    let found = found(observed, server);
    let runs = |found: &TsdbFacts| found.container.as_ref().is_some_and(|container| container.running);
    found.is_some_and(|found| runs(&found) && found.log_in == TsdbLogIn::Works)
}

pub(super) fn plan(situation: Situation<'_>) -> Tsdb {
    let Some(server) = situation.deployment.tsdb.as_ref().filter(|server| server.selected) else {
        return Tsdb::Nothing;
    };
    let facts = match situation.answer(&server.host) {
        Ok(facts) => facts,
        Err(error) => return Tsdb::Away(server.host.clone(), error),
    };
    if let Some(cause) = docker_trouble(&facts.docker) {
        return Tsdb::Refused(Refusal::Docker { node: server.host.clone(), cause });
    }
    match steps(situation, server, facts) {
        Ok(steps) => Tsdb::Steps(server.host.clone(), steps),
        Err(refusal) => Tsdb::Refused(refusal),
    }
}

fn steps(situation: Situation<'_>, server: &TsdbServer, facts: &Facts) -> Result<Vec<Step>, Refusal> {
    let source = ImageSource::Archive(PathBuf::from(&server.archive));
    let (wanted, archive) = image::wanted(&source, situation.observed)?;
    let spec = TsdbSpec {
        container: server.container_name.clone(),
        image: wanted,
        data: server.data.display().to_string(),
        port: server.port,
        restart_policy: server.restart_policy.clone(),
        username: server.username.clone(),
        password: secret_name()?,
    };
    let found = facts.tsdb.as_ref();
    let container = found.and_then(|found| found.container.as_ref());
    let Some(why) = why(&spec, found, container, facts) else { return Ok(Vec::new()) };
    let is_made = container.is_none_or(|container| !differences(&spec, container, facts).is_empty());
    let mut steps = Vec::new();
    if is_made {
        steps.extend(load(&spec, archive, facts));
    }
    let set_aside = format!("{}-{}", spec.container, situation.goal.run);
    steps.push(Step { why, gate: None, action: Action::ServeTsdb { tsdb: spec, set_aside } });
    Ok(steps)
}

/// What is wrong with it, if anything.
fn why(
    spec: &TsdbSpec,
    found: Option<&TsdbFacts>,
    container: Option<&ContainerFacts>,
    facts: &Facts,
) -> Option<String> {
    let Some(container) = container else { return Some(format!("there is no container {}", spec.container)) };
    let differences = differences(spec, container, facts);
    if !differences.is_empty() {
        return Some(differences.join("; "));
    }
    if !container.running {
        return Some(how_it_ended(container));
    }
    match &found?.log_in {
        TsdbLogIn::Works => None,
        TsdbLogIn::NoUser => Some(format!("the user {} is not there", spec.username)),
        TsdbLogIn::Refused { words } => Some(format!("it does not let {} in: {words}", spec.username)),
        TsdbLogIn::Silent { error } => Some(format!("it does not answer: {error}")),
    }
}

fn differences(spec: &TsdbSpec, container: &ContainerFacts, facts: &Facts) -> Vec<String> {
    let mut differences = spec.differences(container);
    if !image::runs_in(&spec.image, container, image::images_of(&facts.docker)) {
        let have = image::in_words(&container.image_id, &container.image_reference);
        differences.push(format!("image differs: have {have}, want {}", image::wanted_in_words(&spec.image)));
    }
    differences
}

fn load(spec: &TsdbSpec, archive: Option<&ArchiveIdentity>, facts: &Facts) -> Option<Step> {
    let words = image::wanted_in_words(&spec.image);
    let why = match image::find(&spec.image, image::images_of(&facts.docker)) {
        None => format!("{words} is not on the host"),
        Some(there) if image::is_named(&spec.image, there) => return None,
        Some(_) => format!("{words} is on the host without this name: it is named, not sent"),
    };
    let origin: ImageOrigin = image::origin(archive, &facts.docker);
    Some(Step { why, gate: None, action: Action::LoadTsdbImage { image: spec.image.clone(), origin } })
}

fn secret_name() -> Result<SecretName, Refusal> {
    SecretName::new("tsdb-password").map_err(|error| Refusal::Rule { rule: error.to_string() })
}

/// What its steps only name.
pub(super) fn secrets(deployment: &Deployment) -> Option<(NodeName, BTreeMap<SecretName, Secret>)> {
    let server = deployment.tsdb.as_ref()?;
    let name = secret_name().ok()?;
    Some((server.host.clone(), BTreeMap::from([(name, server.password.clone())])))
}

/// Its steps come first on its host, which may have others.
pub(super) fn lead(drafts: &mut [Draft], tsdb: &Tsdb) {
    let Tsdb::Steps(node, steps) = tsdb else { return };
    if let Some(draft) = drafts.iter_mut().find(|draft| draft.node == *node) {
        draft.steps.splice(0..0, steps.iter().cloned());
    }
}

/// The host that has no other part in the plan, and what its steps only name.
pub(super) fn add(plan: &mut Plan, situation: Situation<'_>, tsdb: Tsdb) {
    let Tsdb::Steps(node, steps) = tsdb else { return };
    if !steps.is_empty() {
        plan.secrets_add(secrets(situation.deployment));
    }
    if situation.deployment.host(&node).is_none() {
        plan.nodes.push(NodeSteps {
            node,
            role: Role::New,
            steps,
            proof: MetaDbProof::Nothing,
            register: None,
        });
    }
}

/// OMS would be told of a database that is not there.
pub(super) fn missed(situation: Situation<'_>, tsdb: &Tsdb, drafts: &[Draft]) -> Option<Refusal> {
    let server = situation.deployment.tsdb.as_ref()?;
    let comes = matches!(tsdb, Tsdb::Steps(..) | Tsdb::Refused(_));
    if comes || serves(situation.observed, server) {
        return None;
    }
    let told = |step: &Step| matches!(step.action, Action::Initialise { .. } | Action::ReloadConfig { .. });
    let draft = drafts.iter().find(|draft| draft.steps.iter().any(told))?;
    let why = match tsdb {
        Tsdb::Away(_, error) => error.one_line(),
        Tsdb::Nothing | Tsdb::Refused(_) | Tsdb::Steps(..) => "--limit leaves its host out".to_owned(),
    };
    let node = server.host.clone();
    let way = format!(
        "let {node} answer and be part of the command, or take oms_tsdb_host and the group tsdb out of the inventory"
    );
    Some(Refusal::TsdbAway { node, reader: draft.node.clone(), why, way })
}

/// That it is left where it is, when there is one.
pub(super) fn stays(situation: Situation<'_>) -> Option<String> {
    let server = situation.deployment.tsdb.as_ref()?;
    let container = found(situation.observed, server)?.container?;
    let (host, name, data) = (&server.host, &server.container_name, server.data.display());
    let state = if container.running { "runs on" } else { "stays" };
    Some(format!("{host}: the time-series database {state}: container {name}, folder {data}"))
}
