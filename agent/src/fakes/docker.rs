//! Docker in memory: its state and how it changes. The answers to the port's questions are in `runtime.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use omsctl_proto::{ContainerSpec, Digest, ImageFacts, Secret, TsdbSpec};

use super::container::FakeContainer;
use super::influx::FakeInflux;
use super::initialisation::{InitScript, Run};
use super::judge::Judge;
use super::mysql::FakeDatabases;
use crate::ports::{ExecOutput, Helper, Inside, Look, RuntimeError};

const CONFIG: &str = "/home/admin/conf/config.yaml";
const LOGS: &str = "/home/admin/logs";

/// The state of the daemon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Daemon {
    #[default]
    Answers,
    /// The command is there, the daemon is not.
    Silent,
    /// There is no command.
    Missing,
}

/// An image; its archive is any bytes that the test says are it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeImage {
    pub facts: ImageFacts,
    /// As images from 4.2.11 on do.
    pub initialises_itself: bool,
}

/// Docker of one machine.
#[derive(Debug)]
pub struct FakeDocker {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) machine: String,
    pub(super) root: PathBuf,
    pub(super) judge: Judge,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    daemon: Daemon,
    pub(super) images: Vec<FakeImage>,
    pub(super) archives: BTreeMap<Digest, FakeImage>,
    /// The text of the configuration beside each image is what has to be shown for it.
    pub(super) registry: BTreeMap<String, (FakeImage, Option<String>)>,
    pub(super) containers: BTreeMap<String, FakeContainer>,
    script: InitScript,
    default_ulimits: Vec<String>,
    calls: Vec<String>,
    /// What the daemon does not do.
    refused: BTreeSet<String>,
    made: u32,
    databases: Arc<Mutex<FakeDatabases>>,
    pub(super) influx: FakeInflux,
}

impl State {
    /// The container of the time-series database, created and not started.
    pub(super) fn insert_tsdb(&mut self, spec: &TsdbSpec, image: &Digest) -> Result<String, String> {
        if self.containers.contains_key(&spec.container) {
            return Err(format!("Conflict. The container name \"/{}\" is already in use", spec.container));
        }
        self.made += 1;
        let id = Digest::of(format!("tsdb {}", self.made).as_bytes()).to_string();
        let as_oms = ContainerSpec {
            name: spec.container.clone(),
            image: spec.image.clone(),
            mounts: Vec::new(),
            host_ip: [127, 0, 0, 1].into(),
            restart_policy: spec.restart_policy.clone(),
            is_upgrade: false,
        };
        let mut container = FakeContainer::created(&as_oms, image, id.clone(), &[], &[]);
        container.facts.environment = spec.environment().into();
        container.facts.binds = vec![spec.bind()];
        self.containers.insert(spec.container.clone(), container);
        Ok(id)
    }
}

