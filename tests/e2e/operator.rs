//! An operator at a bastion: a folder with inventory and config.yaml, a home of their own, and the built `omsctl`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use system_tests::bastion;
use system_tests::rig::{HostLine, Rig};
use tempfile::TempDir;

use super::outcome::Outcome;
use super::running::Running;
use super::stage::{Stage, USUAL};

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
    pub(super) fn inventory(&self, rig: &Rig, hosts: &[HostLine], variables: &[(&str, &str)]) {
        let written = rig.write_inventory(hosts, variables).unwrap();
        fs::copy(written, self.path("inventory.ini")).unwrap();
    }

    /// Writes `config.yaml`.
    pub(super) fn config(&self, rig: &Rig, keys: &[(&str, &str)]) {
        let written = rig.write_config(keys).unwrap();
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
        self.start_with(arguments, environment).end()
    }

    /// Starts `omsctl` and leaves it running.
    pub(super) fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(arguments, &[])
    }

    fn start_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Running {
        let mut command = self.command(program());
        command.args(arguments).envs(environment.iter().copied());
        Running::start(format!("omsctl {}", arguments.join(" ")), command)
    }

    /// A program in the operator's folder and environment.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        bastion::command(program, self.folder.path())
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

/// The `omsctl` under test: `OMSCTL_BIN`, or the release build, brought up to date once.
pub(super) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| bastion::program().unwrap())
}
