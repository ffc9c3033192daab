//! Runs agents on this machine.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use futures::future::BoxFuture;
use omsctl_proto::ErrorReport;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;

use crate::adapters::agent_binary::AgentBinaries;
use crate::adapters::connect_error::ConnectError;
use crate::adapters::launch::{Ended, Launcher, Process, Spawn, StderrTail};
use crate::ports::{AgentCommand, ByteStream, Connection, ConnectionDetails, HostTarget, Transport};

const PLACE: &str = "local";

/// The way to this machine.
#[derive(Debug)]
pub struct LocalTransport {
    agents: Arc<AgentBinaries>,
    places: Option<Vec<String>>,
}

impl LocalTransport {
    pub fn new(agents: Arc<AgentBinaries>) -> Self {
        Self { agents, places: None }
    }

    /// Looks for the agent in these places instead of the product's own; for tests that are not root.
    #[must_use]
    pub fn with_agent_places(mut self, places: Vec<String>) -> Self {
        self.places = Some(places);
        self
    }
}

impl Transport for LocalTransport {
    fn connect<'a>(
        &'a self,
        target: &'a HostTarget,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, ErrorReport>> {
        Box::pin(async move {
            let launcher = Launcher::new(
                Arc::clone(&self.agents),
                PLACE.to_owned(),
                "the operator".to_owned(),
                target.escalation.clone(),
            )?;
            let (open, _) = watch::channel(true);
            let connection = LocalConnection { launcher: launcher.with_places(self.places.clone()), open };
            Ok(Arc::new(connection) as Arc<dyn Connection>)
        })
    }
}

struct LocalConnection {
    launcher: Launcher,
    open: watch::Sender<bool>,
}

impl Spawn for LocalConnection {
    fn spawn(&self, words: Vec<String>) -> BoxFuture<'_, Result<Process, ConnectError>> {
        Box::pin(async move { spawn(&words) })
    }
}

fn spawn(words: &[String]) -> Result<Process, ConnectError> {
    let failed = |reason: String| ConnectError::AgentDidNotStart { place: PLACE.to_owned(), reason };
    let (program, arguments) = words.split_first().ok_or_else(|| failed("no command".to_owned()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("{program}: {error}")))?;
    let stderr = Arc::new(StderrTail::default());
    let (report_end, ended) = watch::channel(None);
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(stdin), Some(stdout), Some(errors)) => {
            tokio::spawn(look_after(child, errors, Arc::clone(&stderr), report_end));
            Ok(Process { stdin: Box::new(stdin), stdout: Box::new(stdout), stderr, ended })
        }
        _ => Err(failed("the process has no pipes".to_owned())),
    }
}

/// Keeps what the process says on stderr, and its end. Whoever drops the pipes ends the agent: its stdin is over.
async fn look_after(
    mut child: Child,
    mut errors: ChildStderr,
    stderr: Arc<StderrTail>,
    report_end: watch::Sender<Option<Ended>>,
) {
    let mut piece = [0u8; 4096];
    while let Ok(length @ 1..) = errors.read(&mut piece).await {
        stderr.push(&piece[..length]);
    }
    let status = child.wait().await.ok().as_ref().and_then(ExitStatus::code);
    let ended = status.and_then(|status| u32::try_from(status).ok()).map_or(Ended::Otherwise, Ended::Status);
    report_end.send_replace(Some(ended));
}

impl Connection for LocalConnection {
    fn run_agent(&self, command: AgentCommand) -> BoxFuture<'_, Result<Box<dyn ByteStream>, ErrorReport>> {
        Box::pin(async move { Ok(self.launcher.launch(self, &command).await?) })
    }

    fn closed(&self) -> BoxFuture<'_, ()> {
        let mut open = self.open.subscribe();
        Box::pin(async move {
            // An error means that the connection itself is gone.
            drop(open.wait_for(|open| !open).await);
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.open.send_replace(false);
        Box::pin(std::future::ready(()))
    }

    fn details(&self) -> ConnectionDetails {
        ConnectionDetails {
            address: PLACE.to_owned(),
            agent_pushed_bytes: self.launcher.pushed_bytes(),
            host_key: None,
            warnings: self.launcher.warnings(),
        }
    }
}
