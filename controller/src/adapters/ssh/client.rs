//! Our side of the SSH protocol: algorithms, time limits, and the answer to "is this the right host?".

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{Config, DisconnectReason, Handler};
use russh::keys::{Algorithm, HashAlg, PublicKeyOrCertificate};
use russh::{Limits, Preferred, cipher};
use tokio::sync::watch;

use super::config::HostSettings;
use super::host_keys::{HostKeys, Trust};
use crate::adapters::connect_error::ConnectError;

/// What a channel may send before we read it.
const WINDOW: u32 = 8 << 20;
/// Messages that wait in a channel before its reader holds up the connection.
const CHANNEL_QUEUE: usize = 512;
/// With AES-GCM far below what one key may encrypt (2^32 packets).
const REKEY_AFTER: usize = 16 << 30;

/// What the session tells the outside.
#[derive(Debug, Default)]
pub(super) struct SessionNotes {
    /// The host's last words.
    farewell: Mutex<Option<String>>,
    /// The key is not the one on record: no password may be sent.
    no_password: AtomicBool,
    recorded: AtomicBool,
}

impl SessionNotes {
    pub(super) fn farewell(&self) -> Option<String> {
        self.farewell.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn password_allowed(&self) -> bool {
        !self.no_password.load(Ordering::Relaxed)
    }

    /// The host's key was added to known_hosts.
    pub(super) fn recorded(&self) -> bool {
        self.recorded.load(Ordering::Relaxed)
    }
}

/// Answers the questions that come up during a session.
pub(super) struct Client {
    pub place: String,
    pub settings: Arc<HostSettings>,
    pub host_keys: Arc<HostKeys>,
    pub notes: Arc<SessionNotes>,
    /// Dropped with the session: whoever watches it learns that the connection is gone.
    pub alive: watch::Sender<()>,
}

/// Why a session ended, or did not begin.
#[derive(Debug)]
pub(super) enum SessionError {
    Ssh(russh::Error),
    HostKey(Box<ConnectError>),
}

impl From<russh::Error> for SessionError {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl Handler for Client {
    type Error = SessionError;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, SessionError> {
        // No certificate algorithm is offered, so none comes; the key in it is judged like a bare one.
        let checked = self.host_keys.check(&self.place, &self.settings, &key.public_key());
        match checked.map_err(|error| SessionError::HostKey(Box::new(error)))? {
            Trust::Verified => {}
            Trust::Recorded => self.notes.recorded.store(true, Ordering::Relaxed),
            Trust::Unchecked { changed } => self.notes.no_password.store(changed, Ordering::Relaxed),
        }
        Ok(true)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<SessionError>) -> Result<(), SessionError> {
        let (words, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => (info.message.chars().take(200).collect(), Ok(())),
            DisconnectReason::Error(SessionError::Ssh(error)) => {
                (error.to_string(), Err(SessionError::Ssh(error)))
            }
            DisconnectReason::Error(error) => return Err(error),
        };
        *self.notes.farewell.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
        let _ = &self.alive;
        result
    }
}

/// Our offer to the host. The key types that are on record for it come first, so that it shows the key that we know.
pub(super) fn client_config(settings: &HostSettings, known_types: &[Algorithm]) -> Arc<Config> {
    Arc::new(Config {
        limits: Limits {
            rekey_write_limit: REKEY_AFTER,
            rekey_read_limit: REKEY_AFTER,
            rekey_time_limit: Duration::from_secs(3600),
        },
        window_size: WINDOW,
        maximum_packet_size: 65_535,
        channel_buffer_size: CHANNEL_QUEUE,
        keepalive_interval: Some(settings.keepalive),
        keepalive_max: settings.keepalive_max,
        nodelay: true,
        preferred: Preferred {
            key: Cow::Owned(key_order(known_types)),
            cipher: Cow::Borrowed(cipher_order(cpu_has_aes())),
            ..Preferred::DEFAULT
        },
        ..Config::default()
    })
}

fn key_order(known: &[Algorithm]) -> Vec<Algorithm> {
    let is_known = |algorithm: &&Algorithm| match algorithm {
        Algorithm::Rsa { .. } => known.iter().any(|known| matches!(known, Algorithm::Rsa { .. })),
        other => known.contains(other),
    };
    // SHA-1 signatures are not offered: OpenSSH gave them up, too.
    let usable = |algorithm: &&Algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None });
    let all: Vec<&Algorithm> = Preferred::DEFAULT.key.iter().filter(usable).collect();
    let (first, rest): (Vec<&Algorithm>, Vec<&Algorithm>) = all.into_iter().partition(is_known);
    first.into_iter().chain(rest).cloned().collect()
}

fn cipher_order(aes: bool) -> &'static [cipher::Name] {
    const WITH_AES: &[cipher::Name] = &[
        cipher::AES_256_GCM,
        cipher::AES_128_GCM,
        cipher::CHACHA20_POLY1305,
        cipher::AES_256_CTR,
        cipher::AES_192_CTR,
        cipher::AES_128_CTR,
    ];
    const WITHOUT: &[cipher::Name] = &[
        cipher::CHACHA20_POLY1305,
        cipher::AES_256_GCM,
        cipher::AES_128_GCM,
        cipher::AES_256_CTR,
        cipher::AES_192_CTR,
        cipher::AES_128_CTR,
    ];
    if aes { WITH_AES } else { WITHOUT }
}

fn cpu_has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("aes")
    }
    #[cfg(target_arch = "aarch64")]
    {
        std::arch::is_aarch64_feature_detected!("aes")
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        false
    }
}

/// The strongest signature that a server with this list of algorithms takes from an RSA key.
pub(super) fn rsa_hash(offered: Option<Option<HashAlg>>) -> HashAlg {
    offered.flatten().unwrap_or(HashAlg::Sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_types_on_record_are_asked_for_first() {
        let names = |known: &[Algorithm]| -> Vec<String> {
            key_order(known).iter().map(ToString::to_string).collect()
        };
        assert_eq!(names(&[])[0], "ssh-ed25519");
        assert_eq!(
            names(&[Algorithm::Rsa { hash: None }])[..3],
            ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]
        );
        assert!(!names(&[Algorithm::Rsa { hash: None }]).contains(&"ssh-rsa".to_owned()));
    }
}
