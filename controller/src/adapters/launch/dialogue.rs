//! The conversation with the script on the host: skip what the log-in shell prints, answer sudo, send the agent when
//! it is asked for, and stop at the byte where the agent itself begins to speak.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use omsctl_proto::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::process::{Ended, Process};

/// What a log-in shell may print before the script speaks.
const MAX_NOISE: usize = 64 << 10;
/// How long the script may be silent.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long the end of a command may take after its output ended.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Bytes handed over at once.
const PIECE: usize = 256 << 10;

/// What the script said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// From here on it is the agent.
    Start,
    /// Send the agent for this architecture.
    Need {
        arch: String,
    },
    /// The agent goes to this place, because those before it will not do.
    Elsewhere {
        place: String,
        reason: String,
    },
    Fail {
        what: String,
        reason: String,
    },
    /// The command ended without a word.
    Ended(Ended),
    /// sudo asks again: the password was wrong.
    PasswordRefused,
    Silent,
    TooMuchNoise,
}

/// sudo's side of it.
pub(super) struct Sudo<'a> {
    pub prompt: &'a str,
    pub password: Option<&'a Secret>,
    pub answered: bool,
}

/// One conversation.
pub(super) struct Dialogue<'a> {
    pub process: Process,
    pub marker: &'a str,
    pub sudo: Sudo<'a>,
    /// Read, not yet understood. After [`Said::Start`]: the agent's first bytes.
    pub read: BytesMut,
    noise: usize,
}

impl<'a> Dialogue<'a> {
    pub(super) fn new(process: Process, marker: &'a str, sudo: Sudo<'a>) -> Self {
        Self { process, marker, sudo, read: BytesMut::new(), noise: 0 }
    }

    /// The next thing that the script says.
    pub(super) async fn listen(&mut self) -> Said {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(said) = self.understand() {
                return said;
            }
            if self.noise + self.read.len() > MAX_NOISE {
                return Said::TooMuchNoise;
            }
            tokio::select! {
                read = self.process.stdout.read_buf(&mut self.read) => match read {
                    Ok(0) | Err(_) => return self.last_words().await,
                    Ok(_) => {}
                },
                () = self.process.stderr.grown() => if let Some(said) = self.answer_sudo().await {
                    return said;
                },
                () = tokio::time::sleep_until(deadline) => return Said::Silent,
            }
        }
    }

    /// Sends the agent. What the script says meanwhile is a refusal and ends it.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Said {
        let mut sent = 0;
        while sent < bytes.len() {
            let piece = &bytes[sent..bytes.len().min(sent + PIECE)];
            tokio::select! {
                written = self.process.stdin.write_all(piece) => match written {
                    Ok(()) => sent += piece.len(),
                    Err(_) => return self.listen().await,
                },
                read = self.process.stdout.read_buf(&mut self.read) => match read {
                    Ok(0) | Err(_) => return self.last_words().await,
                    Ok(_) => if let Some(said) = self.understand() { return said },
                },
            }
        }
        // An error shows in what the script says, or does not say, next.
        drop(self.process.stdin.flush().await);
        self.listen().await
    }

    /// Takes whole lines from what was read, until one is the script's.
    fn understand(&mut self) -> Option<Said> {
        while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.read[..end]).into_owned();
            self.read.advance(end + 1);
            if let Some(said) = line.strip_prefix(self.marker).and_then(|rest| rest.strip_prefix(' ')) {
                return Some(parse(said.trim_end()));
            }
            self.noise += end + 1;
            if self.noise > MAX_NOISE {
                return Some(Said::TooMuchNoise);
            }
        }
        None
    }

    /// Types the password when, and only when, sudo has asked for it: a sudo that does not ask would pass it on to
    /// the program.
    async fn answer_sudo(&mut self) -> Option<Said> {
        let password = self.sudo.password?;
        match (self.process.stderr.count(self.sudo.prompt), self.sudo.answered) {
            (0, _) | (1, true) => None,
            (_, true) => Some(Said::PasswordRefused),
            (_, false) => {
                self.sudo.answered = true;
                let mut line = zeroize_line(password);
                let written = self.process.stdin.write_all(line.as_slice()).await;
                line.fill(0);
                if written.is_err() || self.process.stdin.flush().await.is_err() {
                    return Some(self.last_words().await);
                }
                None
            }
        }
    }

    /// The output ended: waits until the end is known and stderr is complete.
    async fn last_words(&mut self) -> Said {
        let ended = timeout(LAST_WORDS, self.process.ended.wait_for(Option::is_some)).await;
        Said::Ended(ended.ok().and_then(Result::ok).and_then(|end| *end).unwrap_or(Ended::Otherwise))
    }
}

fn zeroize_line(password: &Secret) -> Vec<u8> {
    let mut line = Vec::with_capacity(password.expose().len() + 1);
    line.extend_from_slice(password.expose().as_bytes());
    line.push(b'\n');
    line
}

fn parse(said: &str) -> Said {
    let mut words = said.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some("start"), Some(_), _) => Said::Start,
        (Some("need"), Some(_), Some(arch)) => Said::Need { arch: arch.to_owned() },
        (Some("elsewhere"), Some(place), reason) => Said::Elsewhere {
            place: place.to_owned(),
            reason: reason.unwrap_or_default().trim().trim_end_matches(';').to_owned(),
        },
        (Some("fail"), Some(what), reason) => {
            Said::Fail { what: what.to_owned(), reason: reason.unwrap_or_default().trim().to_owned() }
        }
        _ => Said::Fail { what: "run".to_owned(), reason: format!("it said {said:?}") },
    }
}
