//! Servers that open one channel a connection (tinysshd): the next command gets a connection of its own, to the same host
//! with the same settings. Every other server is logged in to once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use omsctl_proto::Secret;

use super::session::{Handshakes, Session};
use crate::adapters::connect_error::ConnectError;

/// The hosts that are known to open one channel a connection: learnt by one refusal, not again at the next connection.
#[derive(Debug, Default)]
pub(super) struct OneChannelHosts(Mutex<HashSet<String>>);

impl OneChannelHosts {
    fn has(&self, host: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(host)
    }

    fn learn(&self, host: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned());
    }
}

/// The channels of a host's first connection.
pub(super) struct Channels {
    hosts: Arc<OneChannelHosts>,
    host: String,
    asked: AtomicUsize,
    open: AtomicUsize,
}

impl Channels {
    pub(super) fn of(hosts: Arc<OneChannelHosts>, session: &Session) -> Self {
        let settings = &session.settings;
        let host = format!("{}@{}:{}", settings.user, settings.host_name, settings.port);
        Self { hosts, host, asked: AtomicUsize::new(0), open: AtomicUsize::new(0) }
    }

    /// Whether to ask the first connection for one more. Where one is all that it opens, only for that one.
    pub(super) fn may_ask(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) == 0 || !self.hosts.has(&self.host)
    }

    pub(super) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// It was refused; `false` when the connection has not opened any: then another one would not, either. A server that
    /// has opened several (`MaxSessions`) is asked again next time, since some of them may have ended by then.
    pub(super) fn refused(&self) -> bool {
        let open = self.open.load(Ordering::Relaxed);
        if open == 1 {
            self.hosts.learn(&self.host);
        }
        open > 0
    }
}

/// What it takes to log in to the host again.
pub(super) struct Further {
    pub handshakes: Arc<Handshakes>,
    pub password: Option<Secret>,
}

impl Further {
    /// One more connection to the host of this one. Behind a name may be several hosts, and `StrictHostKeyChecking no`
    /// takes any key: that it is the same host is told by its key.
    pub(super) async fn open(&self, first: &Session) -> Result<Session, ConnectError> {
        let settings = Arc::clone(&first.settings);
        let session = self.handshakes.open(settings, self.password.as_ref(), first.via.clone()).await?;
        if session.notes.host_key() == first.notes.host_key() {
            return Ok(session);
        }
        session.close().await;
        let reason = "it opens one channel a connection, and the second connection shows another host key than the \
                      first: give the host an address of its own";
        Err(ConnectError::HostKeyRefused { place: session.place.clone(), reason: reason.to_owned() })
    }
}
