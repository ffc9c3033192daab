//! The log-in: keys, then passwords, in ssh's order and never more attempts than there are credentials.

use std::path::PathBuf;
use std::sync::Arc;

use omsctl_proto::Secret;
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use russh::{MethodKind, MethodSet};
use tokio::net::UnixStream;

use super::certificates::CertificateSigner;
use super::client::{Client, SessionNotes};
use super::config::{HostSettings, LogInMethod};
use super::identities::{self, Candidate, Identities, KeyFile, KeyOf};
use crate::adapters::connect_error::ConnectError;

/// A server that asks more questions than this is not asked for.
const MAX_QUESTIONS: usize = 8;

/// One log-in.
pub(super) struct LogIn<'a> {
    pub place: &'a str,
    pub settings: &'a HostSettings,
    pub password: Option<&'a Secret>,
    pub identities: &'a Identities,
    pub notes: &'a SessionNotes,
    /// What the host offers; unknown before the first refusal.
    offered: Option<MethodSet>,
    tried: Vec<String>,
    key_trouble: Option<(PathBuf, KeyFile)>,
}

impl<'a> LogIn<'a> {
    pub(super) fn new(
        place: &'a str,
        settings: &'a HostSettings,
        password: Option<&'a Secret>,
        identities: &'a Identities,
        notes: &'a SessionNotes,
    ) -> Self {
        Self {
            place,
            settings,
            password,
            identities,
            notes,
            offered: None,
            tried: Vec::new(),
            key_trouble: None,
        }
    }

    /// Logs in, or says what was tried.
    pub(super) async fn run(mut self, handle: &mut Handle<Client>) -> Result<(), ConnectError> {
        let mut entered = false;
        for method in &self.settings.log_in.methods {
            entered = match method {
                LogInMethod::PublicKey => self.keys(handle).await?,
                LogInMethod::Password => self.password(handle).await?,
                LogInMethod::KeyboardInteractive => self.keyboard_interactive(handle).await?,
            };
            if entered {
                break;
            }
        }
        let entered = entered || self.nothing(handle).await?;
        match entered {
            true => Ok(()),
            // Not a word about what it offers: it has not refused, it is gone.
            false if handle.is_closed() && self.offered.is_none() => Err(self.gone()),
            false => Err(self.refused()),
        }
    }

