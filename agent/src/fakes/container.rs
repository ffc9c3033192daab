//! A container of the fake: created, started, stopped, looked into.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use omsctl_proto::{ContainerFacts, ContainerSpec, Digest, InitFacts, InitState};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::ports::Container;

/// As listed by supervisord.
const SERVICES: [&str; 5] = ["nginx", "oms_console", "oms_drc_cm", "oms_drc_supervisor", "sshd"];

const CERTIFICATE: &str = "/etc/pki/nginx/oms_server.crt";

#[derive(Debug)]
pub(super) struct FakeContainer {
    pub(super) facts: ContainerFacts,
    pub(super) pid: u32,
    pub(super) init_flag: bool,
    pub(super) healthy_from: Option<Instant>,
    pub(super) init_running: Option<AbortHandle>,
    /// Its process can be seen: it takes a moment after the container's start.
    pub(super) init_seen: bool,
    pub(super) initialises_itself: bool,
    /// What nginx read when it started.
    pub(super) served_chain: Vec<Digest>,
    /// What `docker logs` shows: the start that it belongs to, and the line.
    pub(super) output: Vec<(String, String)>,
}

impl FakeContainer {
    /// `ulimits` are the daemon's own, which every container gets.
    pub(super) fn created(
        spec: &ContainerSpec,
        image: &Digest,
        id: String,
        environment: &[String],
        ulimits: &[String],
    ) -> Self {
        let address = format!("OMS_HOST_IP={}", spec.host_ip);
        let mounts = spec.mounts.iter();
        let facts = ContainerFacts {
            id,
            image_id: image.clone(),
            image_reference: spec.image.reference.clone(),
            running: false,
            status: "created".to_owned(),
            exit_code: None,
            oom_killed: false,
            created: super::clock::text(),
            started: String::new(),
            environment: environment.iter().cloned().chain([address]).collect(),
            binds: mounts.map(|mount| format!("{}:{}", mount.host, mount.container)).collect(),
            network_mode: "host".to_owned(),
            privileged: true,
            pids_limit: Some(-1),
            ulimits: ulimits.iter().cloned().chain(["nproc=65535:65535".to_owned()]).collect(),
            tty: true,
            open_stdin: true,
            restart_policy: spec.restart_policy.clone().unwrap_or_else(|| "no".to_owned()),
            stale_mounts: Vec::new(),
            services: BTreeMap::new(),
            initialisation: InitFacts { state: InitState::CannotTell, proof: String::new(), last_step: 0 },
            health: None,
            config_inside: None,
            served_chain: Vec::new(),
        };
        Self {
            facts,
            pid: 0,
            init_flag: false,
            healthy_from: None,
            init_running: None,
            init_seen: false,
            initialises_itself: false,
            served_chain: Vec::new(),
            output: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, pid: u32) {
        self.facts.running = true;
        "running".clone_into(&mut self.facts.status);
        // Two starts never have the same time.
        self.facts.started = format!("{}{pid:06}Z", crate::clock::now().trim_end_matches('Z'));
        self.facts.exit_code = None;
        self.pid = pid;
    }

    /// nginx starts, in a container that runs.
    pub(super) fn start_nginx(&mut self, root: &Path) {
        let pem =
            self.source(root, CERTIFICATE).and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        let chain = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
        self.served_chain = chain.map(|certificate| Digest::of(&certificate)).collect();
    }

    pub(super) fn stop(&mut self, exit_code: i64) {
        self.facts.running = false;
        "exited".clone_into(&mut self.facts.status);
        self.facts.exit_code = Some(exit_code);
        self.pid = 0;
    }

    pub(super) fn is_healthy(&self) -> bool {
        let waits = self.healthy_from.is_some_and(|from| from > Instant::now());
        self.facts.running && self.init_flag && !waits
    }

    pub(super) fn shown(&self) -> Container {
        Container { facts: self.facts.clone(), pid: self.facts.running.then_some(self.pid) }
    }

    pub(super) fn services() -> BTreeMap<String, String> {
        SERVICES.iter().map(|name| ((*name).to_owned(), "RUNNING".to_owned())).collect()
    }

    /// Where the file or folder of this container path lies below the machine's root.
    pub(super) fn source(&self, root: &Path, inside: &str) -> Option<PathBuf> {
        let bind = self.facts.binds.iter().find_map(|bind| {
            let (source, target) = bind.split_once(':')?;
            (target == inside).then_some(source)
        })?;
        Some(root.join(bind.trim_start_matches('/')))
    }
}
