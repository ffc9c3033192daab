//! What Docker prints as JSON, as facts. Parses; runs nothing.

use std::collections::BTreeMap;

use omsctl_proto::{ContainerFacts, Digest, ImageFacts, InitFacts, InitState, OtherContainer};
use serde::Deserialize;
use serde_json::Value;

use crate::ports::{Container, Engine, RuntimeError};

/// One line of JSON for each image.
pub(super) const IMAGE: &str = "{\"id\":{{json .Id}},\"tags\":{{json .RepoTags}},\"digests\":{{json .RepoDigests}},\
                                \"layers\":{{json .RootFS.Layers}},\"architecture\":{{json .Architecture}}}";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    #[serde(default)]
    server_version: String,
    #[serde(default)]
    docker_root_dir: String,
    #[serde(default)]
    driver: String,
    driver_status: Option<Vec<Vec<String>>>,
    server_errors: Option<Vec<String>>,
}

/// `None` when this is no answer of a daemon.
pub(super) fn engine(text: &str) -> Option<Result<Engine, RuntimeError>> {
    let info: Info = match serde_json::from_str(text.trim()) {
        Ok(info) => info,
        Err(_) if !text.trim_start().starts_with('{') => return None,
        Err(source) => return Some(Err(malformed("info", source))),
    };
    if let Some(errors) = info.server_errors.filter(|errors| !errors.is_empty()) {
        return Some(Err(RuntimeError::Silent { words: errors.join("; ") }));
    }
    if info.server_version.is_empty() {
        return None;
    }
    let status = info.driver_status.unwrap_or_default();
    let containerd_store = status.iter().flatten().any(|word| word.starts_with("io.containerd.snapshotter"));
    Some(Ok(Engine {
        server_version: info.server_version,
        root_directory: info.docker_root_dir,
        storage_driver: info.driver,
        containerd_store,
    }))
}

#[derive(Deserialize)]
struct Image {
    id: DockerDigest,
    tags: Option<Vec<String>>,
    digests: Option<Vec<String>>,
    layers: Option<Vec<DockerDigest>>,
    #[serde(default)]
    architecture: String,
}

/// With Docker's `sha256:` before it.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct DockerDigest(Digest);

impl TryFrom<String> for DockerDigest {
    type Error = omsctl_proto::InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Digest::parse(&text).map(Self)
    }
}

/// Lines in the form of [`IMAGE`].
pub(super) fn images(text: &str) -> Result<Vec<ImageFacts>, RuntimeError> {
    let parse = |line: &str| {
        let image: Image = serde_json::from_str(line)?;
        let references = image.tags.into_iter().chain(image.digests).flatten();
        Ok(ImageFacts {
            id: image.id.0,
            references: references.filter(|reference| !reference.contains("<none>")).collect(),
            layers: image.layers.unwrap_or_default().into_iter().map(|layer| layer.0).collect(),
            architecture: image.architecture,
        })
    };
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines.map(parse).collect::<Result<_, _>>().map_err(|source| malformed("image", source))
}

/// One line of JSON for each container.
pub(super) const BRIEF: &str = "{\"name\":{{json .Name}},\"image\":{{json .Config.Image}},\
                                \"running\":{{json .State.Running}},\"mounts\":{{json .Mounts}}}";

#[derive(Deserialize)]
struct Brief {
    name: String,
    image: String,
    running: bool,
    mounts: Vec<MountPoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MountPoint {
    destination: String,
}

/// Those of the lines in the form of [`BRIEF`] that have a mount of OMS's manual.
pub(super) fn like_oms(text: &str) -> Result<Vec<OtherContainer>, RuntimeError> {
    const OMS: [&str; 2] = ["/home/admin/conf/config.yaml", "/home/ds/store"];
    let lines = text.lines().filter(|line| line.starts_with('{'));
    let briefs: Vec<Brief> = lines
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .map_err(|source| malformed("container", source))?;
    let is_oms = |brief: &Brief| brief.mounts.iter().any(|mount| OMS.contains(&mount.destination.as_str()));
    let named = |brief: Brief| OtherContainer {
        name: brief.name.trim_start_matches('/').to_owned(),
        image: brief.image,
        running: brief.running,
    };
    Ok(briefs.into_iter().filter(is_oms).map(named).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    created: String,
    name: String,
    image: DockerDigest,
    state: State,
    config: Config,
    host_config: HostConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    status: String,
    running: bool,
    #[serde(rename = "OOMKilled", default)]
    oom_killed: bool,
    pid: u32,
    exit_code: i64,
    #[serde(default)]
    started_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    tty: bool,
    open_stdin: bool,
    env: Option<Vec<String>>,
    image: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    binds: Option<Vec<String>>,
    network_mode: String,
    restart_policy: Option<RestartPolicy>,
    privileged: bool,
    pids_limit: Option<i64>,
    ulimits: Option<Vec<Ulimit>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RestartPolicy {
    name: String,
    #[serde(default)]
    maximum_retry_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ulimit {
    name: String,
    soft: i64,
    hard: i64,
}

/// The container of exactly this name among the inspected ones.
pub(super) fn container(text: &str, name: &str) -> Result<Option<Container>, RuntimeError> {
    let all: Vec<Value> = serde_json::from_str(text).map_err(|source| malformed("container", source))?;
    let named =
        |value: &Value| value["Name"].as_str().is_some_and(|found| found.trim_start_matches('/') == name);
    let Some(value) = all.into_iter().find(named) else { return Ok(None) };
    let found: Inspected = serde_json::from_value(value).map_err(|source| malformed("container", source))?;
    debug_assert_eq!(found.name.trim_start_matches('/'), name);
    let running = found.state.running;
    let pid = Some(found.state.pid).filter(|pid| running && *pid != 0);
    Ok(Some(Container { facts: facts(found), pid }))
}

fn facts(found: Inspected) -> ContainerFacts {
    let (state, config, host) = (found.state, found.config, found.host_config);
    let ulimits = host.ulimits.unwrap_or_default().into_iter();
    ContainerFacts {
        id: found.id,
        image_id: found.image.0,
        image_reference: config.image,
        running: state.running,
        exit_code: (!state.running).then_some(state.exit_code),
        status: state.status,
        oom_killed: state.oom_killed,
        created: found.created,
        started: state.started_at,
        environment: config.env.unwrap_or_default(),
        binds: host.binds.unwrap_or_default(),
        network_mode: host.network_mode,
        privileged: host.privileged,
        pids_limit: host.pids_limit,
        ulimits: ulimits.map(|limit| format!("{}={}:{}", limit.name, limit.soft, limit.hard)).collect(),
        tty: config.tty,
        open_stdin: config.open_stdin,
        restart_policy: host.restart_policy.map_or_else(String::new, restart_policy),
        stale_mounts: Vec::new(),
        services: BTreeMap::new(),
        initialisation: InitFacts { state: InitState::CannotTell, proof: String::new(), last_step: 0 },
        health: None,
        config_inside: None,
        served_chain: Vec::new(),
    }
}

/// As `--restart` takes it.
fn restart_policy(policy: RestartPolicy) -> String {
    match policy.maximum_retry_count {
        0 => policy.name,
        count => format!("{}:{count}", policy.name),
    }
}

fn malformed(verb: &str, source: serde_json::Error) -> RuntimeError {
    RuntimeError::Malformed { verb: verb.to_owned(), source }
}
