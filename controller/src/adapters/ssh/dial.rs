//! TCP to a host: names, several addresses, time limits, and acknowledgements without delay while we shake hands.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::sockopt::{set_socket_keepalive, set_tcp_quickack};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::config::{AddressFamily, HostSettings};
use crate::adapters::connect_error::ConnectError;
use crate::adapters::resolver::Resolver;

/// Text before the greeting that is looked at.
const MAX_WORDS: usize = 1024;

/// ssh waits so long between the rounds of `ConnectionAttempts`.
const BETWEEN: Duration = Duration::from_secs(1);

/// Connects to the first address that answers.
pub(super) async fn dial(resolver: &Resolver, settings: &HostSettings) -> Result<TcpStream, ConnectError> {
    let name = &settings.host_name;
    let addresses = resolver
        .resolve(name)
        .await
        .map_err(|reason| ConnectError::NameNotResolved { name: name.clone(), reason })?;
    let wanted = |address: &IpAddr| match settings.family {
        AddressFamily::Any => true,
        AddressFamily::Four => address.is_ipv4(),
        AddressFamily::Six => address.is_ipv6(),
    };
    let addresses: Vec<IpAddr> = addresses.into_iter().filter(wanted).collect();
    let mut failure = None;
    for round in 0..settings.attempts {
        if round > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        for address in &addresses {
            match dial_address(SocketAddr::new(*address, settings.port), settings).await {
                Ok(stream) => return Ok(stream),
                // The first address is the one that the operator expects to hear of.
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if addresses.is_empty() {
            break;
        }
    }
    Err(failure.unwrap_or_else(|| ConnectError::NameNotResolved {
        name: name.clone(),
        reason: "no address of AddressFamily".to_owned(),
    }))
}

/// `None`: for as long as it takes.
pub(super) async fn within<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Result<T, u64> {
    match limit {
        Some(limit) => timeout(limit, work).await.map_err(|_| limit.as_secs()),
        None => Ok(work.await),
    }
}

async fn dial_address(address: SocketAddr, settings: &HostSettings) -> Result<TcpStream, ConnectError> {
    let place = address.to_string();
    match within(settings.connect_timeout, TcpStream::connect(address)).await {
        Err(seconds) => Err(ConnectError::TimedOut { place, seconds }),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err(ConnectError::Refused { place })
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
            let seconds = settings.connect_timeout.map_or(0, |limit| limit.as_secs());
            Err(ConnectError::TimedOut { place, seconds })
        }
        Ok(Err(source)) => Err(ConnectError::Network { place, source }),
        Ok(Ok(stream)) => {
            let failed = |source| ConnectError::Network { place, source };
            let keepalive = || set_socket_keepalive(&stream, settings.tcp_keepalive).map_err(io::Error::from);
            stream.set_nodelay(true).and_then(|()| keepalive()).map_err(failed)?;
            Ok(stream)
        }
    }
}

/// Shared with the stream that the session owns.
#[derive(Debug, Default)]
pub(super) struct WireState {
    /// It greeted as SSH does.
    greeted: AtomicBool,
    /// What came before that; sshd says in plain text when it has too many connections.
    before: Mutex<Vec<u8>>,
    /// The hand-shake is over: TCP may delay acknowledgements again.
    settled: AtomicBool,
}

impl WireState {
    pub(super) fn greeted(&self) -> bool {
        self.greeted.load(Ordering::Relaxed)
    }

    /// The text that came instead of a greeting.
    pub(super) fn words(&self) -> String {
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&before).trim().chars().filter(|c| !c.is_control()).collect()
    }

    fn hear(&self, bytes: &[u8]) {
        if self.greeted() {
            return;
        }
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_WORDS.saturating_sub(before.len());
        before.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if room == 0 || before.windows(4).any(|four| four == b"SSH-") {
            self.greeted.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }
}

/// What the session runs on.
pub(super) enum Carrier {
    Tcp(TcpStream),
    Command(Box<ProxyProcess>),
    Channel(Box<dyn Duplex>),
}

/// A `ProxyCommand`; killed when it is dropped.
pub(super) struct ProxyProcess {
    stdin: ChildStdin,
    stdout: ChildStdout,
    _child: Child,
}

/// A stream in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Starts a `ProxyCommand`, as ssh does: by the operator's shell, stdin and stdout are the connection.
pub(super) fn proxy_command(place: &str, shell: &str, command: &str) -> Result<Carrier, ConnectError> {
    let failed = |source| ConnectError::Network { place: place.to_owned(), source };
    let mut child = Command::new(shell)
        .args(["-c", &format!("exec {command}")])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(stdin), Some(stdout)) => {
            Ok(Carrier::Command(Box::new(ProxyProcess { stdin, stdout, _child: child })))
        }
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
            Carrier::Command(process) => Pin::new(&mut process.stdout).poll_read(context, buffer),
            Carrier::Channel(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        ready!(read)?;
        self.state.hear(&buffer.filled()[before..]);
        // Linux delays acknowledgements by 40 ms, and sshd, whose Nagle is on, waits for each during the hand-shake.
        if let Carrier::Tcp(stream) = &self.carrier
            && !self.state.settled.load(Ordering::Relaxed)
        {
            // Only a matter of speed.
            let _ = set_tcp_quickack(stream, true);
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
            Carrier::Command(process) => Pin::new(&mut process.stdin).poll_write(context, bytes),
            Carrier::Channel(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Carrier::Command(process) => Pin::new(&mut process.stdin).poll_flush(context),
            Carrier::Channel(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Carrier::Command(process) => Pin::new(&mut process.stdin).poll_shutdown(context),
            Carrier::Channel(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
