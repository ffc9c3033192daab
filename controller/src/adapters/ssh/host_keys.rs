//! What is decided about a host's key: `known_hosts` files, each read once for all hosts, certificates, revoked keys, and
//! the operator's policy.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};

use super::certificates;
use super::config::{HostKeyPolicy, HostKeyRules, HostSettings};
use super::known_hosts::{self, KnownHosts, Verdict};
use crate::adapters::connect_error::ConnectError;

/// The largest file of revoked keys that is read.
const MAX_REVOKED: u64 = 4 << 20;

/// All `known_hosts` files that were needed so far.
#[derive(Debug, Default)]
pub(super) struct HostKeys {
    files: Mutex<HashMap<PathBuf, Arc<KnownHosts>>>,
    /// `--accept-new`.
    accept_new: bool,
}

/// What came of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    Verified,
    /// `--accept-new`: recorded now.
    Recorded,
    /// `StrictHostKeyChecking no`; `changed`: another key is on record, so no password may be sent.
    Unchecked {
        changed: bool,
    },
}

/// What is on record for a host, so that it can be asked for first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OnRecord {
    pub types: Vec<Algorithm>,
    /// A certificate authority vouches for it.
    pub authority: bool,
}

/// A key that was shown, and by whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    /// `address:port`, for messages.
    pub place: &'a str,
    pub settings: &'a HostSettings,
    /// The other end is this machine.
    pub loopback: bool,
}

impl HostKeys {
    pub(super) fn new(accept_new: bool) -> Self {
        Self { files: Mutex::default(), accept_new }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Arc<KnownHosts>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self, rules: &HostKeyRules) -> Result<Vec<Arc<KnownHosts>>, ConnectError> {
        let mut cached = self.lock();
        let load = |file: &PathBuf| {
            if let Some(known) = cached.get(file) {
                return Ok(Arc::clone(known));
            }
            let loaded = Arc::new(KnownHosts::load(file).map_err(|source| unreadable(file, source))?);
            cached.insert(file.clone(), Arc::clone(&loaded));
            Ok(loaded)
        };
        rules.user_files.iter().chain(&rules.global_files).map(load).collect()
    }

    /// What is on record for the host.
    pub(super) fn on_record(&self, rules: &HostKeyRules) -> Result<OnRecord, ConnectError> {
        let files = self.files(rules)?;
        let names = [Some(&rules.known_as), rules.without_port.as_ref()];
        let mut types = Vec::new();
        for name in names.into_iter().flatten() {
            types = known_hosts::known_types(&files, name);
            if !types.is_empty() {
                break;
            }
        }
        let authority = names.into_iter().flatten().any(|name| known_hosts::has_authority(&files, name));
        Ok(OnRecord { types, authority })
    }

    /// Whether the key may be trusted.
    pub(super) fn check(
        &self,
        shown: Shown<'_>,
        key: &PublicKeyOrCertificate,
    ) -> Result<Trust, ConnectError> {
        let rules = &shown.settings.host_key;
        if shown.loopback && rules.skip_loopback {
            return Ok(Trust::Unchecked { changed: false });
        }
        let bare = key.public_key();
        let refused = |reason: String| ConnectError::HostKeyRefused { place: shown.place.to_owned(), reason };
        long_enough(&bare, rules.least_rsa).map_err(refused)?;
        let authority = key.certificate().map(Certificate::signature_key);
        let keys: Vec<&KeyData> = std::iter::once(bare.key_data()).chain(authority).collect();
        if let Some(file) = &rules.revoked {
            not_listed(file, &keys).map_err(refused)?;
        }
        let files = self.files(rules)?;
        let names = || std::iter::once(&rules.known_as).chain(&rules.without_port);
        if let Some(known_at) = names().find_map(|name| known_hosts::revoked(&files, name, &keys)) {
            let fingerprint = bare.fingerprint(HashAlg::Sha256).to_string();
            return Err(ConnectError::HostKeyRevoked {
                place: shown.place.to_owned(),
                fingerprint,
                known_at,
            });
        }
        let mut trouble = None;
        if let Some(certificate) = key.certificate()
            && names().any(|name| known_hosts::is_authority(&files, name, certificate.signature_key()))
        {
            match certificates::check_host(certificate, &rules.principal, &rules.authority_algorithms, now())
            {
                Ok(()) => return Ok(Trust::Verified),
                // As ssh: then the bare key may still be on record.
                Err(reason) => trouble = Some(format!("of its certificate: {reason}")),
            }
        }
        let verdict = known_hosts::judge(&files, &rules.known_as, bare.key_data());
        let elsewhere = rules.without_port.as_ref().filter(|_| verdict == Verdict::Unknown);
        if elsewhere.is_some_and(|name| known_hosts::judge(&files, name, bare.key_data()) == Verdict::Known) {
            return Ok(Trust::Verified);
        }
        match (verdict, trouble) {
            (Verdict::Unknown, Some(reason)) if rules.policy == HostKeyPolicy::Strict && !self.accept_new => {
                Err(refused(reason))
            }
            (verdict, _) => self.decide(shown, verdict, &bare),
        }
    }

