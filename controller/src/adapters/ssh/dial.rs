//! TCP to a host: names, several addresses, time limits, and acknowledgements without delay while we shake hands.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::config::HostSettings;
use crate::adapters::connect_error::ConnectError;
use crate::adapters::resolver::Resolver;

/// Connects to the first address that answers.
pub(super) async fn dial(resolver: &Resolver, settings: &HostSettings) -> Result<TcpStream, ConnectError> {
    let name = &settings.host_name;
    let addresses = resolver
        .resolve(name)
        .await
        .map_err(|reason| ConnectError::NameNotResolved { name: name.clone(), reason })?;
    let mut failure = None;
    for address in addresses {
        match dial_address(SocketAddr::new(address, settings.port), settings.connect_timeout).await {
            Ok(stream) => return Ok(stream),
            // The first address is the one that the operator expects to hear of.
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| ConnectError::NameNotResolved {
        name: name.clone(),
        reason: "no address".to_owned(),
    }))
}

async fn dial_address(address: SocketAddr, limit: Duration) -> Result<TcpStream, ConnectError> {
    let place = address.to_string();
    match timeout(limit, TcpStream::connect(address)).await {
        Err(_) => Err(ConnectError::TimedOut { place, seconds: limit.as_secs() }),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err(ConnectError::Refused { place })
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
            Err(ConnectError::TimedOut { place, seconds: limit.as_secs() })
        }
        Ok(Err(source)) => Err(ConnectError::Network { place, source }),
        Ok(Ok(stream)) => {
            stream.set_nodelay(true).map_err(|source| ConnectError::Network { place, source })?;
            Ok(stream)
        }
    }
}

/// Shared with the stream that the session owns.
#[derive(Debug, Default)]
pub(super) struct WireState {
    /// Any byte came: the other side speaks.
    heard: AtomicBool,
    /// The hand-shake is over: TCP may delay acknowledgements again.
    settled: AtomicBool,
}

impl WireState {
    pub(super) fn heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    pub(super) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }
}

/// What the session runs on.
pub(super) enum Carrier {
    Tcp(TcpStream),
    Command { stdin: ChildStdin, stdout: ChildStdout, _child: Child },
    Channel(Box<dyn Duplex>),
}

/// A stream in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Starts a `ProxyCommand`, as ssh does: by the operator's shell, stdin and stdout are the connection.
pub(super) fn proxy_command(place: &str, command: &str) -> Result<Carrier, ConnectError> {
    let failed = |source| ConnectError::Network { place: place.to_owned(), source };
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("exec {command}")])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(stdin), Some(stdout)) => Ok(Carrier::Command { stdin, stdout, _child: child }),
        _ => Err(failed(io::Error::other("the ProxyCommand has no pipes"))),
    }
}

/// The carrier, with notes on what happens.
pub(super) struct Wire {
    pub carrier: Carrier,
    pub state: Arc<WireState>,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match &mut self.carrier {
            Carrier::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Carrier::Command { stdout, .. } => Pin::new(stdout).poll_read(context, buffer),
            Carrier::Channel(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        ready!(read)?;
        if buffer.filled().len() > before {
            self.state.heard.store(true, Ordering::Relaxed);
        }
        // Linux delays acknowledgements by 40 ms, and sshd, whose Nagle is on, waits for each during the hand-shake.
        if let Carrier::Tcp(stream) = &self.carrier
            && !self.state.settled.load(Ordering::Relaxed)
        {
            // Only a matter of speed.
            let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.carrier {
            Carrier::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Carrier::Command { stdin, .. } => Pin::new(stdin).poll_write(context, bytes),
            Carrier::Channel(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Carrier::Command { stdin, .. } => Pin::new(stdin).poll_flush(context),
            Carrier::Channel(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Carrier::Command { stdin, .. } => Pin::new(stdin).poll_shutdown(context),
            Carrier::Channel(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
