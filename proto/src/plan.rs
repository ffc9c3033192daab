//! What one host has to do, whole: the agent that has it needs nobody but the openers of its gates.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Action, GateTable, NodeName, RunId};

/// The steps of one host in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePlan {
    pub run: RunId,
    pub node: NodeName,
    /// The command that the operator typed, for whoever finds this run on the host.
    pub command: String,
    pub steps: Vec<Step>,
    /// Of the whole run, for whoever carries it on.
    pub table: GateTable,
}

/// One step: what to do, why, and what has to be opened before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Why the step is there, in words: "image differs: have 0c1f…, want 9a2b…".
    pub why: String,
    /// The step begins only when the controller has opened this gate for this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    pub action: Action,
}

impl Step {
    pub fn id(&self) -> StepId {
        self.action.step()
    }
}

/// What hosts wait for each other at. Opened by the controller only.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Hosts that serve already change one at a time, after the new ones are healthy.
    Turn,
    /// The schema step of the initialisation runs on one host at a time.
    Schema,
    /// OMS is stopped on every other host of the run that waits at [`Self::Databases`].
    Stopped,
    /// All hosts of the run that have this gate have come to it: OMS is stopped everywhere, and the databases are as
    /// whatever starts next needs them.
    Databases,
    /// The controller changes the MetaDB while no host that comes to this gate serves.
    Metadb,
    /// Every host of the run has the new password of the MetaDB's account in its file, and OMS runs with the former one: the
    /// controller changes it, then all go on at once.
    Password,
}

/// The kinds of steps, as `plan` and the events name them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StepId {
    MakeDirectories,
    WriteCertificates,
    WriteConfig,
    LoadImage,
    CreateContainer,
    ReplaceContainer,
    StartContainer,
    StopContainer,
    RestoreContainer,
    DumpDatabases,
    RestoreDatabases,
    RestartContainer,
    RemoveContainers,
    RemoveData,
    Initialise,
    ReloadConfig,
    AwaitServices,
    ServeCertificate,
    ServeVirtualIp,
    WithdrawVirtualIp,
    LoadTsdbImage,
    ServeTsdb,
    AwaitHealthy,
    /// The controller's own: the MetaDB shows the host.
    Register,
    /// The controller's own: the MetaDB lists the host no longer.
    Deregister,
}

impl StepId {
    /// The name in JSON and in plain lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MakeDirectories => "make_directories",
            Self::WriteCertificates => "write_certificates",
            Self::WriteConfig => "write_config",
            Self::LoadImage => "load_image",
            Self::CreateContainer => "create_container",
            Self::ReplaceContainer => "replace_container",
            Self::StartContainer => "start_container",
            Self::StopContainer => "stop_container",
            Self::RestoreContainer => "restore_container",
            Self::DumpDatabases => "dump_databases",
            Self::RestoreDatabases => "restore_databases",
            Self::RestartContainer => "restart_container",
            Self::RemoveContainers => "remove_containers",
            Self::RemoveData => "remove_data",
            Self::Initialise => "initialise",
            Self::ReloadConfig => "reload_config",
            Self::AwaitServices => "await_services",
            Self::ServeCertificate => "serve_certificate",
            Self::ServeVirtualIp => "serve_virtual_ip",
            Self::WithdrawVirtualIp => "withdraw_virtual_ip",
            Self::LoadTsdbImage => "load_tsdb_image",
            Self::ServeTsdb => "serve_tsdb",
            Self::AwaitHealthy => "await_healthy",
            Self::Register => "register",
            Self::Deregister => "deregister",
        }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Gate {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Schema => "schema",
            Self::Stopped => "stopped",
            Self::Databases => "databases",
            Self::Metadb => "metadb",
            Self::Password => "password",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
