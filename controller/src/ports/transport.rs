//! The way to a host: connections on which agents are started.

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use omsctl_proto::{Digest, ErrorReport, NodeName, RunId, Secret};
use tokio::io::{AsyncRead, AsyncWrite};

/// One bidirectional byte stream to an agent process on a host: its stdin and stdout.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// What the agent binary is asked to be on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentCommand {
    /// Requests, plans and events, in frames.
    Session,
    /// A TCP connection from the host, byte for byte after one [`omsctl_proto::ConnectReply`] frame.
    Connect { host: String, port: u16 },
    /// The bytes of an image archive for the agent that walks this run; a [`omsctl_proto::ConnectReply`] first.
    Receive { run: RunId, content: Digest },
}

impl AgentCommand {
    /// The arguments after the program's name.
    pub fn arguments(&self) -> Vec<String> {
        match self {
            Self::Session => vec!["session".to_owned()],
            Self::Connect { host, port } => vec!["connect".to_owned(), host.clone(), port.to_string()],
            Self::Receive { run, content } => {
                vec!["receive".to_owned(), run.to_string(), content.to_string()]
            }
        }
    }
}

/// How a host is reached, as the inventory says it; what is `None` there may be filled by `ssh_config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTarget {
    pub node: NodeName,
    pub address: String,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub private_key_file: Option<PathBuf>,
    /// Words of `ansible_ssh_common_args` and `ansible_ssh_extra_args`.
    pub ssh_arguments: Vec<String>,
    pub escalation: Become,
    pub method: Method,
}

/// How root is reached after the log-in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Become {
    pub enabled: bool,
    pub user: Option<String>,
    pub password: Option<Secret>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    #[default]
    Ssh,
    /// The bastion itself.
    Local,
}

/// What is worth telling about an open connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionDetails {
    /// `address:port` that answered; `local` for the bastion itself.
    pub address: String,
    /// Bytes of the agent that were sent; 0 when the host had it.
    pub agent_pushed_bytes: u64,
    /// The SHA-256 fingerprint of the key that the host showed, as `ssh` writes it; none for the bastion itself.
    pub host_key: Option<String>,
    /// What the operator should know, for instance that host keys are not checked.
    pub warnings: Vec<String>,
}

/// Opens connections. A failure is told as a report: what failed, why, what to do; code
/// [`omsctl_proto::ErrorCode::Unreachable`] means the network, anything else needs the operator.
pub trait Transport: Send + Sync {
    fn connect<'a>(
        &'a self,
        target: &'a HostTarget,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, ErrorReport>>;
}

/// One open connection to one host.
pub trait Connection: Send + Sync {
    /// Starts the agent with that command; the first call puts the agent in place when the host lacks it.
    fn run_agent(&self, command: AgentCommand) -> BoxFuture<'_, Result<Box<dyn ByteStream>, ErrorReport>>;

    /// Ends when the connection is lost or closed.
    fn closed(&self) -> BoxFuture<'_, ()>;

    fn close(&self) -> BoxFuture<'_, ()>;

    fn details(&self) -> ConnectionDetails;
}
