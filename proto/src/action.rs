//! The closed list of what an agent can do to its host. Data only: a plan can be printed, compared, stored, sent.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Digest, Door, DumpSpec, Fingerprint, RunId, SecretName, StepId, TsdbSpec, VirtualIpSpec, WantedHealth,
};

/// One thing to make true on a host. Every action looks first, acts only when what it finds differs, and proves the
/// result; doing it twice is the same as doing it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// The directories that are mounted into the container. Missing parents are made; modes are 0755, since OMS runs
    /// as several users inside.
    MakeDirectories { paths: Vec<String> },
    /// Certificate and key, mode 0600 for keys and 0644 for certificates; written in place, since the files are
    /// mounted singly.
    WriteCertificates { files: Vec<SecretFile> },
    /// OMS's `config.yaml`, mode 0600, written in place (same inode). The former text stays beside it
    /// ([`former_path`]) until the new one was read back, inside the container when that runs, or for longer as
    /// `former` says.
    WriteConfig { file: SecretFile, container: Option<String>, former: FormerText },
    /// The image, by archive or by pull.
    LoadImage { image: WantedImage, origin: ImageOrigin },
    /// The container, created and started. An existing one of that name is stopped and renamed to
    /// `set_aside` first; without `set_aside` an existing one is a failure.
    CreateContainer { container: ContainerSpec, set_aside: Option<String> },
    /// Starts a stopped container.
    StartContainer { name: String },
    /// Stops a container and leaves it there; under the name of `set_aside`, when it shall never be started again.
    StopContainer {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        set_aside: Option<String>,
    },
    /// The container `aside` gets its name back and is started.
    RestoreContainer { name: String, aside: String },
    /// The databases lie on the host as files, proved whole.
    DumpDatabases { dump: DumpSpec },
    /// The databases are made anew from the dump of that run, with the log-in that is named.
    RestoreDatabases { run: RunId, login: SecretName },
    /// Stops and removes containers of OMS, with everything that was written in them beside their mounts.
    RemoveContainers { names: Vec<String> },
    /// Removes these files and folders with all that is in them, each only when omsctl's own marker says that omsctl made
    /// it; then the folders above them that omsctl made, when nothing is left in them.
    RemoveData { paths: Vec<String> },
    /// Stops and starts a container: one whose bind mounts are stale, or that still runs since `started`
    /// ([`crate::ContainerFacts::started`], as the plan saw it).
    RestartContainer { name: String, started: String },
    /// Waits until every one of OMS's programs runs (OMS manual; `research/oms.md` 4.5).
    AwaitServices { container: String },
    /// OMS's initialisation; passes the schema step while it holds [`crate::Gate::Schema`].
    Initialise { container: String, by: Initialiser, logs: String },
    /// After a changed `config.yaml`: writes the components' files and restarts the two services that read them
    /// (`research/oms.md` 2.4); with `log_in` every service that logs in to the MetaDB, which is one more. Then the former
    /// text of `config_file` goes.
    ReloadConfig {
        container: String,
        config_file: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        log_in: bool,
    },
    /// nginx serves this certificate, told by the SHA-256 of each one in the chain, its own first: with another one it is
    /// restarted, since it reads the file only then.
    ServeCertificate { container: String, port: u16, chain: Vec<Digest> },
    /// keepalived serves the address on this host: configured, running, and the address answers.
    ServeVirtualIp { virtual_ip: VirtualIpSpec },
    /// omsctl's own keepalived ends, and its configuration goes.
    WithdrawVirtualIp,
    /// The image of the time-series database, by archive or by pull.
    LoadTsdbImage { image: WantedImage, origin: ImageOrigin },
    /// The time-series database runs in its container, lets its user in, and gives back what was written. A container of
    /// that name that differs is stopped and renamed to `set_aside` first.
    ServeTsdb { tsdb: TsdbSpec, set_aside: String },
    /// Waits until OMS says that it is healthy.
    AwaitHealthy { container: String, health: WantedHealth },
}

impl Action {
    /// The step that this action is shown as.
    pub fn step(&self) -> StepId {
        match self {
            Self::MakeDirectories { .. } => StepId::MakeDirectories,
            Self::WriteCertificates { .. } => StepId::WriteCertificates,
            Self::WriteConfig { .. } => StepId::WriteConfig,
            Self::LoadImage { .. } => StepId::LoadImage,
            Self::CreateContainer { set_aside: None, .. } => StepId::CreateContainer,
            Self::CreateContainer { set_aside: Some(_), .. } => StepId::ReplaceContainer,
            Self::StartContainer { .. } => StepId::StartContainer,
            Self::StopContainer { .. } => StepId::StopContainer,
            Self::RestoreContainer { .. } => StepId::RestoreContainer,
            Self::DumpDatabases { .. } => StepId::DumpDatabases,
            Self::RestoreDatabases { .. } => StepId::RestoreDatabases,
            Self::RemoveContainers { .. } => StepId::RemoveContainers,
            Self::RemoveData { .. } => StepId::RemoveData,
            Self::RestartContainer { .. } => StepId::RestartContainer,
            Self::AwaitServices { .. } => StepId::AwaitServices,
            Self::Initialise { .. } => StepId::Initialise,
            Self::ReloadConfig { .. } => StepId::ReloadConfig,
            Self::ServeCertificate { .. } => StepId::ServeCertificate,
            Self::ServeVirtualIp { .. } => StepId::ServeVirtualIp,
            Self::WithdrawVirtualIp => StepId::WithdrawVirtualIp,
            Self::LoadTsdbImage { .. } => StepId::LoadTsdbImage,
            Self::ServeTsdb { .. } => StepId::ServeTsdb,
            Self::AwaitHealthy { .. } => StepId::AwaitHealthy,
        }
    }
}

