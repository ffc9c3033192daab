//! The keys to log in with: ssh-agent's and files, each read and decrypted once for all hosts.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omsctl_proto::Secret;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{PrivateKey, PublicKey};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use super::config::HostSettings;

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
    Agent(AgentIdentity),
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

    /// What to try, best first: what the inventory names, ssh-agent's keys (those that are configured before the
    /// others), the other files. Each key once.
    pub(super) async fn candidates(
        &self,
        settings: &HostSettings,
        agent: &[AgentIdentity],
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        let mut left: Vec<&AgentIdentity> = agent.iter().collect();
        let mut files = Vec::new();
        for (index, file) in settings.identity_files.iter().enumerate() {
            let first = settings.identity_first && index == 0;
            let public = self.public_key(file).await;
            let held = left.iter().position(|identity| {
                public.as_ref().is_some_and(|public| identity.public_key().key_data() == public.key_data())
            });
            match held {
                Some(held) => candidates.push(Candidate::Agent(left.remove(held).clone())),
                None if first => candidates.push(Candidate::File(file.clone())),
                None => files.push(Candidate::File(file.clone())),
            }
        }
        if !settings.identities_only {
            candidates.extend(left.into_iter().cloned().map(Candidate::Agent));
        }
        candidates.extend(files);
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

/// Connects to ssh-agent, when there is one.
pub(super) async fn agent(settings: &HostSettings) -> Option<AgentClient<UnixStream>> {
    let socket = match settings.identity_agent.as_deref() {
        Some("none") => return None,
        Some(path) => path.to_owned(),
        None => std::env::var("SSH_AUTH_SOCK").ok().filter(|path| !path.is_empty())?,
    };
    AgentClient::connect_uds(socket).await.ok()
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
