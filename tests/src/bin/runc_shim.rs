//! An OCI runtime for the rig's hosts: takes capabilities that the machine has not out of what Docker asks for, then
//! becomes `runc`. Without it `docker run --privileged` fails in a container whose bounding set is not full.
//! It may do nothing else: every other argument and file passes untouched.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::Value;

const RUNTIME: &str = "/usr/sbin/runc";

/// Capabilities in the order of their bits, see `capabilities(7)`.
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// What the arguments name: the bundle of `create` and `run`, the process file of `exec`.
#[derive(Debug, PartialEq, Eq)]
enum Document {
    Bundle(PathBuf),
    Process(PathBuf),
}

fn documents(arguments: &[OsString]) -> Vec<Document> {
    let mut found = Vec::new();
    let mut rest = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = rest.next() {
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument.into_owned(), None),
        };
        let make: fn(PathBuf) -> Document = match name.as_str() {
            "--bundle" | "-b" => Document::Bundle,
            "--process" | "-p" => Document::Process,
            _ => continue,
        };
        if let Some(value) = inline.or_else(|| rest.next().map(std::borrow::Cow::into_owned)) {
            found.push(make(PathBuf::from(value)));
        }
    }
    found
}

fn is_allowed(name: &str, bounding: u64) -> bool {
    let bare = name.strip_prefix("CAP_").unwrap_or(name);
    CAPABILITIES.iter().position(|known| *known == bare).is_some_and(|bit| bounding >> bit & 1 == 1)
}

/// Removes from `capabilities` of an OCI process what is not in the bounding set.
fn restrict(process: &mut Value, bounding: u64) {
    let Some(sets) = process.get_mut("capabilities").and_then(Value::as_object_mut) else { return };
    for set in sets.values_mut() {
        if let Some(names) = set.as_array_mut() {
            names.retain(|name| name.as_str().is_some_and(|name| is_allowed(name, bounding)));
        }
    }
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Value)) -> Result<(), Box<dyn Error>> {
    let mut document: Value = serde_json::from_slice(&fs::read(path)?)?;
    change(&mut document);
    fs::write(path, serde_json::to_vec(&document)?)?;
    Ok(())
}

fn bounding_set() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).ok_or("no CapBnd in status")?;
    Ok(u64::from_str_radix(line.trim(), 16)?)
}

fn prepare(arguments: &[OsString]) -> Result<(), Box<dyn Error>> {
    let bounding = bounding_set()?;
    for document in documents(arguments) {
        match document {
            Document::Bundle(bundle) => rewrite(&bundle.join("config.json"), |config| {
                if let Some(process) = config.get_mut("process") {
                    restrict(process, bounding);
                }
            })?,
            Document::Process(file) => rewrite(&file, |process| restrict(process, bounding))?,
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    // What cannot be prepared is runc's to complain about: it sees the same files.
    let _ = prepare(&arguments);
    // Comes back only when runc cannot be executed at all.
    let _ = Command::new(RUNTIME).args(&arguments).exec();
    ExitCode::from(127)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn finds_what_the_runtime_is_given() {
        let check =
            |line: &str, expected: Vec<Document>| assert_eq!(documents(&arguments(line)), expected, "{line}");
        check("--root /r create --bundle /b --pid-file /p ID", vec![Document::Bundle("/b".into())]);
        check("run -b /b ID", vec![Document::Bundle("/b".into())]);
        check("exec --process=/tmp/p --detach ID", vec![Document::Process("/tmp/p".into())]);
        check("kill ID 9", Vec::new());
    }

    #[test]
    fn keeps_only_what_the_bounding_set_has() {
        let mut process = serde_json::json!({"capabilities": {
            "bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_FROM_THE_FUTURE"], "effective": ["CAP_SYS_RESOURCE"]
        }});
        restrict(&mut process, 0x1ff_feff_ffff);
        let expected = serde_json::json!({"capabilities": {"bounding": ["CAP_CHOWN"], "effective": []}});
        assert_eq!(process, expected);
    }
}
