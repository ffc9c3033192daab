//! Everything that applies to one destination, in types: what the connection goes by.

use std::path::PathBuf;
use std::time::Duration;

/// Where somebody wants to go: what the inventory or a jump says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destination {
    pub host: String,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub identity_file: Option<PathBuf>,
    /// Words of an ssh command line.
    pub arguments: Vec<String>,
}

/// What is done about a host key that nobody has recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostKeyPolicy {
    /// Refused: `yes`, `ask` (nobody is asked) and `accept-new` (which takes the command's own flag).
    Strict,
    /// `no`: accepted, changed keys too. The operator wrote it.
    Off,
}

/// The way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proxy {
    None,
    /// Hosts to pass through, nearest first.
    Jump(Vec<Destination>),
    /// A command whose stdin and stdout lead there, and the shell that runs it.
    Command {
        shell: String,
        command: String,
    },
}

/// Which addresses of a name are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressFamily {
    Any,
    Four,
    Six,
}

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogInMethod {
    PublicKey,
    Password,
    KeyboardInteractive,
}

/// What is known about the host's key, and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostKeyRules {
    pub policy: HostKeyPolicy,
    /// The files of `UserKnownHostsFile`, then those of `GlobalKnownHostsFile`.
    pub user_files: Vec<PathBuf>,
    pub global_files: Vec<PathBuf>,
    /// The name under which `known_hosts` lists the host, port included where it belongs.
    pub known_as: String,
    /// The name without the port, which counts when nothing is listed with it.
    pub without_port: Option<String>,
    /// What a host certificate must name.
    pub principal: String,
    /// New keys are recorded under a hash of the name.
    pub hash_names: bool,
    /// `NoHostAuthenticationForLocalhost`.
    pub skip_loopback: bool,
    pub revoked: Option<PathBuf>,
    /// In bits.
    pub least_rsa: u32,
    /// What the host may sign with, best first.
    pub algorithms: Vec<&'static str>,
    /// What a certificate may be signed with.
    pub authority_algorithms: Vec<&'static str>,
}

/// With what to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogInRules {
    /// In the order in which they are tried.
    pub methods: Vec<LogInMethod>,
    /// Best first.
    pub identity_files: Vec<PathBuf>,
    /// The first file was named by the inventory: it goes before the keys of ssh-agent.
    pub identity_first: bool,
    pub identities_only: bool,
    /// The socket of ssh-agent.
    pub agent: Option<String>,
    /// `None`: the `-cert.pub` beside each identity file.
    pub certificate_files: Option<Vec<PathBuf>>,
    /// What keys may sign with.
    pub algorithms: Vec<&'static str>,
}

/// One destination with everything that applies to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostSettings {
    pub host_name: String,
    pub port: u16,
    pub user: String,
    pub family: AddressFamily,
    pub host_key: HostKeyRules,
    pub log_in: LogInRules,
    /// `None`: as long as the system waits.
    pub connect_timeout: Option<Duration>,
    /// At least one.
    pub attempts: u32,
    /// `None`: the host is not asked whether it is still there.
    pub keepalive: Option<Duration>,
    pub keepalive_max: usize,
    pub tcp_keepalive: bool,
    pub proxy: Proxy,
    pub warnings: Vec<String>,
}
