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
use super::host_keys::{HostKeys, OnRecord, Shown, Trust};
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
    host_key: Mutex<Option<String>>,
}

impl SessionNotes {
    /// The SHA-256 fingerprint of the key that the host showed.
    pub(super) fn host_key(&self) -> Option<String> {
        self.host_key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn farewell(&self) -> Option<String> {
        self.farewell.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn password_allowed(&self) -> bool {
        !self.no_password.load(Ordering::Relaxed)
    }

    /// The host's key was added to `known_hosts`.
    pub(super) fn recorded(&self) -> bool {
        self.recorded.load(Ordering::Relaxed)
    }
}

/// Answers the questions that come up during a session.
pub(super) struct Client {
    pub place: String,
    /// The other end is this machine.
    pub loopback: bool,
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
        let public = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.key_data(),
            PublicKeyOrCertificate::Certificate(certificate) => certificate.public_key(),
        };
        let fingerprint = public.fingerprint(HashAlg::Sha256).to_string();
        *self.notes.host_key.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
        let shown = Shown { place: &self.place, settings: &self.settings, loopback: self.loopback };
        let checked = self.host_keys.check(shown, key);
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
pub(super) fn client_config(settings: &HostSettings, on_record: &OnRecord) -> Arc<Config> {
    let names = &settings.host_key.algorithms;
    Arc::new(Config {
        limits: Limits {
            rekey_write_limit: REKEY_AFTER,
            rekey_read_limit: REKEY_AFTER,
            rekey_time_limit: Duration::from_hours(1),
        },
        window_size: WINDOW,
        maximum_packet_size: 65_535,
        channel_buffer_size: CHANNEL_QUEUE,
        keepalive_interval: settings.keepalive,
        keepalive_max: settings.keepalive_max,
        nodelay: true,
        preferred: Preferred {
            key: Cow::Owned(key_order(names, &on_record.types)),
            // Where no authority vouches for the host, its bare key is what can be judged.
            host_key_certificates: Cow::Owned(if on_record.authority {
                certified(names)
            } else {
                Vec::new()
            }),
            cipher: Cow::Borrowed(cipher_order(cpu_has_aes())),
            ..Preferred::DEFAULT
        },
        ..Config::default()
    })
}

/// Those of `HostKeyAlgorithms` that are no certificates, as ssh orders them: as they are when the first is on record,
/// else what is on record first.
fn key_order(names: &[&str], on_record: &[Algorithm]) -> Vec<Algorithm> {
    let is_known = |algorithm: &Algorithm| on_record.iter().any(|known| same_type(known, algorithm));
    let algorithm = |name: &str| name.parse().ok().filter(|found| Preferred::DEFAULT.key.contains(found));
    let best = names.first().and_then(|name| plain(name));
    let all = names.iter().filter_map(|name| algorithm(name));
    if best.is_some_and(|best| is_known(&best)) {
        return all.collect();
    }
    let (first, rest): (Vec<Algorithm>, Vec<Algorithm>) = all.partition(is_known);
    first.into_iter().chain(rest).collect()
}

/// RSA keys are one type, whatever they sign with.
fn same_type(one: &Algorithm, other: &Algorithm) -> bool {
    one == other || matches!((one, other), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }))
}

/// The algorithm of a certificate's key, or the algorithm itself.
fn plain(name: &str) -> Option<Algorithm> {
    match name.split_once("-cert-v01@") {
        Some((plain, _)) => plain.parse().ok(),
        None => name.parse().ok(),
    }
}

/// What certificates may be for.
fn certified(names: &[&str]) -> Vec<Algorithm> {
    let certificates = names.iter().filter(|name| name.contains("-cert-v01@"));
    certificates
        .filter_map(|name| plain(name))
        .filter(|found| Preferred::DEFAULT.key.contains(found))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_types_on_record_are_asked_for_first() {
        let check = |names: &[&str], on_record: &[Algorithm], expected: &[&str]| {
            let found: Vec<String> = key_order(names, on_record).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{names:?} {on_record:?}");
        };
        let names = [
            "ssh-ed25519-cert-v01@openssh.com",
            "ssh-ed25519",
            "sk-ssh-ed25519@openssh.com",
            "rsa-sha2-512",
            "rsa-sha2-256",
        ];
        let rsa = Algorithm::Rsa { hash: None };
        check(&names, &[], &["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"]);
        check(&names, std::slice::from_ref(&rsa), &["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]);
        check(&names, &[rsa.clone(), Algorithm::Ed25519], &["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"]);
        // SHA-1 only where the operator names it: OpenSSH gave it up, too.
        check(&["ssh-rsa"], &[], &["ssh-rsa"]);
        assert_eq!(certified(&names), [Algorithm::Ed25519]);
    }
}
