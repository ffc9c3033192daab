//! The requests: plain data, one struct for each command that has options of its own.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use clap_complete::Shell;
use omsctl_proto::{LogPart, NodeName, RunId};

use super::Globals;

/// What the operator wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub globals: Globals,
    pub command: Command,
    /// The line as it was typed, for the history. Options never carry secrets, so there are none in it.
    pub typed: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Init(InitRequest),
    Adopt(AdoptRequest),
    Check { fix: bool },
    Plan(PlanRequest),
    Apply(ApplyRequest),
    Lifecycle(LifecycleRequest),
    Upgrade(ApplyRequest),
    Rollback(ApplyRequest),
    HighAvailability(HaRequest),
    Attach(AttachRequest),
    Agents(AgentsRequest),
    Status(StatusRequest),
    Logs(LogsRequest),
    Bundle(BundleRequest),
    History(HistoryRequest),
    Show(ShowRequest),
    Inventory(InventoryRequest),
    SshConfig(SshConfigRequest),
    ConfigRender(RenderRequest),
    Schema(SchemaName),
    Completion(Shell),
    Man(ManRequest),
}

/// `omsctl init [HOST…]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InitRequest {
    /// Names or addresses to begin the inventory with.
    pub hosts: Vec<String>,
}

/// `omsctl plan`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanRequest {
    /// As of [`ApplyRequest`].
    pub move_cm_url: bool,
    /// As of [`ApplyRequest`].
    pub former_metadb_password_file: Option<PathBuf>,
}

/// `omsctl adopt [HOST…]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptRequest {
    /// Empty: those of the inventory.
    pub hosts: Vec<TypedHost>,
    /// The folder that the files are written to.
    pub output: PathBuf,
    /// The name of OMS's container; `None` is the one that has OMS's mounts.
    pub container: Option<String>,
    /// Members whose hosts do not come back.
    pub gone: Vec<IpAddr>,
}

/// `[USER@]HOST[:PORT]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedHost {
    /// Its name in an inventory.
    pub node: NodeName,
    /// An address without brackets, a name or an alias of `ssh_config`.
    pub address: String,
    pub user: Option<String>,
    pub port: Option<u16>,
}

/// `omsctl apply`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent flag")]
pub struct ApplyRequest {
    /// How many hosts are worked on at once; `None` is all.
    pub forks: Option<NonZeroUsize>,
    /// After so many failed hosts no further gate opens; `None` is no limit.
    pub max_failures: Option<NonZeroUsize>,
    /// A host that fails a check is left out instead of stopping everything.
    pub keep_going: bool,
    /// How fast images may leave the bastion, in bytes in a second; `None` is no limit.
    pub bandwidth: Option<NonZeroU64>,
    /// The bastion sends an image archive to each host by itself.
    pub direct: bool,
    /// The MetaDB may hold a cluster that the inventory does not explain.
    pub join_metadb: bool,
    /// The region's OMS stops, its former `cm_url` leaves the MetaDB, and it is initialised again.
    pub move_cm_url: bool,
    /// Holds what the password of the MetaDB was before; the MetaDB gets the one of config.yaml.
    pub former_metadb_password_file: Option<PathBuf>,
    /// How long another rollout is waited for; `None` refuses at once.
    pub wait: Option<Duration>,
    /// Another rollout is ended and its hosts are taken from its controller.
    pub take_over: bool,
    /// Lost hosts that no gate waits for any longer.
    pub give_up: BTreeSet<NodeName>,
    /// The rollout goes on without this terminal.
    pub detach: bool,
    /// This is the controller that goes on, with the run's id; not for people.
    pub background: Option<RunId>,
}

/// `omsctl stop`, `start`, `restart`, `remove`, `destroy`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleRequest {
    pub verb: LifecycleVerb,
    /// Also when no healthy host is left.
    pub allow_outage: bool,
    /// As of [`ApplyRequest`].
    pub wait: Option<Duration>,
    /// As of [`ApplyRequest`].
    pub take_over: bool,
    /// Lost hosts that never come back.
    pub give_up: BTreeSet<NodeName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LifecycleVerb {
    Stop,
    Start,
    Restart,
    Remove(BTreeSet<NodeName>),
    Destroy(Destroying),
}

/// `omsctl destroy`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destroying {
    /// What omsctl made for OMS's files goes too.
    pub delete_data: bool,
    /// The databases go too.
    pub drop_databases: bool,
    /// The name of the rm database, where nobody can type it.
    pub confirm: Option<String>,
}

/// `omsctl ha status|enable|disable`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HaRequest {
    Status,
    Set {
        enable: bool,
        /// `enableHost`; `None` leaves it.
        hosts: Option<bool>,
        /// How long OMS was down.
        after_outage: Option<Duration>,
        /// Write it; else only say what to do.
        write_metadb: bool,
    },
}

/// `omsctl attach [RUN]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachRequest {
    /// `None`: the newest that is under way.
    pub run: Option<RunId>,
    /// Never opens a gate, also when nobody else does.
    pub read_only: bool,
    /// As of [`ApplyRequest`], for as long as this controller leads.
    pub bandwidth: Option<NonZeroU64>,
}

/// `omsctl agents`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentsRequest {
    /// Ends what is left on the hosts.
    pub reap: bool,
}

/// `omsctl status`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusRequest {
    /// Look again every two seconds until interrupted.
    pub watch: bool,
}

/// `omsctl logs HOST`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsRequest {
    pub host: NodeName,
    /// `None` is what nearly every trouble shows in.
    pub part: Option<LogPart>,
    /// What is added is shown until the operator leaves.
    pub follow: bool,
    /// So many last ones of each log.
    pub lines: usize,
}

/// `omsctl bundle`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRequest {
    pub output: PathBuf,
    /// Bytes of the end of each log.
    pub file_limit: u64,
    /// Bytes of all logs together.
    pub total_limit: u64,
}

/// `omsctl history`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRequest {
    /// How many runs to list, newest first.
    pub last: u32,
}

/// `omsctl show RUN`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShowRequest {
    pub run: RunId,
}

/// `omsctl inventory`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryRequest {
    pub view: InventoryView,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InventoryView {
    /// JSON as `ansible-inventory --list` prints it.
    List,
    /// A tree as `ansible-inventory --graph` prints it.
    Graph,
}

/// `omsctl ssh-config HOST`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshConfigRequest {
    /// A name of the inventory, or whatever may be given to ssh.
    pub host: String,
}

/// `omsctl config render [HOST]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderRequest {
    /// `None` is every host of `--limit`.
    pub host: Option<NodeName>,
    /// Show secrets instead of masking them.
    pub reveal: bool,
}

/// `omsctl man`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManRequest {
    /// Where the pages of all commands go; `None` prints that of the program.
    pub output: Option<PathBuf>,
}

/// The schemas that can be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    // One event, as a line of `--format jsonl`.
    Events,
}