impl Shared {
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl FakeDocker {
    pub(super) fn new(machine: &str, root: PathBuf, judge: Judge) -> Self {
        Self {
            shared: Arc::new(Shared { machine: machine.to_owned(), root, judge, state: Mutex::default() }),
        }
    }

    pub fn set_daemon(&self, daemon: Daemon) {
        self.shared.change(|state| state.daemon = daemon);
    }

    /// These bytes are an archive of that image.
    pub fn knows_archive(&self, archive: &[u8], image: FakeImage) {
        self.shared.change(|state| state.archives.insert(Digest::of(archive), image));
    }

    /// That image can be pulled under this name.
    pub fn knows_registry(&self, reference: &str, image: FakeImage) {
        self.shared.change(|state| state.registry.insert(reference.to_owned(), (image, None)));
    }

    /// That image can be pulled under this name by whoever shows this `config.json`.
    pub fn knows_private_registry(&self, reference: &str, image: FakeImage, config: &str) {
        let entry = (image, Some(config.to_owned()));
        self.shared.change(|state| state.registry.insert(reference.to_owned(), entry));
    }

    pub fn add_image(&self, image: FakeImage) {
        self.shared.change(|state| state.images.push(image));
    }

    pub fn set_script(&self, script: InitScript) {
        self.shared.change(|state| state.script = script);
    }

    /// `default-ulimits` of the daemon's configuration: `name=soft:hard`.
    pub fn set_default_ulimits(&self, ulimits: &[&str]) {
        let ulimits = ulimits.iter().map(|limit| (*limit).to_owned()).collect();
        self.shared.change(|state| state.default_ulimits = ulimits);
    }

    /// From now on this verb fails.
    pub fn refuse(&self, verb: &str) {
        self.shared.change(|state| state.refused.insert(verb.to_owned()));
    }

    /// Those that programs in helpers reach, for all machines of a test.
    pub fn shares_databases(&self, databases: &Arc<Mutex<FakeDatabases>>) {
        self.shared.change(|state| state.databases = Arc::clone(databases));
    }

    pub(super) fn helps(&self, helper: &Helper) -> Result<ExecOutput, RuntimeError> {
        self.act("helper", &helper.program, |state| {
            if !state.images.iter().any(|image| image.facts.id.as_str() == helper.image) {
                return Err(format!("Unable to find image '{}' locally", helper.image));
            }
            Ok(state.databases.lock().unwrap_or_else(PoisonError::into_inner).answer(helper))
        })
    }

    /// Every call that changed something: verb and object.
    pub fn calls(&self) -> Vec<String> {
        self.shared.change(|state| state.calls.clone())
    }

    /// Stops every container, as a restart of the daemon without live-restore does.
    pub fn stop_all(&self) {
        let names: Vec<String> = self.shared.change(|state| state.containers.keys().cloned().collect());
        for name in names {
            self.halt(&name, 137);
        }
    }

    pub(super) fn healthy(&self) -> bool {
        self.shared.change(|state| state.containers.values().any(FakeContainer::is_healthy))
    }

    /// Of the container that runs; none does without TLS.
    pub(super) fn served_chain(&self) -> Option<Vec<Digest>> {
        let serves =
            |container: &&FakeContainer| container.facts.running && !container.served_chain.is_empty();
        self.shared.change(|state| Some(state.containers.values().find(serves)?.served_chain.clone()))
    }

    pub(super) fn answers(&self) -> Result<(), RuntimeError> {
        match self.shared.change(|state| state.daemon) {
            Daemon::Answers => Ok(()),
            Daemon::Silent => {
                Err(RuntimeError::Silent { words: "Cannot connect to the Docker daemon".into() })
            }
            Daemon::Missing => Err(RuntimeError::Missing { looked_in: "PATH".into() }),
        }
    }

    /// Checks that the daemon answers, notes the call, and changes the state.
    pub(super) fn act<T>(
        &self,
        verb: &str,
        object: &str,
        change: impl FnOnce(&mut State) -> Result<T, String>,
    ) -> Result<T, RuntimeError> {
        self.answers()?;
        self.shared
            .change(|state| {
                state.calls.push(format!("{verb} {object}"));
                if state.refused.contains(verb) {
                    return Err(format!("Error response from daemon: cannot {verb} container: {object}"));
                }
                change(state)
            })
            .map_err(|words| RuntimeError::Failed { verb: verb.to_owned(), words })
    }

    pub(super) fn halt(&self, name: &str, exit_code: i64) {
        let shared = &self.shared;
        shared.change(|state| {
            if let Some(container) = state.containers.get_mut(name) {
                if let Some(run) = container.init_running.take() {
                    run.abort();
                    shared.judge.interruption(&format!("{}/{name}", shared.machine));
                }
                if container.facts.running {
                    container.stop(exit_code);
                }
            }
        });
    }

    pub(super) fn begin(&self, name: &str) -> Result<(), String> {
        let itself = self.shared.change(|state| {
            state.made += 1;
            let pid = 1000 + state.made;
            let container = state.containers.get_mut(name).ok_or_else(|| absent(name))?;
            container.start(pid);
            container.start_nginx(&self.shared.root);
            Ok::<_, String>(container.initialises_itself && !container.init_flag)
        })?;
        if itself { self.initialise(name) } else { Ok(()) }
    }

    /// `bash /root/docker_init.sh`.
    pub(super) fn initialise(&self, name: &str) -> Result<(), String> {
        let shared = &self.shared;
        let who = format!("{}/{name}", shared.machine);
        shared.change(|state| {
            let script = state.script.clone();
            state.made += 1;
            let number = state.made;
            let container = state.containers.get_mut(name).ok_or_else(|| absent(name))?;
            if container.init_running.is_some() || container.init_flag {
                let when = if container.init_flag { "after a success" } else { "beside a running one" };
                shared.judge.offence(format!("{who}: a second docker_init.sh {when}"));
            }
            let logs = container.source(&shared.root, LOGS).ok_or("no logs folder is mounted")?;
            let log = logs.join(format!("docker_init.log.2026-01-04.10:42:{number:02}"));
            let run = Run { shared: Arc::clone(shared), container: name.to_owned(), who, log, script };
            container.init_seen = run.script.begins_after.is_zero();
            container.init_running = Some(tokio::spawn(run.go()).abort_handle());
            Ok(())
        })
    }

    pub(super) fn create(&self, spec: &ContainerSpec) -> Result<String, RuntimeError> {
        let root = self.shared.root.clone();
        let id = self.act("run", &spec.name, |state| {
            if state.containers.contains_key(&spec.name) {
                return Err(format!("Conflict. The container name \"/{}\" is already in use", spec.name));
            }
            let named = |image: &&FakeImage| image.facts.references.contains(&spec.image.reference);
            let image = state.images.iter().find(named).ok_or("Unable to find image")?.clone();
            for mount in &spec.mounts {
                let source = root.join(mount.host.trim_start_matches('/'));
                if !source.exists() {
                    // As Docker does, to everybody's surprise.
                    std::fs::create_dir_all(&source).map_err(|error| error.to_string())?;
                }
            }
            state.made += 1;
            let id = Digest::of(format!("{} {}", self.shared.machine, state.made).as_bytes()).to_string();
            let environment = ["PATH=/usr/bin:/bin".to_owned()];
            let ulimits = &state.default_ulimits;
            let mut container =
                FakeContainer::created(spec, &image.facts.id, id.clone(), &environment, ulimits);
            container.initialises_itself = image.initialises_itself;
            state.containers.insert(spec.name.clone(), container);
            Ok(id)
        })?;
        self.begin(&spec.name).map_err(|words| RuntimeError::Failed { verb: "run".into(), words })?;
        Ok(id)
    }

    pub(super) fn see(&self, name: &str, look: Look) -> Result<Inside, RuntimeError> {
        self.answers()?;
        let root = &self.shared.root;
        let seen = self.shared.change(|state| {
            let container = state.containers.get(name).filter(|container| container.facts.running)?;
            let path = container.source(root, CONFIG).filter(|_| look == Look::Everything);
            let config = path.and_then(|path| std::fs::read_to_string(path).ok());
            Some(Inside {
                init_flag: container.init_flag,
                init_process: container.init_running.is_some() && container.init_seen,
                services: if look == Look::Initialisation {
                    BTreeMap::new()
                } else {
                    FakeContainer::services()
                },
                config: config.map(Secret::new),
            })
        });
        seen.ok_or_else(|| RuntimeError::Failed {
            verb: "exec".into(),
            words: format!("Container {name} is not running"),
        })
    }

    pub(super) fn take(&self, image: FakeImage) {
        self.shared.change(|state| {
            for known in &mut state.images {
                known.facts.references.retain(|reference| !image.facts.references.contains(reference));
            }
            state.images.retain(|known| known.facts.id != image.facts.id);
            state.images.push(image);
        });
    }
}

pub(super) fn absent(name: &str) -> String {
    format!("No such container: {name}")
}

pub(super) fn ended(status: i32, stdout: &str) -> ExecOutput {
    ExecOutput { status: Some(status), stdout: stdout.to_owned(), stderr: String::new() }
}
