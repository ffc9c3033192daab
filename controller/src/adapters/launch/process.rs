//! A running command on a host, whoever runs it: its three streams and its end.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};

use crate::adapters::connect_error::ConnectError;

/// Bytes of stderr that are kept for error messages.
const TAIL: usize = 4096;

/// Runs commands on one host.
pub(crate) trait Spawn: Send + Sync {
    /// Starts the command; the words are handed over as they are, whatever shell is between.
    fn spawn(&self, words: Vec<String>) -> BoxFuture<'_, Result<Process, ConnectError>>;
}

/// The streams of a running command. Dropping all of them ends it.
pub(crate) struct Process {
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub stderr: std::sync::Arc<StderrTail>,
    /// `None` while it runs.
    pub ended: watch::Receiver<Option<Ended>>,
}

impl fmt::Debug for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Process").field("stderr", &self.stderr).finish_non_exhaustive()
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this exit status.
    Status(u32),
    /// By a signal, or the host did not say.
    Otherwise,
    /// Nobody knows: the connection is gone.
    Lost,
}

/// The last 4 KiB of what a command wrote to stderr.
#[derive(Debug, Default)]
pub(crate) struct StderrTail {
    bytes: Mutex<Vec<u8>>,
    grown: Notify,
}

impl StderrTail {
    /// Adds what came in; the oldest bytes go.
    pub(crate) fn push(&self, more: &[u8]) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend_from_slice(&more[more.len().saturating_sub(TAIL)..]);
        let excess = bytes.len().saturating_sub(TAIL);
        bytes.drain(..excess);
        drop(bytes);
        self.grown.notify_one();
    }

    /// As text in one piece, without the given prompt, without control characters, cut to what an operator reads.
    pub(crate) fn text(&self, prompt: &str) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes).replace(prompt, "");
        drop(bytes);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines[lines.len().saturating_sub(8)..].join("; ");
        last.chars().filter(|c| !c.is_control()).collect()
    }

    /// How often the text is there.
    pub(crate) fn count(&self, text: &str) -> usize {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).matches(text).count()
    }

    /// Resolves when something came in since the last call.
    pub(crate) async fn grown(&self) {
        self.grown.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_the_end_and_hides_the_prompt() {
        let tail = StderrTail::default();
        tail.push(&[b'x'; 10_000]);
        tail.push(b"\nPROMPT\nlast \x1b[1mwords\n");
        assert_eq!(tail.count("PROMPT"), 1);
        let text = tail.text("PROMPT");
        assert!(text.len() <= TAIL && text.ends_with("x; last [1mwords"), "{text}");
        tail.push(&[b'y'; 5_000]);
        assert_eq!(tail.count("PROMPT"), 0);
    }
}
