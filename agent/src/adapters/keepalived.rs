//! keepalived's program and processes. omsctl's own is known by the configuration file that it was started with; every
//! other one is only looked at.

use std::fs::{self, read_link, read_to_string};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::child::{Run, SMALL};
use super::{keepalived_other, proc_net, systemd};
use crate::ports::{ExecOutput, HostError, KeepalivedSeen};

const PLACES: [&str; 5] = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"];
/// In memory: a number that a process had before a reboot must not keep keepalived from starting.
pub(super) const RUNTIME: &str = "/run/omsctl-keepalived";
const STARTS_WITHIN: Duration = Duration::from_secs(10);
/// It gives its address up and tells its peers first.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// One process of keepalived in this machine's network.
struct Process {
    pid: u32,
    parent: u32,
    config: String,
}

pub(super) fn look(ours: &Path) -> KeepalivedSeen {
    let (own, others): (Vec<_>, Vec<_>) =
        processes().into_iter().partition(|process| Path::new(&process.config) == ours);
    KeepalivedSeen {
        program: program().map(|program| program.display().to_string()),
        processes: own.len(),
        running: parent_of(&own).is_some(),
        others: keepalived_other::read(others.iter().map(|other| (other.pid, other.config.as_str()))),
    }
}

/// Loads the configuration into the one that runs, or starts one.
pub(super) async fn run(config: &Path) -> Result<(), HostError> {
    let program = program().ok_or_else(|| failed("starting keepalived", &not_found()))?;
    test(&program, config).await?;
    let own = own(config);
    if systemd::runs() {
        systemd::keep_running(&arguments(&program, config)).await?;
    } else if let Some(parent) = parent_of(&own) {
        signal(parent, Signal::HUP).map_err(|error| failed("reloading keepalived", &error.to_string()))?;
    } else {
        // A parent that was killed leaves a child that is on its way out.
        end_processes(config).await?;
        start(&program, config).await?;
    }
    let runs = || parent_of(&self::own(config)).is_some();
    until(STARTS_WITHIN, runs).await.map_err(|()| {
        let why = format!("no process of it is there after {} s", STARTS_WITHIN.as_secs());
        failed(&format!("{} -f {}", program.display(), config.display()), &why)
    })
}

pub(super) async fn end(config: &Path) -> Result<(), HostError> {
    if systemd::runs() {
        systemd::forget().await?;
    }
    end_processes(config).await?;
    match fs::remove_dir_all(RUNTIME) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed(&format!("removing {RUNTIME}"), &error.to_string()))
        }
        _ => Ok(()),
    }
}

fn program() -> Option<PathBuf> {
    PLACES.map(|place| Path::new(place).join("keepalived")).into_iter().find(|path| path.is_file())
}

fn not_found() -> String {
    format!("there is no keepalived in {}", PLACES.join(", "))
}

fn arguments(program: &Path, config: &Path) -> Vec<String> {
    let mut words = vec![program.display().to_string()];
    // Only VRRP; files of its own, so that another keepalived of this host does not take it for itself.
    words.extend(["-P", "-f"].map(str::to_owned));
    words.push(config.display().to_string());
    for (option, file) in [("-p", "keepalived.pid"), ("-r", "vrrp.pid")] {
        words.extend([option.to_owned(), format!("{RUNTIME}/{file}")]);
    }
    words
}

/// Versions before 2.0 cannot test; they say in the system's log what they do not like.
async fn test(program: &Path, config: &Path) -> Result<(), HostError> {
    let arguments = vec!["-t".to_owned(), "-f".to_owned(), config.display().to_string()];
    let what = format!("{} {}", program.display(), arguments.join(" "));
    let output = output(program, arguments).await.map_err(|error| failed(&what, &error))?;
    let cannot = ["invalid option", "unrecognized option", "Unknown option"];
    if output.succeeded() || cannot.iter().any(|words| output.stderr.contains(words)) {
        Ok(())
    } else {
        Err(failed(&what, [output.stderr.trim(), output.stdout.trim()].join(" ").trim()))
    }
}

pub(super) async fn output(program: &Path, arguments: Vec<String>) -> Result<ExecOutput, String> {
    let limit = Some(Duration::from_secs(30));
    let run = Run { program, arguments, environment: Vec::new(), stdin: None, keep: SMALL, limit };
    run.output().await.map_err(|error| error.to_string())
}