    fn decide(&self, shown: Shown<'_>, verdict: Verdict, key: &PublicKey) -> Result<Trust, ConnectError> {
        let Shown { place, settings, .. } = shown;
        let place = place.to_owned();
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let key_type = key.algorithm().to_string();
        match (verdict, settings.host_key.policy) {
            (Verdict::Revoked { known_at }, _) => {
                Err(ConnectError::HostKeyRevoked { place, fingerprint, known_at })
            }
            (Verdict::Known, _) => Ok(Trust::Verified),
            (Verdict::Changed { .. }, HostKeyPolicy::Off) => Ok(Trust::Unchecked { changed: true }),
            (Verdict::Unknown, HostKeyPolicy::Off) => Ok(Trust::Unchecked { changed: false }),
            (Verdict::Changed { known_at }, HostKeyPolicy::Strict) => {
                Err(ConnectError::HostKeyChanged { place, key_type, fingerprint, known_at })
            }
            (Verdict::Unknown, HostKeyPolicy::Strict) if self.accept_new => {
                self.record(&settings.host_key, key)
            }
            (Verdict::Unknown, HostKeyPolicy::Strict) => Err(ConnectError::HostKeyUnknown {
                place,
                host: settings.host_name.clone(),
                port: settings.port,
                key_type,
                fingerprint,
            }),
        }
    }

    fn record(&self, rules: &HostKeyRules, key: &PublicKey) -> Result<Trust, ConnectError> {
        let Some(file) = rules.user_files.first() else {
            return Ok(Trust::Unchecked { changed: false });
        };
        // Under the lock: two hosts must not write at once, and the next look must see the line.
        let mut cached = self.lock();
        let written = known_hosts::append(file, &rules.known_as, rules.hash_names, key);
        let loaded =
            written.and_then(|()| KnownHosts::load(file)).map_err(|source| unreadable(file, source))?;
        cached.insert(file.clone(), Arc::new(loaded));
        Ok(Trust::Recorded)
    }
}

fn unreadable(file: &Path, source: std::io::Error) -> ConnectError {
    ConnectError::KnownHosts { file: file.to_owned(), source }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// `RequiredRSASize`.
fn long_enough(key: &PublicKey, least: u32) -> Result<(), String> {
    let KeyData::Rsa(rsa) = key.key_data() else { return Ok(()) };
    let bits = rsa.key_size();
    if bits < least { Err(format!("it has {bits} bits, and RequiredRSASize is {least}")) } else { Ok(()) }
}

/// `RevokedHostKeys`: public keys, one a line. As with ssh, a file that cannot be read revokes everything.
fn not_listed(file: &Path, keys: &[&KeyData]) -> Result<(), String> {
    let failed = |reason: &str| format!("RevokedHostKeys {}: {reason}", file.display());
    let size = std::fs::metadata(file).map_err(|error| failed(&error.to_string()))?.len();
    if size > MAX_REVOKED {
        return Err(failed("it is larger than 4 MiB"));
    }
    let bytes = std::fs::read(file).map_err(|error| failed(&error.to_string()))?;
    if bytes.starts_with(b"SSHKRL\n\0") {
        return Err(failed("omsctl does not honour key revocation lists in binary form, only lists of keys"));
    }
    let text = String::from_utf8_lossy(&bytes);
    let listed = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let key = known_hosts::key(words.next().unwrap_or_default(), words.next().unwrap_or_default());
        key.is_some_and(|key| keys.contains(&key.key_data()))
    };
    match text.lines().position(listed) {
        Some(line) => Err(format!("it is revoked in {}:{}", file.display(), line + 1)),
        None => Ok(()),
    }
}
