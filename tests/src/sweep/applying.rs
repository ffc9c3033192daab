//! One `omsctl apply` under way: its events as they come, its end, and what it said.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::SweepError;
use super::moment::{Heard, Names};
use crate::rig::until;

/// A command that takes longer does not end: it looks for a lost host for two minutes.
const PATIENCE: Duration = Duration::from_mins(5);

/// A running command.
#[derive(Debug)]
pub(super) struct Applying {
    child: Child,
    began: Instant,
    names: Names,
    lines: Receiver<(u64, String)>,
    reader: JoinHandle<()>,
    complaints: JoinHandle<String>,
    told: Told,
}

/// Everything that a command told.
#[derive(Debug, Default, Clone)]
pub(super) struct Told {
    /// Its lines on stdout, events.
    pub(super) lines: Vec<String>,
    /// The events that no two runs tell differently.
    pub(super) heard: Vec<Heard>,
    /// Its stderr.
    pub(super) complaints: String,
    /// Exit status; `None` when a signal ended it.
    pub(super) code: Option<i32>,
    /// Whether it had to be killed because it did not end.
    pub(super) hung: bool,
}

impl Applying {
    pub(super) fn start(mut command: Command) -> Result<Self, SweepError> {
        let began = Instant::now();
        let mut child = command.spawn().map_err(SweepError::Omsctl)?;
        let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(SweepError::Other("omsctl was started without its streams".to_owned()));
        };
        let (sender, lines) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let at_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                if sender.send((at_ms, line)).is_err() {
                    break;
                }
            }
        });
        let complaints = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What came before an error is all that there is.
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let names = Names::default();
        Ok(Self { child, began, names, lines, reader, complaints, told: Told::default() })
    }

    /// Waits for an event of this name; false when the command ended without it.
    pub(super) fn hear(&mut self, name: &str, patience: Duration) -> Result<bool, SweepError> {
        let deadline = self.began + patience;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((at_ms, line)) => {
                    if self.take(at_ms, line).is_some_and(|heard| heard == name) {
                        return Ok(true);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(false),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(SweepError::Other(format!("waited {patience:?} in vain for {name}")));
                }
            }
        }
    }

    fn take(&mut self, at_ms: u64, line: String) -> Option<String> {
        let event: Option<Value> = serde_json::from_str(&line).ok();
        let heard = event.and_then(|event| self.names.hear(&event, at_ms));
        let name = heard.as_ref().map(|heard| heard.name.clone());
        self.told.heard.extend(heard);
        self.told.lines.push(line);
        name
    }

    /// `kill -9`; nothing happens when it has ended.
    pub(super) fn kill(&mut self) -> Result<(), SweepError> {
        self.child.kill().map_err(SweepError::Omsctl)
    }

    /// Waits for its end; one that does not end is killed.
    pub(super) fn end(mut self) -> Result<Told, SweepError> {
        let ended = until("omsctl ends", PATIENCE, || self.child.try_wait().transpose());
        if ended.is_err() {
            self.kill()?;
        }
        let status = self.child.wait().map_err(SweepError::Omsctl)?;
        let _ = self.reader.join();
        while let Ok((at_ms, line)) = self.lines.try_recv() {
            let event: Option<Value> = serde_json::from_str(&line).ok();
            self.told.heard.extend(event.and_then(|event| self.names.hear(&event, at_ms)));
            self.told.lines.push(line);
        }
        self.told.complaints = self.complaints.join().unwrap_or_default();
        self.told.code = status.code();
        self.told.hung = ended.is_err();
        Ok(self.told)
    }
}

impl Told {
    /// The events, lossy ones included.
    pub(super) fn events(&self) -> impl Iterator<Item = Value> {
        self.lines.iter().filter_map(|line| serde_json::from_str(line).ok())
    }

    /// `result` of the terminal event.
    pub(super) fn result(&self) -> String {
        let last = self.events().last().unwrap_or_default();
        last["result"].as_str().unwrap_or("no terminal event").to_owned()
    }
}