/// It leaves this session by itself.
async fn start(program: &Path, config: &Path) -> Result<(), HostError> {
    let what = format!("starting {}", program.display());
    fs::create_dir_all(RUNTIME).map_err(|error| failed(&format!("making {RUNTIME}"), &error.to_string()))?;
    let mut words = arguments(program, config).into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir("/").env("LC_ALL", "C");
    // Its children would keep a pipe open for as long as they live.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match tokio::time::timeout(STARTS_WITHIN, command.status()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(failed(&what, &format!("{status}; the system's log says why"))),
        Ok(Err(error)) => Err(failed(&what, &error.to_string())),
        Err(_) => Err(failed(&what, "it does not go into the background")),
    }
}

/// Those that are left of it, the parent first, and the files by which it would be taken for running.
async fn end_processes(config: &Path) -> Result<(), HostError> {
    let what = "ending omsctl's keepalived";
    let own = own(config);
    let told =
        parent_of(&own).map_or_else(|| own.iter().map(|process| process.pid).collect(), |pid| vec![pid]);
    for pid in told {
        signal(pid, Signal::TERM).map_err(|error| failed(what, &error.to_string()))?;
    }
    until(ENDS_WITHIN, || self::own(config).is_empty())
        .await
        .map_err(|()| failed(what, &format!("it is still there after {} s", ENDS_WITHIN.as_secs())))?;
    for file in ["keepalived.pid", "vrrp.pid"] {
        // Most often it took them along.
        let _ = fs::remove_file(Path::new(RUNTIME).join(file));
    }
    Ok(())
}

async fn until(limit: Duration, is_so: impl Fn() -> bool) -> Result<(), ()> {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() >= limit {
            return Err(());
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

fn own(config: &Path) -> Vec<Process> {
    processes().into_iter().filter(|process| Path::new(&process.config) == config).collect()
}

/// The one that has the other as its child: only both together serve.
fn parent_of(processes: &[Process]) -> Option<u32> {
    let child = processes.iter().find(|child| processes.iter().any(|process| process.pid == child.parent))?;
    Some(child.parent)
}

/// A process that is gone by now heard enough.
fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    match kill_process(pid, signal) {
        Err(rustix::io::Errno::SRCH) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn processes() -> Vec<Process> {
    let network = read_link("/proc/self/ns/net").ok();
    let process = |folder: PathBuf| {
        let pid = folder.file_name()?.to_str()?.parse().ok()?;
        if read_to_string(folder.join("comm")).ok()?.trim() != "keepalived" {
            return None;
        }
        // One in a network of its own meets nobody here.
        if network.is_none() || read_link(folder.join("ns/net")).ok() != network {
            return None;
        }
        let words = fs::read(folder.join("cmdline")).ok()?;
        let words = String::from_utf8_lossy(&words).into_owned();
        let words: Vec<&str> = words.split('\0').collect();
        let status = read_to_string(folder.join("status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
        let ended = status.lines().any(|line| line.starts_with("State:") && line.contains('Z'));
        (!ended).then(|| Process { pid, parent, config: keepalived_other::config_of(&words) })
    };
    proc_net::processes().into_iter().filter_map(process).collect()
}

pub(super) fn failed(what: &str, why: &str) -> HostError {
    HostError::Mend { what: what.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32) -> Process {
        Process { pid, parent, config: String::new() }
    }

    #[test]
    fn it_runs_while_parent_and_child_do() {
        assert_eq!(parent_of(&[process(8, 7), process(7, 1)]), Some(7));
        assert_eq!(parent_of(&[process(8, 1)]), None, "the parent was killed");
        assert_eq!(parent_of(&[process(7, 1)]), None, "the child does not come up");
        assert_eq!(parent_of(&[]), None);
    }

    #[test]
    fn it_is_started_with_files_of_its_own() {
        let words =
            arguments(Path::new("/usr/sbin/keepalived"), Path::new("/var/lib/omsctl/keepalived/k.conf"));
        assert_eq!(
            words.join(" "),
            "/usr/sbin/keepalived -P -f /var/lib/omsctl/keepalived/k.conf \
             -p /run/omsctl-keepalived/keepalived.pid -r /run/omsctl-keepalived/vrrp.pid"
        );
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(keepalived_other::config_of(&words), "/var/lib/omsctl/keepalived/k.conf");
    }

    #[test]
    fn nothing_runs_with_a_file_that_nobody_has() {
        let seen = look(Path::new("/nowhere/keepalived.conf"));
        assert!(!seen.running && seen.processes == 0);
    }
}
