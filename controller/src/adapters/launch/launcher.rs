//! Starts agents on one host: builds the command, holds the conversation, names every failure.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use tokio::sync::Mutex;

use super::dialogue::{Dialogue, Said, Sudo};
use super::process::{Ended, Spawn, StderrTail};
use super::script::{self, Escalation};
use super::stream::AgentStream;
use crate::adapters::agent_binary::{AgentBinaries, AgentBinary};
use crate::adapters::connect_error::ConnectError;
use crate::ports::{AgentCommand, Become, ByteStream};

/// What sudo says under `requiretty`.
const NO_TERMINAL: &str = "you must have a tty";

/// What is the same for every agent on this host.
pub(crate) struct Launcher {
    agents: Arc<AgentBinaries>,
    places: Vec<String>,
    /// `address:port`, for messages.
    place: String,
    /// Who logs in, for messages.
    user: String,
    escalation: Become,
    /// Whether the agent is known to be there. Held during the first launch, so that it is sent once.
    placed: Mutex<bool>,
    pushed: AtomicU64,
    /// sudo on this host wants a terminal.
    terminal: AtomicBool,
    warnings: std::sync::Mutex<Vec<String>>,
}

impl Launcher {
    /// Refuses an `ansible_become_user` that is not root.
    pub(crate) fn new(
        agents: Arc<AgentBinaries>,
        place: String,
        user: String,
        escalation: Become,
    ) -> Result<Self, ConnectError> {
        if let Some(become_user) =
            escalation.user.as_deref().filter(|user| escalation.enabled && *user != "root")
        {
            return Err(ConnectError::BecomeUserNotRoot { place, become_user: become_user.to_owned() });
        }
        let places = script::PLACES.map(str::to_owned).to_vec();
        Ok(Self {
            agents,
            places,
            place,
            user,
            escalation,
            placed: Mutex::new(false),
            pushed: AtomicU64::new(0),
            terminal: AtomicBool::new(false),
            warnings: std::sync::Mutex::default(),
        })
    }

    /// Other places than the product's own; for tests.
    #[must_use]
    pub(crate) fn with_places(mut self, places: Option<Vec<String>>) -> Self {
        self.places = places.unwrap_or(self.places);
        self
    }

    /// Bytes of agents that were sent so far.
    pub(crate) fn pushed_bytes(&self) -> u64 {
        self.pushed.load(Ordering::Relaxed)
    }

    /// What the operator should know of how the agent was put in place.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts the agent; the first time it is put in place when the host lacks it.
    pub(crate) async fn launch(
        &self,
        host: &dyn Spawn,
        command: &AgentCommand,
    ) -> Result<Box<dyn ByteStream>, ConnectError> {
        let mut placed = self.placed.lock().await;
        if *placed {
            drop(placed);
            return self.converse(host, command).await;
        }
        let stream = self.converse(host, command).await?;
        *placed = true;
        Ok(stream)
    }

    /// Learns once that sudo wants a terminal.
    async fn converse(
        &self,
        host: &dyn Spawn,
        command: &AgentCommand,
    ) -> Result<Box<dyn ByteStream>, ConnectError> {
        let terminal = self.terminal.load(Ordering::Relaxed);
        match self.attempt(host, command, terminal).await {
            Err(ConnectError::SudoNotAllowed { reason, .. }) if !terminal && reason.contains(NO_TERMINAL) => {
                self.terminal.store(true, Ordering::Relaxed);
                self.attempt(host, command, true).await
            }
            attempted => attempted,
        }
    }

    async fn attempt(
        &self,
        host: &dyn Spawn,
        command: &AgentCommand,
        terminal: bool,
    ) -> Result<Box<dyn ByteStream>, ConnectError> {
        let (marker, prompt) = (random_word("omsctl-")?, random_word("omsctl-sudo-")?);
        let password = self.escalation.password.as_ref();
        let escalation = if self.escalation.enabled {
            Escalation::Sudo { prompt: password.map(|_| prompt.as_str()), terminal }
        } else {
            Escalation::None
        };
        let words = script::words(escalation, &marker, &self.places, &self.offer(), command)
            .map_err(|reason| self.did_not_start(reason))?;
        let process = host.spawn(words).await?;
        let stderr = Arc::clone(&process.stderr);
        let sudo =
            Sudo { prompt: &prompt, password: password.filter(|_| self.escalation.enabled), answered: false };
        let mut dialogue = Dialogue::new(process, &marker, sudo);
        let mut said = dialogue.listen().await;
        if let Said::Elsewhere { place, reason } = said {
            self.warn(format!("the agent is in {place} ({})", plain(&reason)));
            said = dialogue.listen().await;
        }
        if let Said::Need { arch } = &said {
            let agent = self.agent(arch)?;
            said = dialogue.send(&agent.bytes).await;
            self.pushed.fetch_add(agent.bytes.len() as u64, Ordering::Relaxed);
        }
        if said != Said::Start {
            return Err(self.failure(said, dialogue.sudo.answered, &stderr, &prompt));
        }
        Ok(Box::new(AgentStream::new(dialogue.process, dialogue.read)))
    }