impl Action {
    /// The names of what it needs and the plan does not hold.
    pub fn secrets(&self) -> Vec<&SecretName> {
        match self {
            Self::WriteCertificates { files } => files.iter().map(|file| &file.content).collect(),
            Self::WriteConfig { file, .. } => vec![&file.content],
            Self::LoadImage { origin: ImageOrigin::Pull { credentials }, .. }
            | Self::LoadTsdbImage { origin: ImageOrigin::Pull { credentials }, .. } => {
                credentials.iter().collect()
            }
            Self::ServeTsdb { tsdb, .. } => vec![&tsdb.password],
            Self::DumpDatabases { dump } => vec![&dump.login],
            Self::RestoreDatabases { login, .. } => vec![login],
            Self::MakeDirectories { .. }
            | Self::LoadImage { origin: ImageOrigin::Archive { .. }, .. }
            | Self::LoadTsdbImage { origin: ImageOrigin::Archive { .. }, .. }
            | Self::CreateContainer { .. }
            | Self::StartContainer { .. }
            | Self::StopContainer { .. }
            | Self::RestoreContainer { .. }
            | Self::RemoveContainers { .. }
            | Self::RemoveData { .. }
            | Self::RestartContainer { .. }
            | Self::AwaitServices { .. }
            | Self::Initialise { .. }
            | Self::ReloadConfig { .. }
            | Self::ServeCertificate { .. }
            | Self::ServeVirtualIp { .. }
            | Self::WithdrawVirtualIp
            | Self::AwaitHealthy { .. } => Vec::new(),
        }
    }
}

/// A file whose content travels apart from the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFile {
    pub path: String,
    /// Permission bits, for instance `0o600`.
    pub mode: u32,
    pub content: SecretName,
    /// Of the content, under the key of the run.
    pub fingerprint: Fingerprint,
}

/// What becomes of a file's former text once the new one is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormerText {
    /// It goes: nothing runs with it any more, or whatever comes next reads the new one.
    Removed,
    /// It stays until [`Action::ReloadConfig`] is done: as long as it lies there, OMS may run with it.
    KeptForReload,
}

/// Where the former text of the file of this path lies.
pub fn former_path(path: &str) -> String {
    format!("{path}.omsctl-former")
}

/// The image that a host should run. Image IDs differ between Docker's two stores; these do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedImage {
    /// The name by which the container is created.
    pub reference: String,
    /// SHA-256 of the image configuration; `None` when the image is pulled and nobody knows it beforehand.
    pub config: Option<Digest>,
    /// Diff IDs, lowest layer first; empty when nobody knows them beforehand.
    pub layers: Vec<Digest>,
    /// As in the image configuration (`amd64`, `arm64`); `None` when nobody knows it beforehand.
    pub architecture: Option<String>,
}

impl WantedImage {
    /// The registry that the name begins with, by Docker's rule; `None` stands for Docker Hub.
    pub fn registry(&self) -> Option<&str> {
        let (first, _) = self.reference.split_once('/')?;
        (first == "localhost" || first.contains(['.', ':'])).then_some(first)
    }
}

/// Where a missing image comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum ImageOrigin {
    /// The controller sends what the host lacks of the image as an archive for `docker load` in zstd frames: `size` bytes,
    /// of which come `unpacked`; with everything in it it would be `whole`. The content is named by
    /// [`crate::content_digest`]. With a `door` other hosts may have it from this one.
    Archive {
        content: Digest,
        size: u64,
        unpacked: u64,
        whole: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        door: Option<Door>,
    },
    /// The host's Docker pulls it, with the log-ins of its root or, alone, with this configuration of Docker's command.
    Pull {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credentials: Option<SecretName>,
    },
}

/// The arguments of `docker run`, exactly those of the OMS manual (`research/oms.md` 3). What is the same for
/// every container (`-dit --net host --privileged=true --pids-limit -1 --ulimit nproc=65535:65535`) is not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    pub name: String,
    pub image: WantedImage,
    /// In the order of the manual.
    pub mounts: Vec<Mount>,
    /// `-e OMS_HOST_IP`.
    pub host_ip: IpAddr,
    /// `--restart`; none as documented.
    pub restart_policy: Option<String>,
    /// `-e IS_UPGRADE=true`: the databases are those of an older version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_upgrade: bool,
}

/// `-v host:container`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    pub host: String,
    pub container: String,
}

/// Who initialises OMS in a container (`research/oms.md` 3.2 and 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initialiser {
    /// `bash /root/docker_init.sh`, up to 4.2.10.
    Script,
    /// The container does it when it starts, from 4.2.11 on.
    Container,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_what_a_name_begins_with_when_it_is_a_host() {
        for (reference, expected) in [
            ("oms:4.2.7", None),
            ("oceanbase/oms-ce:4.2.7", None),
            ("localhost/oms:1", Some("localhost")),
            ("harbor.example.com/library/oms:1", Some("harbor.example.com")),
            ("10.0.0.5:5000/oms@sha256:ab", Some("10.0.0.5:5000")),
        ] {
            let image =
                WantedImage { reference: reference.into(), config: None, layers: vec![], architecture: None };
            assert_eq!(image.registry(), expected, "{reference}");
        }
    }

    #[test]
    fn a_pull_without_credentials_is_what_it_always_was() {
        let pull = ImageOrigin::Pull { credentials: None };
        let text = serde_json::to_string(&pull).unwrap();
        assert_eq!(text, r#"{"from":"pull"}"#);
        assert_eq!(serde_json::from_str::<ImageOrigin>(&text).unwrap(), pull);
    }
}
