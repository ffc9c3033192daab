//! What a run leaves on its host: `STATE/runs/RUN` survives a reboot and holds no secret of the operator's, `RUNTIME/RUN`
//! lies in memory and holds nothing else.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use omsctl_proto::{Claim, FingerprintKey, NodePlan, Operator, RunId, Secret, SecretName, WireSecret};
use serde::{Deserialize, Serialize};

use crate::private_file;
use crate::world::Places;

const LARGEST_FILE: u64 = 8 * 1024 * 1024;

/// The folders of one run.
#[derive(Debug, Clone)]
pub(crate) struct RunFolder {
    pub(crate) run: RunId,
    kept: PathBuf,
    in_memory: PathBuf,
}

/// Why a run was begun and by whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    pub(crate) plan: NodePlan,
    pub(crate) operator: Operator,
    /// RFC 3339, this host's clock.
    pub(crate) started: String,
    /// Of the controller that began it.
    pub(crate) claim: Claim,
}

/// The folder of a configuration of Docker's command.
#[derive(Debug)]
pub(crate) struct DockerConfig(PathBuf);

impl DockerConfig {
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for DockerConfig {
    fn drop(&mut self) {
        // What stays goes with the secrets of the run, where a failure is told.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl RunFolder {
    pub(crate) fn new(places: &Places, run: &RunId) -> Self {
        Self {
            run: run.clone(),
            kept: places.state.join("runs").join(run.as_str()),
            in_memory: places.runtime.join(run.as_str()),
        }
    }

    /// Every run that left its folder, oldest first.
    pub(crate) fn all(places: &Places) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir(places.state.join("runs")) else { return Vec::new() };
        let mut runs: Vec<RunId> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| RunId::new(entry.file_name().into_string().ok()?).ok())
            .collect();
        runs.sort();
        runs.iter().map(|run| Self::new(places, run)).collect()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.kept.join("events.jsonl")
    }

    /// What the daemon has to say when nobody listens any more.
    pub(crate) fn log(&self) -> PathBuf {
        self.kept.join("agent.log")
    }

    pub(crate) fn exists(&self) -> bool {
        self.record_path().is_file()
    }

    /// The record goes last: a run that has one is whole.
    pub(crate) fn create(&self, record: &RunRecord, key: &FingerprintKey) -> io::Result<()> {
        private_file::make_folder(&self.kept)?;
        private_file::write(&self.key_path(), &<[u8; 32]>::from(key.clone()))?;
        let text = serde_json::to_vec(record).map_err(io::Error::other)?;
        private_file::write(&self.record_path(), &text)
    }

    pub(crate) fn record(&self) -> io::Result<RunRecord> {
        let text = private_file::read(&self.record_path(), LARGEST_FILE)?;
        serde_json::from_slice(&text).map_err(io::Error::other)
    }

    /// Keeps what the run may know in memory, until its terminal event.
    pub(crate) fn put_secrets(&self, secrets: &BTreeMap<SecretName, WireSecret>) -> io::Result<()> {
        let folder = self.secrets_path();
        private_file::make_folder(&self.in_memory)?;
        private_file::make_folder(&folder)?;
        for (name, secret) in secrets {
            private_file::write(&folder.join(name.as_str()), secret.0.expose().as_bytes())?;
        }
        Ok(())
    }

    pub(crate) fn has_secrets(&self) -> bool {
        self.secrets_path().is_dir()
    }

    pub(crate) fn secret(&self, name: &SecretName) -> io::Result<Secret> {
        let bytes = private_file::read(&self.secret_file(name), LARGEST_FILE)?;
        String::from_utf8(bytes).map(Secret::new).map_err(io::Error::other)
    }

    /// Where the secret lies, for programs that read it from a file.
    pub(crate) fn secret_file(&self, name: &SecretName) -> PathBuf {
        self.secrets_path().join(name.as_str())
    }

    /// A configuration of Docker's command, in memory, for as long as the value lives.
    pub(crate) fn docker_config(&self, config: &Secret) -> io::Result<DockerConfig> {
        self.forget_docker_config()?;
        let folder = DockerConfig(self.docker_config_path());
        private_file::make_folder(&folder.0)?;
        private_file::write(&folder.0.join("config.json"), config.expose().as_bytes())?;
        Ok(folder)
    }

    /// What an agent that was killed left of it.
    pub(crate) fn forget_docker_config(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(self.docker_config_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(crate) fn key(&self) -> io::Result<FingerprintKey> {
        let bytes = private_file::read(&self.key_path(), 32)?;
        let bytes: [u8; 32] =
            bytes.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not 32 bytes"))?;
        Ok(FingerprintKey::new(bytes))
    }

    /// The key goes with them: what was compared under it is compared no more.
    pub(crate) fn forget_secrets(&self) -> io::Result<()> {
        for gone in [std::fs::remove_dir_all(&self.in_memory), std::fs::remove_file(self.key_path())] {
            match gone {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Bytes on disk.
    pub(crate) fn size(&self) -> u64 {
        let Ok(entries) = std::fs::read_dir(&self.kept) else { return 0 };
        entries.filter_map(Result::ok).filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        self.forget_secrets()?;
        std::fs::remove_dir_all(&self.kept)
    }

    fn record_path(&self) -> PathBuf {
        self.kept.join("plan.json")
    }

    fn secrets_path(&self) -> PathBuf {
        self.in_memory.join("secrets")
    }

    fn docker_config_path(&self) -> PathBuf {
        self.in_memory.join("docker")
    }

    /// On disk, so that a controller that carries the run on after a reboot can make the same fingerprints again.
    fn key_path(&self) -> PathBuf {
        self.kept.join("key")
    }
}
