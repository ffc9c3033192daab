//! What is decided about a host's key: known_hosts files, each read once for all hosts, and the operator's policy.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::keys::{Algorithm, HashAlg, PublicKey};

use super::config::{HostKeyPolicy, HostSettings};
use super::known_hosts::{self, KnownHosts, Verdict};
use crate::adapters::connect_error::ConnectError;

/// All known_hosts files that were needed so far.
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

impl HostKeys {
    pub(super) fn new(accept_new: bool) -> Self {
        Self { files: Mutex::default(), accept_new }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Arc<KnownHosts>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self, settings: &HostSettings) -> Result<Vec<Arc<KnownHosts>>, ConnectError> {
        let mut cached = self.lock();
        let wanted = settings.user_known_hosts.iter().chain(&settings.global_known_hosts);
        let load = |file: &PathBuf| {
            if let Some(known) = cached.get(file) {
                return Ok(Arc::clone(known));
            }
            let loaded = Arc::new(KnownHosts::load(file).map_err(|source| unreadable(file, source))?);
            cached.insert(file.clone(), Arc::clone(&loaded));
            Ok(loaded)
        };
        wanted.map(load).collect()
    }

    /// The key types to ask for first: those that are on record.
    pub(super) fn known_types(&self, settings: &HostSettings) -> Result<Vec<Algorithm>, ConnectError> {
        let files = self.files(settings)?;
        Ok(known_hosts::known_types(files.iter().map(AsRef::as_ref), &settings.known_as))
    }

    /// Whether the key may be trusted.
    pub(super) fn check(
        &self,
        place: &str,
        settings: &HostSettings,
        key: &PublicKey,
    ) -> Result<Trust, ConnectError> {
        let files = self.files(settings)?;
        let verdict = known_hosts::judge(files.iter().map(AsRef::as_ref), &settings.known_as, key);
        let place = place.to_owned();
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let key_type = key.algorithm().to_string();
        match (verdict, settings.host_keys) {
            (Verdict::Revoked { known_at }, _) => {
                Err(ConnectError::HostKeyRevoked { place, fingerprint, known_at })
            }
            (Verdict::Known, _) => Ok(Trust::Verified),
            (Verdict::Changed { .. }, HostKeyPolicy::Off) => Ok(Trust::Unchecked { changed: true }),
            (Verdict::Unknown | Verdict::Authority { .. }, HostKeyPolicy::Off) => {
                Ok(Trust::Unchecked { changed: false })
            }
            (Verdict::Changed { known_at }, HostKeyPolicy::Strict) => {
                Err(ConnectError::HostKeyChanged { place, key_type, fingerprint, known_at })
            }
            (Verdict::Authority { known_at }, HostKeyPolicy::Strict) => {
                Err(ConnectError::HostCertificate { place, known_at })
            }
            (Verdict::Unknown, HostKeyPolicy::Strict) if self.accept_new => self.record(settings, key),
            (Verdict::Unknown, HostKeyPolicy::Strict) => Err(ConnectError::HostKeyUnknown {
                place,
                host: settings.host_name.clone(),
                port: settings.port,
                key_type,
                fingerprint,
            }),
        }
    }

    fn record(&self, settings: &HostSettings, key: &PublicKey) -> Result<Trust, ConnectError> {
        let Some(file) = settings.user_known_hosts.first() else {
            return Ok(Trust::Unchecked { changed: false });
        };
        // Under the lock: two hosts must not write at once, and the next look must see the line.
        let mut cached = self.lock();
        let written = known_hosts::append(file, &settings.known_as, key);
        let loaded =
            written.and_then(|()| KnownHosts::load(file)).map_err(|source| unreadable(file, source))?;
        cached.insert(file.clone(), Arc::new(loaded));
        Ok(Trust::Recorded)
    }
}

fn unreadable(file: &Path, source: std::io::Error) -> ConnectError {
    ConnectError::KnownHosts { file: file.to_owned(), source }
}
