//! The agent binaries that lie beside `omsctl`, one an architecture: found, checked, read once.
//!
//! Nothing here talks to a host.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use omsctl_proto::Digest;

/// No agent is larger; a larger file is something else.
const MAX_SIZE: u64 = 256 << 20;

/// One agent, in memory, ready to be sent.
#[derive(Debug, Clone)]
pub struct AgentBinary {
    pub bytes: Bytes,
    /// SHA-256 of `bytes`: the agent's name on the hosts.
    pub digest: Digest,
}

/// Why there is no agent for an architecture.
#[derive(Debug, thiserror::Error)]
pub enum AgentBinaryError {
    #[error("omsctl knows no {arch} machines; it has agents for x86_64 and aarch64")]
    UnknownArchitecture { arch: String },
    #[error("none of {} is there", list(.looked_in))]
    Missing { looked_in: Vec<PathBuf> },
    #[error("{} is not a program for {arch}: {found}", .file.display())]
    WrongFile { file: PathBuf, arch: String, found: String },
    #[error("{} cannot be read", .file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The folder with the agents, and those that were read already.
#[derive(Debug)]
pub struct AgentBinaries {
    folder: PathBuf,
    read: Mutex<HashMap<PathBuf, AgentBinary>>,
}

impl AgentBinaries {
    /// Looks in `folder`.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Arc<Self> {
        Arc::new(Self { folder: folder.into(), read: Mutex::default() })
    }

    /// Looks beside the running program.
    pub fn beside_this_program() -> io::Result<Arc<Self>> {
        let program = std::env::current_exe()?;
        Ok(Self::in_folder(program.parent().unwrap_or(Path::new("."))))
    }

    /// The agent for the architecture, by the name that `uname -m` gives it. Reads the disk the first time.
    pub fn for_architecture(&self, arch: &str) -> Result<AgentBinary, AgentBinaryError> {
        let machine = elf_machine(arch)
            .ok_or_else(|| AgentBinaryError::UnknownArchitecture { arch: arch.chars().take(40).collect() })?;
        let mut looked_in = vec![self.folder.join(format!("omsctl-agent-{}", canonical(arch)))];
        if canonical(arch) == std::env::consts::ARCH {
            // What `cargo build` leaves.
            looked_in.push(self.folder.join("omsctl-agent"));
        }
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        for file in &looked_in {
            if let Some(known) = read.get(file) {
                return Ok(known.clone());
            }
            match load(file, arch, machine) {
                Ok(binary) => {
                    read.insert(file.clone(), binary.clone());
                    return Ok(binary);
                }
                Err(AgentBinaryError::Unreadable { source, .. })
                    if source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Err(AgentBinaryError::Missing { looked_in })
    }

    /// The agent that most hosts will want: this machine's own architecture.
    pub fn likely(&self) -> Option<AgentBinary> {
        self.for_architecture(std::env::consts::ARCH).ok()
    }
}

fn load(file: &Path, arch: &str, machine: u16) -> Result<AgentBinary, AgentBinaryError> {
    let unreadable = |source| AgentBinaryError::Unreadable { file: file.to_owned(), source };
    let size = std::fs::metadata(file).map_err(unreadable)?.len();
    let wrong =
        |found: String| AgentBinaryError::WrongFile { file: file.to_owned(), arch: arch.to_owned(), found };
    if size > MAX_SIZE {
        return Err(wrong(format!("{size} bytes are too many")));
    }
    let bytes = Bytes::from(std::fs::read(file).map_err(unreadable)?);
    match elf_machine_of(&bytes) {
        Some(found) if found == machine => Ok(AgentBinary { digest: Digest::of(&bytes), bytes }),
        Some(found) => Err(wrong(format!("its ELF machine is {found}, not {machine}"))),
        None => Err(wrong("it is no little-endian 64-bit ELF file".to_owned())),
    }
}

/// `e_machine` of the ELF header, when this is a little-endian 64-bit ELF file.
fn elf_machine_of(bytes: &[u8]) -> Option<u16> {
    let header = bytes.get(..20)?;
    (header.starts_with(b"\x7fELF\x02\x01")).then(|| u16::from_le_bytes([header[18], header[19]]))
}

fn elf_machine(arch: &str) -> Option<u16> {
    match canonical(arch) {
        "x86_64" => Some(62),
        "aarch64" => Some(183),
        _ => None,
    }
}

fn canonical(arch: &str) -> &str {
    match arch {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    }
}

fn list(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u16) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(18, 0);
        bytes.extend(machine.to_le_bytes());
        bytes.extend(b"the rest");
        bytes
    }

    #[test]
    fn the_architecture_chooses_the_file_and_the_header_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("omsctl-agent-x86_64"), elf(62)).unwrap();
        std::fs::write(folder.path().join("omsctl-agent-aarch64"), elf(62)).unwrap();
        let agents = AgentBinaries::in_folder(folder.path());
        let found = agents.for_architecture("amd64").unwrap();
        assert_eq!(found.digest, Digest::of(&elf(62)));
        let wrong = agents.for_architecture("aarch64").unwrap_err().to_string();
        assert!(
            wrong.contains("omsctl-agent-aarch64") && wrong.contains("ELF machine is 62, not 183"),
            "{wrong}"
        );
        let unknown = agents.for_architecture("mips").unwrap_err().to_string();
        assert!(unknown.contains("knows no mips"), "{unknown}");
    }

    #[test]
    fn a_missing_agent_says_where_it_was_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let agents = AgentBinaries::in_folder(folder.path());
        let missing = agents.for_architecture("aarch64").unwrap_err().to_string();
        assert!(
            missing.contains(&folder.path().join("omsctl-agent-aarch64").display().to_string()),
            "{missing}"
        );
    }

    #[test]
    fn the_plain_name_serves_our_own_architecture() {
        let folder = tempfile::tempdir().unwrap();
        let machine = elf_machine(std::env::consts::ARCH).unwrap();
        std::fs::write(folder.path().join("omsctl-agent"), elf(machine)).unwrap();
        assert!(AgentBinaries::in_folder(folder.path()).likely().is_some());
    }
}
