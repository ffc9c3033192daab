//! The keys to log in with: ssh-agent's and files, each read and decrypted once for all hosts.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omsctl_proto::Secret;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Certificate, PrivateKey, PublicKey};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use super::certificates;
use super::config::LogInRules;

/// Asks the operator for a passphrase; the text says for what. `None`: there is nobody, or nobody answers.
pub type Prompter = Arc<dyn Fn(&str) -> Option<Secret> + Send + Sync>;

/// How often a wrong passphrase may be typed.
const ATTEMPTS: usize = 3;
/// No private key is larger.
const MAX_SIZE: u64 = 256 << 10;

/// What a key file turned out to be.
#[derive(Debug, Clone)]
pub(super) enum KeyFile {
    Key(Arc<PrivateKey>),
    Encrypted,
    /// In words.
    Unusable(String),
}

/// All key files that were needed so far.
pub(super) struct Identities {
    files: Mutex<HashMap<PathBuf, KeyFile>>,
    prompter: Option<Prompter>,
}

/// One way to prove who we are.
pub(super) enum Candidate {
    Agent(Box<AgentIdentity>),
    File(PathBuf),
    /// A certificate from a file, with its key.
    Certified(Arc<Certificate>, KeyOf),
}

/// Where the key of a certificate is.
#[derive(Debug, Clone)]
pub(super) enum KeyOf {
    Agent(PublicKey),
    File(PathBuf),
}

impl Identities {
    pub(super) fn new(prompter: Option<Prompter>) -> Self {
        Self { files: Mutex::default(), prompter }
    }

    /// The key of the file. `ask`: an encrypted one is worth a question to the operator.
    pub(super) async fn load(&self, file: &Path, ask: bool) -> KeyFile {
        // Held while we ask: the operator is asked once, not once a host.
        let mut files = self.files.lock().await;
        let known = files.get(file).cloned().unwrap_or_else(|| read(file));
        let loaded = match (&known, &self.prompter) {
            (KeyFile::Encrypted, Some(prompter)) if ask => decrypt(file, Arc::clone(prompter)).await,
            _ => known,
        };
        files.insert(file.to_owned(), loaded.clone());
        loaded
    }

    /// What to try, best first: what the inventory names, the certificates of `CertificateFile`, ssh-agent's keys (those
    /// that are configured before the others), the other files. Each key once; a certificate beside a file right after it.
    pub(super) async fn candidates(&self, rules: &LogInRules, agent: &[AgentIdentity]) -> Vec<Candidate> {
        let mut candidates = self.certified(rules, agent).await;
        let mut left: Vec<&AgentIdentity> = agent.iter().collect();
        let mut files = Vec::new();
        for (index, file) in rules.identity_files.iter().enumerate() {
            let first = rules.identity_first && index == 0;
            let public = self.public_key(file).await;
            let held = left.iter().position(|identity| {
                let plain = matches!(identity, AgentIdentity::PublicKey { .. });
                plain && public.as_ref().is_some_and(|key| identity.public_key().key_data() == key.key_data())
            });
            let (place, key) = if let Some(held) = held {
                let identity = left.remove(held).clone();
                let key = KeyOf::Agent(identity.public_key().into_owned());
                candidates.push(Candidate::Agent(Box::new(identity)));
                (&mut candidates, key)
            } else {
                let place = if first { &mut candidates } else { &mut files };
                place.push(Candidate::File(file.clone()));
                (place, KeyOf::File(file.clone()))
            };
            if let Some(certificate) = beside(file).filter(|_| rules.certificate_files.is_none()) {
                place.push(Candidate::Certified(certificate, key));
            }
        }
        if !rules.identities_only {
            candidates.extend(left.into_iter().map(|identity| Candidate::Agent(Box::new(identity.clone()))));
        }
        candidates.extend(files);
        candidates
    }

    /// The certificates of `CertificateFile`, as far as their keys are there.
    async fn certified(&self, rules: &LogInRules, agent: &[AgentIdentity]) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for file in rules.certificate_files.iter().flatten() {
            let Some(certificate) = certificates::read_user(file) else { continue };
            let mut key = agent
                .iter()
                .map(|identity| identity.public_key().into_owned())
                .find(|key| key.key_data() == certificate.public_key())
                .map(KeyOf::Agent);
            for file in rules.identity_files.iter().filter(|_| key.is_none()) {
                let public = self.public_key(file).await;
                if public.is_some_and(|public| public.key_data() == certificate.public_key()) {
                    key = Some(KeyOf::File(file.clone()));
                    break;
                }
            }
            candidates.extend(key.map(|key| Candidate::Certified(certificate, key)));
        }
        candidates
    }

    async fn public_key(&self, file: &Path) -> Option<PublicKey> {
        if let KeyFile::Key(key) = self.load(file, false).await {
            return Some(key.public_key().clone());
        }
        let mut beside = file.as_os_str().to_owned();
        beside.push(".pub");
        std::fs::read_to_string(beside).ok()?.trim().parse().ok()
    }
}

/// The certificate that ssh looks for beside a key: `id_ed25519-cert.pub`.
fn beside(file: &Path) -> Option<Arc<Certificate>> {
    let mut name = file.as_os_str().to_owned();
    name.push("-cert.pub");
    certificates::read_user(Path::new(&name))
}

/// Connects to ssh-agent, when there is one.
pub(super) async fn agent(rules: &LogInRules) -> Option<AgentClient<UnixStream>> {
    AgentClient::connect_uds(rules.agent.as_ref()?).await.ok()
}

fn read(file: &Path) -> KeyFile {
    match text(file) {
        Ok(text) => match russh::keys::decode_secret_key(&text, None) {
            Ok(key) => KeyFile::Key(Arc::new(key)),
            Err(russh::keys::Error::KeyIsEncrypted) => KeyFile::Encrypted,
            Err(error) => KeyFile::Unusable(error.to_string()),
        },
        Err(reason) => KeyFile::Unusable(reason),
    }
}

fn text(file: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(file).map_err(|error| error.to_string())?;
    if metadata.len() > MAX_SIZE {
        return Err("it is too large for a private key".to_owned());
    }
    let ours = metadata.uid() == rustix::process::getuid().as_raw();
    if ours && metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o777;
        return Err(format!("its mode {mode:04o} lets others read it, and ssh refuses that, too: chmod 600"));
    }
    std::fs::read_to_string(file).map_err(|error| error.to_string())
}

async fn decrypt(file: &Path, prompter: Prompter) -> KeyFile {
    let file = file.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let text = match text(&file) {
            Ok(text) => text,
            Err(reason) => return KeyFile::Unusable(reason),
        };
        for _ in 0..ATTEMPTS {
            let Some(passphrase) = prompter(&format!("passphrase of {}", file.display())) else {
                return KeyFile::Encrypted;
            };
            if let Ok(key) = russh::keys::decode_secret_key(&text, Some(passphrase.expose())) {
                return KeyFile::Key(Arc::new(key));
            }
        }
        KeyFile::Unusable("the passphrase is wrong".to_owned())
    });
    asked.await.unwrap_or(KeyFile::Encrypted)
}
