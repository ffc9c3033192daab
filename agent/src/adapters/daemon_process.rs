//! Starts the daemon of a run as a process that outlives the SSH session it was asked for in.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use std::path::Path;
use std::process::Stdio;

use omsctl_proto::RunId;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

/// Under systemd a scope of its own, so that the end of the SSH session's scope does not take the daemon along.
/// What the daemon prints goes to `log`.
pub(crate) fn start(program: &Path, run: &RunId, log: &Path) -> io::Result<()> {
    if Path::new("/run/systemd/system").is_dir() {
        let mut command = Command::new("systemd-run");
        command.args(["--scope", "--quiet", "--collect"]).arg(program);
        match detach(command, run, log) {
            // systemd without its tools: its own session has to do.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            ended => return ended,
        }
    }
    detach(Command::new(program), run, log)
}

fn detach(mut command: Command, run: &RunId, log: &Path) -> io::Result<()> {
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(log)?;
    command
        .args(["serve", run.as_str()])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map(drop)
}

/// Asks an agent's session to end. Another program that has its number by now is left alone.
pub(crate) fn terminate(session: u32) -> io::Result<()> {
    let name = std::fs::read_to_string(format!("/proc/{session}/comm")).unwrap_or_default();
    let pid = i32::try_from(session).ok().and_then(Pid::from_raw);
    let Some(pid) = pid.filter(|_| name.trim_end() == "omsctl-agent") else { return Ok(()) };
    match kill_process(pid, Signal::TERM) {
        Err(Errno::SRCH) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
