//! What one host shall have, worked out from the deployment: files, image, container, who initialises it. Looks at no
//! facts of that host beyond its address.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use omsctl_inventory::{Host, HttpsFiles, InitBy, MountPaths, OmsConfig, Region};
use omsctl_proto::{
    ContainerSpec, Digest, FactsRequest, FingerprintKey, Initialiser, Mount, Secret, SecretFile, SecretName,
    WantedHealth, former_path,
};

use super::certificate;
use super::config;
use super::container;
use super::image;
use super::refusal::Refusal;
use super::registry::{self, WantedLogin};
use super::situation::Situation;
use super::version::{OmsVersion, SELF_INITIALISING};
use crate::ports::ArchiveIdentity;

/// Ports of OMS that no key of config.yaml changes: the second one of the host agent, and supervisord's own
/// (`research/oms.md` 1.3).
const FIXED_PORTS: [u16; 2] = [HOST_AGENT, 8084];
pub(super) const HOST_AGENT: u16 = 9001;

/// From which Store, Incr-Sync and others take theirs at run time (`research/oms.md` 1.3).
pub(super) const RANDOM_PORTS: [(u16, u16); 4] =
    [(7100, 7499), (16000, 16499), (17000, 17499), (18000, 18499)];

/// Where the agent keeps its own things.
pub(super) const AGENT_FOLDER: &str = "/var/lib/omsctl";

/// Everything that one host shall have.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) directories: Vec<String>,
    pub(super) certificates: Vec<WantedFile>,
    /// What nginx then serves, its own certificate first; empty without HTTPS.
    pub(super) chain: Vec<Digest>,
    pub(super) config: WantedFile,
    /// That the image comes from; without one it is pulled.
    pub(super) archive: Option<ArchiveIdentity>,
    /// With which it is pulled.
    pub(super) login: Option<WantedLogin>,
    pub(super) container: ContainerSpec,
    pub(super) initialiser: Initialiser,
    /// The directory of OMS's logs on the host.
    pub(super) logs: String,
    pub(super) health: WantedHealth,
}

/// A file with its text.
#[derive(Debug, Clone)]
pub(super) struct WantedFile {
    pub(super) file: SecretFile,
    pub(super) text: Secret,
}

/// Works out what the host shall have; `None` when its address is unknown, which is refused elsewhere.
pub(super) fn wanted(situation: Situation<'_>, host: &Host) -> Option<Result<Wanted, Refusal>> {
    let address = *situation.addresses.get(&host.name)?;
    let region = situation.region(host)?;
    let settings = &host.settings;
    let build = || {
        let (image, archive) = image::wanted(&settings.image, situation.observed)?;
        let (files, chain) = certificates(situation, host)?;
        Ok(Wanted {
            directories: directories(&settings.mount, settings.https.is_some()),
            certificates: files,
            chain,
            config: config_file(situation, host, region, &situation.nodes_of(region))?,
            archive: archive.cloned(),
            login: registry::login(host, &image)?,
            initialiser: initialiser(host, &image.reference)?,
            container: ContainerSpec {
                name: settings.container_name.clone(),
                image,
                mounts: mounts(&settings.mount, settings.https.is_some()),
                host_ip: address,
                restart_policy: settings.restart_policy.clone(),
                is_upgrade: false,
            },
            logs: text_of(&settings.mount.logs),
            health: health(host, &region.config),
        })
    };
    Some(build())
}

/// `config.yaml` of a host of this region, with these `cm_nodes`.
pub(super) fn config_file(
    situation: Situation<'_>,
    host: &Host,
    region: &Region,
    nodes: &[IpAddr],
) -> Result<WantedFile, Refusal> {
    let path = text_of(&host.settings.mount.config_file);
    file("config", path, 0o600, config::render(region, nodes), &situation.goal.key)
}

/// What the agent is asked to look at on this host. The planner understands the answer to exactly these questions.
pub fn facts_request(host: &Host, config: &OmsConfig, key: &FingerprintKey) -> FactsRequest {
    let mount = &host.settings.mount;
    let https = host.settings.https.is_some();
    let certificates = [&mount.https_crt, &mount.https_key];
    let files: Vec<String> =
        if https { certificates.into_iter().map(|path| text_of(path)).collect() } else { Vec::new() };
    let mut paths = directories(mount, https);
    let config_file = text_of(&mount.config_file);
    paths.extend([config_file.clone(), former_path(&config_file)]);
    paths.extend(files.iter().cloned());
    paths.push(AGENT_FOLDER.to_owned());
    FactsRequest {
        container_name: host.settings.container_name.clone(),
        paths,
        config_file,
        files,
        key: key.clone(),
        ports: ports(config),
        port_ranges: RANDOM_PORTS.to_vec(),
        towards: Some((config.meta.host.clone(), config.meta.port)),
        health: health(host, config),
        measured: Vec::new(),
        tsdb: None,
        texts: Vec::new(),
    }
}

