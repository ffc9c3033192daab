//! The machine as facts and actions need it, apart from its files: those are reached below `World`'s root.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use futures::future::BoxFuture;
use omsctl_proto::{
    Digest, DiskFacts, Door, OtherKeepalived, PortHolder, Remedy, Secret, Subnet, SystemFacts,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

/// A connection, byte for byte.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// An open connection and the address that was reached.
pub type Connected = (Box<dyn ByteStream>, String);

/// Where it is listened, and who comes; dropping the receiver ends it.
pub type Listening = (SocketAddr, mpsc::Receiver<Box<dyn ByteStream>>);

/// One machine with its kernel and its network.
pub trait Host: Send + Sync {
    /// Cheap: reads a few small files.
    fn machine(&self) -> Machine;

    /// Changes when the machine boots.
    fn boot_id(&self) -> String;

    /// What listens on these ports; `container` is the first process of OMS's container.
    fn listeners(&self, ports: &[u16], container: Option<u32>) -> BTreeMap<u16, PortHolder>;

    /// Sources of these binds (`host:container`) that the container holds a former version of.
    fn stale_mounts(&self, container: u32, binds: &[String]) -> Vec<String>;

    /// The file system of this path, which is there.
    fn file_system(&self, path: &Path) -> Option<DiskFacts>;

    /// Where something is mounted at this path, which has no links in it, or below.
    fn mounted_below(&self, path: &Path) -> std::io::Result<Vec<String>>;

    /// The address that packets to this host and port leave from.
    fn source_address<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Option<IpAddr>>;

    /// A TCP connection, within ten seconds.
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Connected, HostError>>;

    /// Listens there for TCP connections.
    fn listen(&self, door: Door) -> std::io::Result<Listening>;

    /// Changes the system; done when it shows.
    fn mend(&self, remedy: Remedy) -> BoxFuture<'_, Result<(), HostError>>;

    /// The machine's interfaces with the networks that they are in.
    fn interfaces(&self) -> BTreeMap<String, Vec<Subnet>>;

    /// keepalived as it is here; omsctl's own is the one that was started with the configuration `ours`.
    fn keepalived(&self, ours: &Path) -> KeepalivedSeen;

    /// omsctl's keepalived runs with what this file says now: one that runs loads it again.
    fn run_keepalived<'a>(&'a self, config: &'a Path) -> BoxFuture<'a, Result<(), HostError>>;

    /// omsctl's keepalived runs no longer, and the host has given the address up.
    fn end_keepalived<'a>(&'a self, config: &'a Path) -> BoxFuture<'a, Result<(), HostError>>;

    /// `GET` of an `http://` or `https://` address within five seconds; certificates are not verified.
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<HttpAnswer, HostError>>;

    /// As [`Self::get`], with something to post and a log-in.
    fn post<'a>(&'a self, url: &'a str, post: &'a HttpPost) -> BoxFuture<'a, Result<HttpAnswer, HostError>>;

    /// The SHA-256 of each certificate that is served over TLS at this port of the host itself, its own first, within five
    /// seconds; they are not verified.
    fn served_chain(&self, port: u16) -> BoxFuture<'_, Result<Vec<Digest>, HostError>>;
}

/// What a machine is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    pub hostname: String,
    pub os: String,
    pub kernel: String,
    pub architecture: String,
    pub machine_id: Option<String>,
    pub time_zone: Option<String>,
    pub measured: Measured,
    pub addresses: Vec<IpAddr>,
    pub system: SystemFacts,
}

/// What a machine has of keepalived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeepalivedSeen {
    /// `None` when there is none.
    pub program: Option<String>,
    /// Those of omsctl's own, also of one that is on its way out.
    pub processes: usize,
    /// omsctl's own runs whole.
    pub running: bool,
    /// Those that somebody else runs.
    pub others: Vec<OtherKeepalived>,
}

/// How large a machine is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    pub cpus: u32,
    pub memory_bytes: u64,
    pub cgroup_version: Option<u8>,
}

/// What is posted, and as whom.
#[derive(Debug, Clone)]
pub struct HttpPost {
    pub content_type: &'static str,
    pub body: Secret,
    pub user: String,
    pub password: Secret,
}

/// Status and the first 64 KiB of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    pub body: String,
}

/// Why something on the network could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("the name {name} is not known on this host")]
    UnknownName {
        name: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{address} cannot be reached")]
    Unreachable {
        address: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{address} did not answer within {seconds} s")]
    TimedOut { address: String, seconds: u64 },
    #[error("{what} failed: {why}")]
    Mend { what: String, why: String },
    #[error("{url} is not an address of the form http://HOST[:PORT]/PATH")]
    NotAnAddress { url: String },
    #[error("{address} did not speak HTTP")]
    Http {
        address: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
