//! An error that crosses machines: what failed, why, what to do. Built where the error happened, shown anywhere.

use serde::{Deserialize, Serialize};

/// A failure in the words of the thing that failed, with the causes below it and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct ErrorReport {
    /// Stable; messages may change, codes may not.
    pub code: ErrorCode,
    /// What failed, one line.
    pub message: String,
    /// Why, outermost first; may hold the last lines that a program printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The classes of failure that scripts may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A host cannot be reached or was lost.
    Unreachable,
    /// The host's key is unknown, changed or revoked.
    HostKey,
    /// The log-in was refused.
    Authentication,
    /// sudo refused, or asked for a password that nobody gave.
    Become,
    /// The agent cannot be put in place or does not start.
    Agent,
    /// Docker does not answer or refuses.
    Docker,
    /// The image archive is not an image, is damaged, or is another one than was announced.
    Image,
    /// The container does not run, or runs with other arguments.
    Container,
    /// A directory or a file cannot be made, written or read back.
    File,
    /// A disk is full or too small.
    Disk,
    /// A service of OMS does not run.
    Service,
    /// Initialisation failed, was interrupted, or cannot be told.
    Initialisation,
    /// OMS runs and says that it is not healthy.
    Health,
    /// keepalived does not serve the virtual IP.
    VirtualIp,
    /// The time-series database does not serve.
    Tsdb,
    /// The MetaDB refuses, or does not show what it should.
    Metadb,
    /// Another rollout holds the hosts.
    Busy,
    /// Somebody asked for it to stop.
    Cancelled,
    /// The peer does not keep the protocol.
    Protocol,
    /// The state store cannot be read or written.
    State,
    /// A bug of omsctl.
    Internal,
    /// From a newer version.
    #[serde(other)]
    Unknown,
}

impl ErrorReport {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// From an error with its whole chain of sources.
    pub fn from_error(code: ErrorCode, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut report = Self::new(code, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            report.causes.push(cause.to_string());
            source = cause.source();
        }
        report
    }

    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Message and causes in one line.
    pub fn one_line(&self) -> String {
        let mut line = self.message.clone();
        for cause in &self.causes {
            // A sentence that goes on has not ended yet.
            line.truncate(line.trim_end_matches('.').len());
            line.push_str(": ");
            line.push_str(cause);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_has_one_full_stop_at_most() {
        let report = ErrorReport::new(ErrorCode::Disk, "a cannot be written.");
        assert_eq!(report.one_line(), "a cannot be written.");
        let report = report.cause("No space left.").cause("0 bytes free on /data");
        assert_eq!(report.one_line(), "a cannot be written: No space left: 0 bytes free on /data");
    }
}