/// The ports that OMS takes on its host, since the container has the host's network.
pub(super) fn ports(config: &OmsConfig) -> Vec<u16> {
    let ports = &config.ports;
    let named = [ports.ghana, ports.nginx, ports.cm, ports.supervisor, ports.sshd];
    let mut all: Vec<u16> = named.iter().map(|port| port.number).chain(FIXED_PORTS).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Where the host answers for itself.
pub(super) fn health(host: &Host, config: &OmsConfig) -> WantedHealth {
    WantedHealth { port: config.ports.nginx.number, tls: host.settings.https.is_some() }
}

/// `-v` in the order of the manual (`research/oms.md` 3).
pub(super) fn mounts(paths: &MountPaths, https: bool) -> Vec<Mount> {
    let mount = |host: &Path, container: &str| Mount { host: text_of(host), container: container.to_owned() };
    let mut mounts = vec![
        mount(&paths.config_file, container::CONFIG),
        mount(&paths.logs, container::LOGS),
        mount(&paths.store, container::STORE),
        mount(&paths.run, container::RUN),
    ];
    if https {
        mounts.push(mount(&paths.https_crt, container::CERTIFICATE));
        mounts.push(mount(&paths.https_key, container::KEY));
    }
    mounts
}

/// The mounted directories, and the folders of mounted files that are above none of these.
fn directories(paths: &MountPaths, https: bool) -> Vec<String> {
    let mut directories = vec![paths.logs.as_path(), paths.store.as_path(), paths.run.as_path()];
    let mut files = vec![paths.config_file.as_path()];
    if https {
        files.extend([paths.https_crt.as_path(), paths.https_key.as_path()]);
    }
    for folder in files.into_iter().filter_map(Path::parent) {
        if !directories.iter().any(|other| other.starts_with(folder)) {
            directories.push(folder);
        }
    }
    directories.into_iter().map(text_of).collect()
}

/// Certificate and key, when they are a pair, and what a client is shown then.
fn certificates(situation: Situation<'_>, host: &Host) -> Result<(Vec<WantedFile>, Vec<Digest>), Refusal> {
    let Some(HttpsFiles { cert, key }) = &host.settings.https else { return Ok((Vec::new(), Vec::new())) };
    let read = |path: &PathBuf| {
        let text = situation.observed.certificates.get(path);
        text.cloned().ok_or_else(|| Refusal::CertificateUnread { path: path.clone() })
    };
    let mount = &host.settings.mount;
    let under = &situation.goal.key;
    let (certificate, private) = (read(cert)?, read(key)?);
    let chain = certificate::chain(&cert.display().to_string(), &certificate, &private);
    let chain = chain.map_err(|broken| Refusal::Certificate {
        node: host.name.clone(),
        what: broken.what,
        way: broken.way,
    })?;
    let files = vec![
        file("https-crt", text_of(&mount.https_crt), 0o644, certificate, under)?,
        file("https-key", text_of(&mount.https_key), 0o600, private, under)?,
    ];
    Ok((files, certificate::digests(&chain)))
}

fn file(
    name: &str,
    path: String,
    mode: u32,
    text: Secret,
    key: &FingerprintKey,
) -> Result<WantedFile, Refusal> {
    let content = SecretName::new(name).map_err(|invalid| Refusal::Rule { rule: invalid.to_string() })?;
    let fingerprint = key.of(text.expose().as_bytes());
    Ok(WantedFile { file: SecretFile { path, mode, content, fingerprint }, text })
}

fn initialiser(host: &Host, reference: &str) -> Result<Initialiser, Refusal> {
    match host.settings.init_by {
        InitBy::Script => Ok(Initialiser::Script),
        InitBy::Image => Ok(Initialiser::Container),
        InitBy::Auto => match OmsVersion::of_reference(reference) {
            Some(version) if version.compare(&SELF_INITIALISING).is_ge() => Ok(Initialiser::Container),
            Some(_) => Ok(Initialiser::Script),
            None => {
                Err(Refusal::InitialiserUnknown { node: host.name.clone(), reference: reference.to_owned() })
            }
        },
    }
}

/// Paths on a host come from text and go back to text; without a slash at the end they compare.
pub(super) fn text_of(path: &Path) -> String {
    let text = path.to_string_lossy();
    let trimmed = text.trim_end_matches('/');
    if trimmed.is_empty() { text.into_owned() } else { trimmed.to_owned() }
}