    async fn keys(&mut self, handle: &mut Handle<Client>) -> Result<bool, ConnectError> {
        let mut agent = identities::agent(&self.settings.log_in).await;
        let held = match &mut agent {
            Some(client) => held(client, handle).await,
            None => Vec::new(),
        };
        for candidate in self.identities.candidates(&self.settings.log_in, &held).await {
            if !self.offers(MethodKind::PublicKey) || handle.is_closed() {
                break;
            }
            let result = match (candidate, &mut agent) {
                (Candidate::Agent(identity), Some(client)) => {
                    self.agent_key(handle, client, &identity).await?
                }
                (Candidate::Agent(_), None) => None,
                (Candidate::File(file), _) => self.file_key(handle, file).await?,
                (Candidate::Certified(certificate, key), agent) => {
                    self.certified(handle, &certificate, key, agent.as_mut()).await?
                }
            };
            if result.is_some_and(|result| self.note(result)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn agent_key(
        &mut self,
        handle: &mut Handle<Client>,
        client: &mut AgentClient<UnixStream>,
        identity: &AgentIdentity,
    ) -> Result<Option<AuthResult>, ConnectError> {
        let key: PublicKey = identity.public_key().into_owned();
        let certificate = match identity {
            AgentIdentity::Certificate { certificate, .. } => Some(certificate.clone()),
            AgentIdentity::PublicKey { .. } => None,
        };
        let Some(hash) = self.hash(&key.algorithm(), certificate.is_some(), handle).await? else {
            return Ok(None);
        };
        let user = self.settings.user.clone();
        // An agent that declines to sign is no reason to give up: the next key may do.
        if let Some(certificate) = certificate {
            self.tried.push(format!("certificate {} of ssh-agent", identity.comment()));
            return Ok(handle.authenticate_certificate_with(user, certificate, hash, client).await.ok());
        }
        self.tried.push(format!("key {} of ssh-agent", identity.comment()));
        Ok(handle.authenticate_publickey_with(user, key, hash, client).await.ok())
    }

    async fn certified(
        &mut self,
        handle: &mut Handle<Client>,
        certificate: &Certificate,
        key: KeyOf,
        agent: Option<&mut AgentClient<UnixStream>>,
    ) -> Result<Option<AuthResult>, ConnectError> {
        let mut signer = match (key, agent) {
            (KeyOf::Agent(key), Some(client)) => CertificateSigner::Agent { client, key },
            (KeyOf::Agent(_), None) => return Ok(None),
            (KeyOf::File(file), _) => match self.load(file).await {
                Some(key) => CertificateSigner::Key(key),
                None => return Ok(None),
            },
        };
        let Some(hash) = self.hash(&certificate.algorithm(), true, handle).await? else { return Ok(None) };
        self.tried.push(format!("certificate {}", certificate.key_id()));
        let user = self.settings.user.clone();
        Ok(handle.authenticate_certificate_with(user, certificate.clone(), hash, &mut signer).await.ok())
    }

    /// The key of the file; what keeps it from being used is remembered.
    async fn load(&mut self, file: PathBuf) -> Option<Arc<PrivateKey>> {
        match self.identities.load(&file, true).await {
            KeyFile::Key(key) => Some(key),
            trouble @ (KeyFile::Encrypted | KeyFile::Unusable(_)) => {
                self.key_trouble.get_or_insert((file, trouble));
                None
            }
        }
    }

    async fn file_key(
        &mut self,
        handle: &mut Handle<Client>,
        file: PathBuf,
    ) -> Result<Option<AuthResult>, ConnectError> {
        let name = format!("key {}", file.display());
        let Some(key) = self.load(file).await else { return Ok(None) };
        let Some(hash) = self.hash(&key.algorithm(), false, handle).await? else { return Ok(None) };
        self.tried.push(name);
        let key = PrivateKeyWithHashAlg::new(Arc::clone(&key), hash);
        let result = handle.authenticate_publickey(self.settings.user.clone(), key).await;
        result.map(Some).map_err(|error| self.lost(&error))
    }

    /// What a key signs with: RSA keys with the strongest hash that the server names, SHA-256 when it names none.
    /// `None`: `PubkeyAcceptedAlgorithms` leaves the key out.
    async fn hash(
        &self,
        key: &Algorithm,
        certified: bool,
        handle: &Handle<Client>,
    ) -> Result<Option<Option<HashAlg>>, ConnectError> {
        let name = |algorithm: &Algorithm| {
            if certified { algorithm.to_certificate_type() } else { algorithm.to_string() }
        };
        let accepted = |algorithm: &Algorithm| {
            self.settings.log_in.algorithms.iter().any(|accepted| *accepted == name(algorithm))
        };
        if !matches!(key, Algorithm::Rsa { .. }) {
            return Ok(accepted(key).then_some(None));
        }
        let named = handle.best_supported_rsa_hash().await.map_err(|error| self.lost(&error))?;
        let best = named.flatten().unwrap_or(HashAlg::Sha256);
        let mut hashes = [best, HashAlg::Sha512, HashAlg::Sha256].into_iter();
        Ok(hashes.find(|hash| accepted(&Algorithm::Rsa { hash: Some(*hash) })).map(Some))
    }

    /// The password, when there is one and this host may learn it.
    fn secret(&self, handle: &Handle<Client>, method: MethodKind) -> Option<&'a Secret> {
        let allowed = self.notes.password_allowed() && self.offers(method) && !handle.is_closed();
        self.password.filter(|_| allowed)
    }

    async fn password(&mut self, handle: &mut Handle<Client>) -> Result<bool, ConnectError> {
        let Some(password) = self.secret(handle, MethodKind::Password) else { return Ok(false) };
        self.tried.push("password".to_owned());
        let result = handle.authenticate_password(self.settings.user.clone(), password.expose()).await;
        let result = result.map_err(|error| self.lost(&error))?;
        Ok(self.note(result))
    }

    async fn keyboard_interactive(&mut self, handle: &mut Handle<Client>) -> Result<bool, ConnectError> {
        let Some(password) = self.secret(handle, MethodKind::KeyboardInteractive) else { return Ok(false) };
        let user = self.settings.user.clone();
        self.tried.push("keyboard-interactive".to_owned());
        let mut response = handle.authenticate_keyboard_interactive_start(user, None).await;
        let mut told = false;
        for _ in 0..MAX_QUESTIONS {
            match response.map_err(|error| self.lost(&error))? {
                KeyboardInteractiveAuthResponse::Success => return Ok(true),
                KeyboardInteractiveAuthResponse::Failure { remaining_methods, .. } => {
                    self.offered = Some(remaining_methods);
                    return Ok(false);
                }
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                    let hidden = prompts.iter().any(|prompt| !prompt.echo);
                    if hidden && told {
                        // It asks again: the password was wrong, or it wants something else.
                        return Ok(false);
                    }
                    told |= hidden;
                    let answer = |echo: bool| if echo { String::new() } else { password.expose().to_owned() };
                    let answers = prompts.iter().map(|prompt| answer(prompt.echo)).collect();
                    response = handle.authenticate_keyboard_interactive_respond(answers).await;
                }
            }
        }
        Ok(false)
    }

    /// Nothing could be tried: asks what the host wants, so that the operator learns it.
    async fn nothing(&mut self, handle: &mut Handle<Client>) -> Result<bool, ConnectError> {
        if self.offered.is_some() || handle.is_closed() {
            return Ok(false);
        }
        let result = handle.authenticate_none(self.settings.user.clone()).await;
        let result = result.map_err(|error| self.lost(&error))?;
        Ok(self.note(result))
    }

    fn offers(&self, method: MethodKind) -> bool {
        self.offered.as_ref().is_none_or(|offered| offered.contains(&method))
    }

    fn note(&mut self, result: AuthResult) -> bool {
        match result {
            AuthResult::Success => true,
            AuthResult::Failure { remaining_methods, .. } => {
                // An empty list comes from a connection that is gone.
                if !remaining_methods.is_empty() {
                    self.offered = Some(remaining_methods);
                }
                false
            }
        }
    }

    fn lost(&self, error: &russh::Error) -> ConnectError {
        let reason = self.notes.farewell().unwrap_or_else(|| error.to_string());
        ConnectError::Lost { place: self.place.to_owned(), reason }
    }

    fn gone(&self) -> ConnectError {
        let reason = self.notes.farewell().unwrap_or_else(|| "it was closed during the log-in".to_owned());
        ConnectError::Lost { place: self.place.to_owned(), reason }
    }

    fn refused(self) -> ConnectError {
        let place = self.place.to_owned();
        match self.key_trouble {
            Some((file, KeyFile::Encrypted)) => return ConnectError::KeyEncrypted { place, file },
            Some((file, KeyFile::Unusable(reason)))
                if self.settings.log_in.identity_first || self.tried.is_empty() =>
            {
                return ConnectError::KeyUnreadable { place, file, reason };
            }
            _ => {}
        }
        let offered = self.offered.as_ref().map_or(String::new(), |methods| {
            methods.iter().map(<&'static str>::from).collect::<Vec<_>>().join(", ")
        });
        let offered = match (offered.is_empty(), self.notes.farewell()) {
            (false, None) => offered,
            (false, Some(farewell)) => format!("{offered}, and it ended with: {farewell}"),
            (true, farewell) => {
                format!("nothing it told us{}", farewell.map(|f| format!(" ({f})")).unwrap_or_default())
            }
        };
        let mut tried = if self.tried.is_empty() { "nothing".to_owned() } else { self.tried.join(", ") };
        if self.password.is_some() && !self.notes.password_allowed() {
            tried.push_str(" (no password: the host's key is not the one on record)");
        }
        ConnectError::AuthenticationFailed { place, user: self.settings.user.clone(), tried, offered }
    }
}

/// The keys that the agent holds, after it was told which session they are for.
async fn held(client: &mut AgentClient<UnixStream>, handle: &Handle<Client>) -> Vec<AgentIdentity> {
    if let Some(binding) = handle.agent_session_binding() {
        // Agents older than OpenSSH 8.9 do not know it.
        drop(client.bind_session(binding, false).await);
    }
    client.request_identities().await.unwrap_or_default().into_iter().take(64).collect()
}
