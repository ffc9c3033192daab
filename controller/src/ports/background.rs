//! This program once more, free of the terminal: the controller of a rollout that goes on after its operator has left.

use std::path::PathBuf;

use futures::future::BoxFuture;
use omsctl_proto::{ErrorReport, RunId, WireSecret};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;

/// Starts controllers in the background.
pub trait Background: Send + Sync {
    /// The same command for this run, with what was asked for at the terminal.
    fn start<'a>(
        &'a self,
        run: &'a RunId,
        asked: &'a Asked,
    ) -> BoxFuture<'a, Result<BackgroundController, ErrorReport>>;
}

/// A controller that goes on by itself.
pub struct BackgroundController {
    /// Its events, one JSON object a line, as long as somebody reads them.
    pub events: Box<dyn AsyncRead + Send + Unpin>,
    /// What it has to say to people.
    pub log: PathBuf,
}

impl std::fmt::Debug for BackgroundController {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BackgroundController").field("log", &self.log).finish_non_exhaustive()
    }
}

/// What only the one with the terminal knows. Travels through a pipe, never in an argument or the environment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Asked {
    /// The line as the operator typed it, for the history.
    pub typed: String,
    pub ssh: Option<WireSecret>,
    pub escalation: Option<WireSecret>,
    pub vault: Vec<WireSecret>,
    pub former_metadb: Option<WireSecret>,
}
