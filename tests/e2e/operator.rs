//! An operator at a bastion: a folder with inventory and config.yaml, a home of their own, and the built `omsctl`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use system_tests::rig::{HostLine, until};
use system_tests::{prepare, steps};
use tempfile::TempDir;

use super::outcome::Outcome;
use super::stage::{Stage, USUAL};

/// A call that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(4);

/// The operator and their files.
pub(super) struct Operator {
    folder: TempDir,
}

impl Operator {
    /// With the usual files: three hosts, the manual's config.yaml.
    pub(super) fn new(stage: &Stage) -> Self {
        let operator = Self::without_files();
        operator.inventory(stage, &stage.host_lines(USUAL), &[]);
        operator.config(stage, &[]);
        operator
    }

    /// In an empty folder.
    pub(super) fn without_files() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    /// Writes `inventory.ini`.
    pub(super) fn inventory(&self, stage: &Stage, hosts: &[HostLine], variables: &[(&str, &str)]) {
        let written = stage.write_inventory(hosts, variables).unwrap();
        fs::copy(written, self.path("inventory.ini")).unwrap();
    }

    /// Writes `config.yaml`.
    pub(super) fn config(&self, stage: &Stage, keys: &[(&str, &str)]) {
        let written = stage.write_config(keys).unwrap();
        fs::copy(written, self.path("config.yaml")).unwrap();
    }

    /// Writes a file of the operator's folder.
    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).display().to_string()
    }

    /// A path in the operator's folder, which is the working folder of every call.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The home, with history and known hosts.
    pub(super) fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Runs `omsctl` to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[])
    }

    /// [`Operator::run`] with variables of the environment.
    pub(super) fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
        let line = format!("omsctl {}", arguments.join(" "));
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", self.home())
            .env("XDG_STATE_HOME", self.path("home/state"))
            .env("LC_ALL", "C.UTF-8");
        command.envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let stdout = reader(child.stdout.take().unwrap());
        let stderr = reader(child.stderr.take().unwrap());
        let ended = until(&line, PATIENCE, || child.try_wait().unwrap());
        let took = began.elapsed();
        if ended.is_err() {
            child.kill().unwrap();
        }
        let code = ended.as_ref().ok().and_then(std::process::ExitStatus::code).unwrap_or(-1);
        let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
        steps::say(&format!("  $ {line} → {code} ({:.1} s)", took.as_secs_f64()));
        let outcome = Outcome { line, code, stdout, stderr, took };
        if ended.is_err() {
            outcome.fail("it does not end");
        }
        outcome
    }

    /// `apply` without a question, with the document as its result.
    pub(super) fn apply(&self) -> Outcome {
        self.run(&["apply", "--yes", "--format", "json"])
    }

    /// `plan` as a document.
    pub(super) fn plan(&self) -> Outcome {
        self.run(&["plan", "--format", "json"])
    }

    /// `check` as a document.
    pub(super) fn check(&self) -> Outcome {
        self.run(&["check", "--format", "json"])
    }
}

fn reader(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).expect("omsctl writes UTF-8")
    })
}

/// The `omsctl` under test: `OMSCTL_BIN`, or the release build, brought up to date once.
pub(super) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(given) = std::env::var_os("OMSCTL_BIN") {
            return PathBuf::from(given);
        }
        prepare::build_release().unwrap();
        steps::release_folder().join("omsctl")
    })
}
