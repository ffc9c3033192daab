//! The container runtime as the actions need it. Calls either answer or fail with the runtime's own words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use omsctl_proto::{
    ContainerFacts, ContainerSpec, Digest, ErrorCode, ErrorReport, ImageFacts, OtherContainer, Secret,
    TsdbSpec,
};
use tokio::io::AsyncRead;

/// Bytes that a runtime reads to their end.
pub type ByteSource = Box<dyn AsyncRead + Send + Unpin>;

/// Docker, or what behaves like it.
pub trait ContainerRuntime: Send + Sync {
    fn engine(&self) -> BoxFuture<'_, Result<Engine, RuntimeError>>;

    /// Every image of the host.
    fn images(&self) -> BoxFuture<'_, Result<Vec<ImageFacts>, RuntimeError>>;

    /// The image with this name, `None` when there is none.
    fn image<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<EngineImage>, RuntimeError>>;

    /// `docker load`; returns what it printed. The source's end is the archive's end, an error of the source breaks
    /// the load off.
    fn load(&self, archive: ByteSource) -> BoxFuture<'_, Result<String, RuntimeError>>;

    /// `docker pull`, with the log-ins of this folder's `config.json` or else those of the host's root.
    fn pull<'a>(
        &'a self,
        reference: &'a str,
        config: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<(), RuntimeError>>;

    fn tag<'a>(&'a self, image: &'a Digest, reference: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>>;

    /// The container of exactly this name.
    fn container<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Container>, RuntimeError>>;

    /// Everything that the runtime tells of the container, as it tells it: JSON.
    fn inspection<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, RuntimeError>>;

    /// Every container that mounts what OMS's manual mounts, whatever its name.
    fn containers_like_oms(&self) -> BoxFuture<'_, Result<Vec<OtherContainer>, RuntimeError>>;

    /// `docker run` with the arguments of the OMS manual; returns the container's id.
    fn run<'a>(&'a self, spec: &'a ContainerSpec) -> BoxFuture<'a, Result<String, RuntimeError>>;

    /// `docker run` of the time-series database; returns the container's id.
    fn run_tsdb<'a>(&'a self, spec: &'a TsdbSpec) -> BoxFuture<'a, Result<String, RuntimeError>>;

    fn start<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>>;

    fn stop<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>>;

    fn restart<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>>;

    /// `docker rm` of a stopped container; images and volumes stay.
    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>>;

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>>;

    /// Runs a program in the container, work folder `/root`, and waits for it.
    fn exec<'a>(
        &'a self,
        name: &'a str,
        arguments: &'a [&'a str],
    ) -> BoxFuture<'a, Result<ExecOutput, RuntimeError>>;

    /// Runs a program of an image in a container of its own, which ends with it. One of its name that an earlier agent
    /// left goes first.
    fn helper<'a>(&'a self, helper: &'a Helper) -> BoxFuture<'a, Result<ExecOutput, RuntimeError>>;

    /// Starts a program in the container, work folder `/root`, and leaves it to the container.
    fn exec_detached<'a>(
        &'a self,
        name: &'a str,
        arguments: &'a [&'a str],
    ) -> BoxFuture<'a, Result<(), RuntimeError>>;

    /// Looks into a running container with one process.
    fn inside<'a>(&'a self, name: &'a str, look: Look) -> BoxFuture<'a, Result<Inside, RuntimeError>>;

    /// The last lines of the container's own output, of all its starts or since this one.
    fn logs<'a>(
        &'a self,
        name: &'a str,
        lines: u32,
        since: Since<'a>,
    ) -> BoxFuture<'a, Result<String, RuntimeError>>;
}

/// A program that is run beside OMS's container, with the host's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    pub name: String,
    /// By its id in the host's store.
    pub image: String,
    pub program: String,
    pub arguments: Vec<String>,
    pub mounts: Vec<HelperMount>,
}

/// What a helper sees of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperMount {
    pub host: PathBuf,
    pub inside: String,
    pub writable: bool,
}

/// What the runtime says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    pub server_version: String,
    pub root_directory: String,
    pub storage_driver: String,
    pub containerd_store: bool,
}

/// One image as the runtime knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineImage {
    pub id: Digest,
    pub layers: Vec<Digest>,
    pub architecture: String,
}

/// One container with what only its host can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Without what is seen inside: services, initialisation, health, stale mounts.
    pub facts: ContainerFacts,
    /// Its first process as the host sees it; `None` when it does not run.
    pub pid: Option<u32>,
}

/// How far back [`ContainerRuntime::logs`] looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since<'a> {
    Creation,
    /// A container's `started`, as the runtime gave it.
    Start(&'a str),
}

/// How much [`ContainerRuntime::inside`] looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Signs of the initialisation only; cheap enough to ask every second.
    Initialisation,
    /// Also the services.
    Services,
    /// Also OMS's `config.yaml`.
    Everything,
}

/// What is seen in a running container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inside {
    /// `/root/init_flag.txt` is not empty.
    pub init_flag: bool,
    /// A process of `docker_init.sh` is there.
    pub init_process: bool,
    /// supervisord's programs and their states; empty when it does not answer.
    pub services: BTreeMap<String, String>,
    /// `/home/admin/conf/config.yaml`; only with [`Look::Everything`].
    pub config: Option<Secret>,
}

/// A program that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// `None` when a signal ended it.
    pub status: Option<i32>,
    /// Its first 64 KiB.
    pub stdout: String,
    /// Its last 64 KiB.
    pub stderr: String,
}

impl ExecOutput {
    pub fn succeeded(&self) -> bool {
        self.status == Some(0)
    }
}

/// Why the container runtime did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("there is no docker command; looked in {looked_in}")]
    Missing { looked_in: String },
    #[error("Docker does not answer: {words}")]
    Silent { words: String },
    #[error("`docker {verb}` failed: {words}")]
    Failed { verb: String, words: String },
    #[error("`docker {verb}` did not end within {seconds} s")]
    TimedOut { verb: String, seconds: u64 },
    #[error("`docker {verb}` answered something that is not understood")]
    Malformed {
        verb: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("`docker {verb}` could not be run")]
    Process {
        verb: String,
        #[source]
        source: std::io::Error,
    },
}

impl RuntimeError {
    /// For the operator; `what` says what was being done.
    pub fn report(&self, code: ErrorCode, what: &str) -> ErrorReport {
        let inner = ErrorReport::from_error(code, self);
        let mut report = ErrorReport::new(code, what).cause(inner.message);
        report.causes.extend(inner.causes);
        match self {
            Self::Missing { .. } | Self::Silent { .. } => {
                report.code = ErrorCode::Docker;
                report.hint("Start Docker on this host (`systemctl start docker`) and run the command again.")
            }
            Self::Failed { .. } | Self::TimedOut { .. } | Self::Malformed { .. } | Self::Process { .. } => {
                report
            }
        }
    }
}
