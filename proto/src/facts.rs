//! What an agent sees on its host. Read-only: asking for facts changes nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Digest, DumpFacts, Fingerprint, FingerprintKey, Gate, RunId, StepId, TsdbFacts, TsdbRequest,
    VirtualIpFacts, WireSecret,
};

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactsRequest {
    /// Of OMS; empty on a host that shall not run it.
    pub container_name: String,
    /// Directories and files whose presence matters, also those whose disk is measured.
    pub paths: Vec<String>,
    /// OMS's `config.yaml`; its text comes back whole, inside the SSH channel only.
    pub config_file: String,
    /// Files that are compared by fingerprint under `key`.
    pub files: Vec<String>,
    pub key: FingerprintKey,
    /// Ports whose holder matters.
    pub ports: Vec<u16>,
    /// As `ports`, by first and last.
    #[serde(default)]
    pub port_ranges: Vec<(u16, u16)>,
    /// "Source address towards": name or address and port of the MetaDB.
    pub towards: Option<(String, u16)>,
    /// How the health of a running container is asked for.
    pub health: WantedHealth,
    /// Files and folders of which it matters whether omsctl made them, and how much is in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measured: Vec<String>,
    /// On the host of the time-series database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tsdb: Option<Box<TsdbRequest>>,
    /// Small files whose text comes back whole, as that of `config_file` does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<String>,
}

/// Where `/oms/health` is asked for: on this host's own address, plain or with TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedHealth {
    pub port: u16,
    /// With certificates mounted, nginx speaks HTTPS only. The certificate is not verified: it is the host's own,
    /// asked for over loopback.
    pub tls: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub hostname: String,
    /// `PRETTY_NAME` of os-release.
    pub os: String,
    pub kernel: String,
    /// As `uname -m` says it.
    pub architecture: String,
    pub machine_id: Option<String>,
    /// Random, written by the first agent on the host: two names with one of these are one machine.
    pub host_id: String,
    /// Milliseconds since 1970, the host's clock.
    pub utc_ms: u64,
    pub time_zone: Option<String>,
    pub cpus: u32,
    pub memory_bytes: u64,
    /// 1 or 2.
    pub cgroup_version: Option<u8>,
    pub addresses: Vec<IpAddr>,
    /// The address that packets towards the MetaDB leave from.
    pub source_address: Option<IpAddr>,
    pub docker: DockerFacts,
    pub container: Option<ContainerFacts>,
    pub paths: BTreeMap<String, PathState>,
    /// Those of the directories that hold something.
    #[serde(default)]
    pub filled: Vec<String>,
    /// Containers of any other name that have OMS's mounts.
    #[serde(default)]
    pub other_containers: Vec<OtherContainer>,
    #[serde(default)]
    pub system: SystemFacts,
    /// Older agents say nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_ip: Option<VirtualIpFacts>,
    pub files: BTreeMap<String, FileFacts>,
    pub config: Option<WireSecret>,
    pub disks: BTreeMap<String, DiskFacts>,
    /// Only ports that something listens on.
    #[serde(with = "numbers_as_names")]
    pub ports: BTreeMap<u16, PortHolder>,
    /// Runs of omsctl that this host knows of.
    pub runs: Vec<RunFacts>,
    /// Dumps of OMS's databases that are kept here, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dumps: Vec<DumpFacts>,
    /// Those of the measured paths that omsctl made, by its own marker.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub made: BTreeMap<String, MadeFacts>,
    /// When it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tsdb: Option<TsdbFacts>,
    /// Those of the wanted texts that could be read: of a file that is not too long.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, WireSecret>,
}

/// What lies at a path that omsctl made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeFacts {
    /// On disk.
    pub bytes: u64,
    /// Everything was counted; else there is more.
    pub whole: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "docker", rename_all = "snake_case")]
