//! One logged-in SSH session, straight or through other hosts, with the limits that keep many at once polite.

use std::sync::Arc;
use std::time::Duration;

use omsctl_proto::Secret;
use russh::Disconnect;
use russh::client::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::authenticate::LogIn;
use super::client::{Client, SessionError, SessionNotes, client_config};
use super::config::{HostSettings, Proxy};
use super::dial::{self, Carrier, Wire, WireState};
use super::host_keys::HostKeys;
use super::identities::Identities;
use crate::adapters::connect_error::ConnectError;
use crate::adapters::resolver::Resolver;

/// Hand-shakes at once.
const MAX_HANDSHAKES: usize = 64;
/// Greeting, key exchange and log-in together.
const HANDSHAKE: Duration = Duration::from_mins(1);
/// Waits before the next try when sshd hangs up before its greeting (`MaxStartups` does that) or in the log-in.
const BACK_OFF: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800)];

/// An open session. Dropping it ends the connection.
pub(super) struct Session {
    pub handle: Handle<Client>,
    pub settings: Arc<HostSettings>,
    /// `address:port`.
    pub place: String,
    pub notes: Arc<SessionNotes>,
    pub wire: Arc<WireState>,
    /// Ends with the session.
    pub alive: watch::Receiver<()>,
    /// The host that this one is reached through.
    pub via: Option<Arc<Session>>,
}

/// What all sessions share.
pub(super) struct Handshakes {
    pub resolver: Resolver,
    pub host_keys: Arc<HostKeys>,
    pub identities: Identities,
    limit: Semaphore,
}

impl Handshakes {
    pub(super) fn new(resolver: Resolver, host_keys: HostKeys, identities: Identities) -> Self {
        Self { resolver, host_keys: Arc::new(host_keys), identities, limit: Semaphore::new(MAX_HANDSHAKES) }
    }

    /// Connects and logs in; tries again when sshd hangs up before it has decided.
    pub(super) async fn open(
        &self,
        settings: Arc<HostSettings>,
        password: Option<&Secret>,
        via: Option<Arc<Session>>,
    ) -> Result<Session, ConnectError> {
        // Whoever waits for a jump host holds no permit, so permits cannot run out in a circle.
        let _permit = self.limit.acquire().await;
        let mut waits = BACK_OFF.iter();
        loop {
            let attempt = self.attempt(&settings, password, via.clone()).await;
            match (attempt, waits.next()) {
                (Err(ConnectError::NoBanner { .. } | ConnectError::Lost { .. }), Some(wait)) => {
                    tokio::time::sleep(jittered(*wait)).await;
                }
                (result, _) => return result,
            }
        }
    }

    async fn attempt(
        &self,
        settings: &Arc<HostSettings>,
        password: Option<&Secret>,
        via: Option<Arc<Session>>,
    ) -> Result<Session, ConnectError> {
        let named = format!("{}:{}", settings.host_name, settings.port);
        let (carrier, place) = match (&via, &settings.proxy) {
            (Some(via), _) => (through(via, settings, &named).await?, named),
            (None, Proxy::Command { shell, command }) => {
                (dial::proxy_command(&named, shell, command)?, named)
            }
            (None, Proxy::None | Proxy::Jump(_)) => {
                let stream = dial::dial(&self.resolver, settings).await?;
                let place = stream.peer_addr().map_or(named, |address| address.to_string());
                (Carrier::Tcp(stream), place)
            }
        };
        let (alive, watched) = watch::channel(());
        let notes = Arc::new(SessionNotes::default());
        let client = Client {
            place: place.clone(),
            loopback: matches!(&carrier, Carrier::Tcp(stream) if stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback())),
            settings: Arc::clone(settings),
            host_keys: Arc::clone(&self.host_keys),
            notes: Arc::clone(&notes),
            alive,
        };
        let wire = Arc::new(WireState::default());
        let stream = Wire { carrier, state: Arc::clone(&wire) };
        let config = client_config(settings, &self.host_keys.on_record(&settings.host_key)?);
        let handshake = async {
            let begun = russh::client::connect_stream(config, stream, client).await;
            let mut handle = begun.map_err(|error| began_badly(&place, error, &wire))?;
            let log_in = LogIn::new(&place, settings, password, &self.identities, &notes);
            log_in.run(&mut handle).await.map(|()| handle)
        };
        let late = |_| ConnectError::TimedOut { place: place.clone(), seconds: HANDSHAKE.as_secs() };
        let handle = timeout(HANDSHAKE, handshake).await.map_err(late)??;
        Ok(Session { handle, settings: Arc::clone(settings), place, notes, wire, alive: watched, via })
    }
}

impl Session {
    /// The connection is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Says good-bye; what is under way ends.
    pub(super) async fn close(&self) {
        // A connection that is gone needs no farewell.
        drop(self.handle.disconnect(Disconnect::ByApplication, "done", "en").await);
    }

    pub(super) fn lost(&self, error: &russh::Error) -> ConnectError {
        let reason = self.notes.farewell().unwrap_or_else(|| error.to_string());
        ConnectError::Lost { place: self.place.clone(), reason }
    }
}

async fn through(via: &Session, settings: &HostSettings, place: &str) -> Result<Carrier, ConnectError> {
    let opened = dial::within(
        settings.connect_timeout,
        via.handle.channel_open_direct_tcpip(
            settings.host_name.clone(),
            settings.port.into(),
            "127.0.0.1",
            0,
        ),
    );
    let channel = match opened.await {
        Err(seconds) => return Err(ConnectError::TimedOut { place: place.to_owned(), seconds }),
        Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
            let source = std::io::Error::other(format!("the jump host {} says {reason:?}", via.place));
            return Err(ConnectError::Network { place: place.to_owned(), source });
        }
        Ok(Err(error)) => return Err(via.lost(&error)),
        Ok(Ok(channel)) => channel,
    };
    Ok(Carrier::Channel(Box::new(channel.into_stream())))
}

fn began_badly(place: &str, error: SessionError, wire: &WireState) -> ConnectError {
    match error {
        SessionError::HostKey(error) => *error,
        SessionError::Ssh(error) if !wire.greeted() => {
            let words = wire.words();
            let reason = if words.is_empty() { error.to_string() } else { words };
            ConnectError::NoBanner { place: place.to_owned(), reason }
        }
        // Nothing was found wanting: the connection broke.
        SessionError::Ssh(error @ (russh::Error::IO(_) | russh::Error::HUP | russh::Error::Disconnect)) => {
            ConnectError::Lost { place: place.to_owned(), reason: error.to_string() }
        }
        SessionError::Ssh(error) => {
            ConnectError::KeyExchange { place: place.to_owned(), reason: error.to_string() }
        }
    }
}

/// Between half and one and a half of it, so that hosts that were turned away together do not return together.
fn jittered(wait: Duration) -> Duration {
    let mut byte = [128u8];
    // Without randomness the wait is just the wait.
    let _ = getrandom::fill(&mut byte);
    wait / 2 + wait * u32::from(byte[0]) / 256
}