    fn warn(&self, warning: String) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
    }

    /// The agents at hand, as the script wants to hear of them.
    fn offer(&self) -> String {
        let mut offer = String::new();
        for arch in ["x86_64", "aarch64"] {
            if let Ok(agent) = self.agents.for_architecture(arch) {
                let separator = if offer.is_empty() { "" } else { "," };
                // Writing to a string cannot fail.
                let _ = write!(offer, "{separator}{arch}:{}:{}", agent.digest, agent.bytes.len());
            }
        }
        // An empty word would be lost by some shells.
        if offer.is_empty() { "none".to_owned() } else { offer }
    }

    fn agent(&self, arch: &str) -> Result<AgentBinary, ConnectError> {
        self.agents.for_architecture(arch).map_err(|error| {
            let reason = match std::error::Error::source(&error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            };
            ConnectError::NoAgentForArchitecture {
                place: self.place.clone(),
                arch: arch.chars().take(40).collect(),
                reason,
            }
        })
    }

    fn did_not_start(&self, reason: String) -> ConnectError {
        ConnectError::AgentDidNotStart { place: self.place.clone(), reason }
    }

    fn failure(&self, said: Said, answered: bool, stderr: &StderrTail, prompt: &str) -> ConnectError {
        let place = self.place.clone();
        match said {
            Said::Fail { what, reason } => match what.as_str() {
                "arch" => match self.agent(&reason) {
                    Err(error) => error,
                    Ok(_) => self.did_not_start(format!("it did not take the agent for {reason}")),
                },
                "place" => ConnectError::NoPlaceForAgent { place, reason },
                "short" => ConnectError::AgentDamaged { place, reason },
                _ => self.did_not_start(reason),
            },
            Said::PasswordRefused => ConnectError::SudoPasswordWrong { place, user: self.user.clone() },
            Said::Ended(Ended::Lost) => {
                ConnectError::Lost { place, reason: "while the agent was started".to_owned() }
            }
            Said::Ended(ended) => self.ended(ended, answered, &stderr.text(prompt)),
            Said::Silent => {
                self.did_not_start(format!("no answer within 60 s; stderr: {:?}", stderr.text(prompt)))
            }
            Said::TooMuchNoise => self.did_not_start("the log-in shell prints more than 64 KiB".to_owned()),
            Said::Start | Said::Need { .. } | Said::Elsewhere { .. } => {
                self.did_not_start("it asked twice for the agent".to_owned())
            }
        }
    }

    /// The command ended before the script said anything: sudo, or the log-in shell.
    fn ended(&self, ended: Ended, answered: bool, words: &str) -> ConnectError {
        let (place, user) = (self.place.clone(), self.user.clone());
        let says = |texts: &[&str]| texts.iter().any(|text| words.contains(text));
        let by_sudo = self.escalation.enabled && says(&["sudo", "Sorry"]);
        if by_sudo
            && answered
            && says(&["incorrect password", "Sorry, try again", "no password was provided"])
        {
            return ConnectError::SudoPasswordWrong { place, user };
        }
        if by_sudo
            && says(&[
                "password is required",
                "authentication is required",
                "is required to read the password",
            ])
        {
            return ConnectError::SudoPasswordNeeded { place, user };
        }
        if by_sudo {
            return ConnectError::SudoNotAllowed { place, user, reason: words.to_owned() };
        }
        let how = match ended {
            Ended::Status(status) => format!("the command ended with status {status}"),
            Ended::Otherwise | Ended::Lost => "the command ended".to_owned(),
        };
        let words =
            if words.is_empty() { "nothing on stderr".to_owned() } else { format!("stderr: {words}") };
        self.did_not_start(format!("{how}; {words}"))
    }
}

/// A host's words, without what would move a terminal's cursor, cut to what an operator reads.
fn plain(words: &str) -> String {
    words.chars().filter(|character| !character.is_control()).take(300).collect()
}

/// The prefix and 16 random hexadecimal digits.
fn random_word(prefix: &str) -> Result<String, ConnectError> {
    let mut bytes = [0u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| ConnectError::AgentDidNotStart {
        place: "this bastion".to_owned(),
        reason: format!("no random numbers: {error}"),
    })?;
    Ok(bytes.iter().fold(prefix.to_owned(), |mut word, byte| {
        let _ = write!(word, "{byte:02x}");
        word
    }))
}