pub enum DockerFacts {
    Answers {
        server_version: String,
        root_directory: String,
        root_free_bytes: Option<u64>,
        storage_driver: String,
        /// Images are in containerd's store instead of Docker's own.
        containerd_store: bool,
        images: Vec<ImageFacts>,
    },
    /// There is no `docker` command.
    Missing { looked_in: String },
    /// The command is there and the daemon does not answer, in Docker's words.
    Silent { error: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// With graph drivers the digest of the configuration; with containerd's store that of a manifest.
    pub id: Digest,
    pub references: Vec<String>,
    /// Diff IDs, lowest first.
    pub layers: Vec<Digest>,
    pub architecture: String,
}

/// A container as `docker inspect` and its own processes show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one field of docker inspect")]
pub struct ContainerFacts {
    pub id: String,
    /// The image's ID in this host's store.
    pub image_id: Digest,
    /// The name it was created from.
    pub image_reference: String,
    pub running: bool,
    /// `running`, `exited`, `created`, `restarting`, `dead`, `paused`.
    pub status: String,
    pub exit_code: Option<i64>,
    pub oom_killed: bool,
    /// RFC 3339, as Docker gives it.
    pub created: String,
    pub started: String,
    /// `KEY=value` of the container's own `-e`, image defaults included.
    pub environment: Vec<String>,
    pub binds: Vec<String>,
    pub network_mode: String,
    pub privileged: bool,
    pub pids_limit: Option<i64>,
    /// `name=soft:hard`.
    pub ulimits: Vec<String>,
    pub tty: bool,
    pub open_stdin: bool,
    pub restart_policy: String,
    /// Bind sources that were deleted on the host while the container holds the former ones.
    pub stale_mounts: Vec<String>,
    /// supervisord's programs and their states; empty when it does not answer.
    pub services: BTreeMap<String, String>,
    pub initialisation: InitFacts,
    pub health: Option<HealthFacts>,
    /// The fingerprint of `config.yaml` as it is seen inside.
    pub config_inside: Option<Fingerprint>,
    /// The SHA-256 of each certificate that is served at the console's port, its own first; empty without TLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub served_chain: Vec<Digest>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitFacts {
    pub state: InitState,
    /// The line, file or process that says so.
    pub proof: String,
    /// The last heading that was printed, 0 when none.
    pub last_step: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitState {
    /// No sign that it ever began in this container.
    NotBegun,
    Running,
    Succeeded,
    /// It ended and said that it failed.
    Failed,
    /// It began, did not end, and no process is left.
    Interrupted,
    /// The container is stopped, so nobody can tell whether it runs.
    CannotTell,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthFacts {
    pub healthy: bool,
    /// HTTP status and the start of the body, or why there was no answer.
    pub answer: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathState {
    Absent,
    Directory,
    File,
    /// A socket, a device, something that cannot be looked at.
    Other,
}

impl PathState {
    /// Something is at the path.
    pub fn is_there(self) -> bool {
        self != Self::Absent
    }
}

/// A container that looks like OMS and has another name than the wanted one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherContainer {
    pub name: String,
    /// The name of the image that it was created from.
    pub image: String,
    pub running: bool,
}

/// Settings of the system that OMS, or the way between hosts, depends on. Older agents say nothing of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemFacts {
    /// `net.ipv4.tcp_tw_recycle`; kernels from 4.12 on do not have it.
    pub tcp_tw_recycle: Option<bool>,
    /// `None`: the kernel does not use it.
    pub selinux: Option<SelinuxMode>,
    /// Firewall managers that are at work: `firewalld`, `ufw`.
    pub firewalls: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelinuxMode {
    Enforcing,
    Permissive,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    pub fingerprint: Fingerprint,
    pub mode: u32,
}

/// The file system that holds a path, or its nearest existing parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskFacts {
    pub mount_point: String,
    pub total_bytes: u64,
    /// For an ordinary user, as `df` shows it.
    pub free_bytes: u64,
    pub free_inodes: u64,
    pub read_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortHolder {
    pub pid: Option<u32>,
    /// The process's name; `?` when it cannot be seen.
    pub process: String,
    /// The process lives in the container of `container_name`.
    pub own_container: bool,
}

/// What rollouts left on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub runs: Vec<RunFacts>,
    /// What came of an image that Docker did not get, in bytes; 0 while an agent is at work, since it may need it.
    #[serde(default)]
    pub begun_image_bytes: u64,
}

/// A run that left its folder on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    pub run: RunId,
    pub operator: String,
    pub started: String,
    pub phase: RunPhase,
    /// The step that it is in, or that it waits before.
    #[serde(default)]
    pub step: Option<StepId>,
    /// The gate that it waits at.
    #[serde(default)]
    pub gate: Option<Gate>,
    /// Its agent's process lives, also after the terminal event.
    #[serde(default)]
    pub agent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// Its agent lives.
    Running,
    /// It wrote its terminal event.
    Ended,
    /// No terminal event and no agent.
    Broken,
}

/// Numbers as keys: inside a tagged message serde hands keys over as texts only, and does not read numbers back.
mod numbers_as_names {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::PortHolder;

    pub(super) fn serialize<S: Serializer>(
        ports: &BTreeMap<u16, PortHolder>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let named: BTreeMap<String, &PortHolder> =
            ports.iter().map(|(port, holder)| (port.to_string(), holder)).collect();
        named.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<u16, PortHolder>, D::Error> {
        let named = BTreeMap::<String, PortHolder>::deserialize(deserializer)?;
        let number =
            |(port, holder): (String, PortHolder)| Ok((port.parse().map_err(de::Error::custom)?, holder));
        named.into_iter().map(number).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::ToController;

    #[test]
    fn ports_survive_the_tagged_messages_around_them() {
        let text = r#"{"say":"response","id":1,"response":{"answer":"facts","hostname":"h","os":"o","kernel":"k","architecture":"a","machine_id":null,"host_id":"x","utc_ms":1,"time_zone":null,"cpus":1,"memory_bytes":1,"cgroup_version":null,"addresses":[],"source_address":null,"docker":{"docker":"missing","looked_in":"x"},"container":null,"paths":{},"filled":[],"other_containers":[],"system":{"tcp_tw_recycle":null,"selinux":null,"firewalls":[]},"files":{},"config":null,"disks":{},"ports":{"22":{"pid":1,"process":"sshd","own_container":false}},"runs":[]}}"#;
        let message: ToController = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
    }
}
