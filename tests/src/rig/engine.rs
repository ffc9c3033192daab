//! The machine's own Docker: found, installed or started, then asked by its command line.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::process::{Output, Program, is_installed};
use super::{RigError, packages, until};

const LOG: &str = "/var/log/omsctl-rig-dockerd.log";
const START_PATIENCE: Duration = Duration::from_mins(1);

/// What has to be done before Docker answers.
#[derive(Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    Start,
    InstallThenStart,
}

fn need(answers: bool, client_there: bool, daemon_there: bool) -> Need {
    match (answers, client_there && daemon_there) {
        (true, _) => Need::Nothing,
        (false, true) => Need::Start,
        (false, false) => Need::InstallThenStart,
    }
}

fn answers() -> bool {
    is_installed("docker") && docker(["version"]).is_ok_and(|output| output.success())
}

/// Makes the machine's Docker answer: engine missing, stopped or running.
pub(super) fn ensure(progress: fn(&str)) -> Result<(), RigError> {
    let found = need(answers(), is_installed("docker"), is_installed("dockerd"));
    if found == Need::Nothing {
        return Ok(());
    }
    if found == Need::InstallThenStart {
        packages::install(&["docker.io", "iptables", "ca-certificates"], progress)?;
    }
    // The package starts the daemon where systemd runs.
    if until("Docker answers", Duration::from_secs(2), || answers().then_some(())).is_ok() {
        return Ok(());
    }
    progress(&format!("starting dockerd in the background, log in {LOG}"));
    start()?;
    until(&format!("dockerd answers, see {LOG}"), START_PATIENCE, || answers().then_some(()))
}

fn start() -> Result<(), RigError> {
    if Path::new("/run/systemd/system").exists() {
        return Program::new("systemctl").args(["start", "docker"]).run().map(drop);
    }
    let path = Path::new(LOG);
    let log =
        fs::OpenOptions::new().create(true).append(true).open(path).map_err(RigError::file("write", path))?;
    let both = log.try_clone().map_err(RigError::file("write", path))?;
    // In a session of its own: it outlives this program and its terminal.
    Command::new("setsid")
        .arg("dockerd")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(both)
        .spawn()
        .map(drop)
        .map_err(|source| RigError::NotStarted { program: "dockerd".to_owned(), source })
}

/// Runs `docker` of this machine to its end, whatever its status.
pub(super) fn docker<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> Result<Output, RigError> {
    Program::new("docker").args(arguments).output()
}

/// Runs `docker`; another status than 0 is an error.
pub(super) fn docker_ok<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> Result<Output, RigError> {
    docker(arguments)?.ok()
}

/// One field of an object of Docker by a Go template; `None` when there is no such object.
pub(super) fn inspect(kind: &str, name: &str, template: &str) -> Result<Option<String>, RigError> {
    let output = docker([kind, "inspect", "--format", template, name])?;
    Ok(output.success().then(|| output.stdout.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn does_what_the_machine_lacks() {
        let check = |state: (bool, bool, bool), expected: Need| {
            assert_eq!(need(state.0, state.1, state.2), expected, "{state:?}");
        };
        check((true, true, true), Need::Nothing);
        // A remote engine by DOCKER_HOST has no daemon here.
        check((true, true, false), Need::Nothing);
        check((false, true, true), Need::Start);
        check((false, true, false), Need::InstallThenStart);
        check((false, false, false), Need::InstallThenStart);
    }
}
