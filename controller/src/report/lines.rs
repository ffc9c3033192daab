//! Plain lines for pipes, files and CI: time, host, text. The time is that of the event's writer, in UTC.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use omsctl_proto::{
    CheckResult, CheckStatus, ErrorReport, Event, EventKind, Gate, Milestone, NodeName, Outcome, PlannedStep,
    StepId,
};

use super::agent_part::Progress;
use super::tally::{Tally, host_of};
use super::words;
use crate::out::{Paint, Style};

/// At most one progress line per step in this time.
const PROGRESS_EVERY_MS: u64 = 10_000;

/// What the lines are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// A rollout as it goes on: the operator just typed the command.
    Rollout,
    /// A look at the hosts: the result tells all the rest.
    Look,
    /// A recorded run.
    Replay,
}

/// Writes each event that says something new as a line.
pub struct Lines {
    writer: Box<dyn Write + Send>,
    telling: Telling,
    /// Warnings of checks that were not told yet: they come in a row and are told together.
    warned: Vec<CheckResult>,
    style: Style,
    tally: Tally,
    /// When progress was told last, by the agent's `mono_ms`.
    told_ms: BTreeMap<NodeName, u64>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lines").field("style", &self.style).finish_non_exhaustive()
    }
}

impl Lines {
    pub fn new(writer: Box<dyn Write + Send>, style: Style, telling: Telling) -> Self {
        let (tally, told_ms, warned) = (Tally::default(), BTreeMap::new(), Vec::new());
        Self { writer, telling, warned, style, tally, told_ms }
    }

    /// Goes on from a picture: what is in it is not told again.
    #[must_use]
    pub fn going_on(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }

    /// # Errors
    /// The stream cannot be written, for instance because a disk is full.
    pub fn on_event(&mut self, event: &Event) -> io::Result<()> {
        if !self.tally.add(event) {
            return Ok(());
        }
        if let EventKind::Check { check } = &event.kind
            && check.status == CheckStatus::Warn
        {
            self.warned.push(check.clone());
            return Ok(());
        }
        if let Some(warnings) = self.warnings() {
            self.write(event, None, &warnings)?;
        }
        let Some(said) = self.say(event) else { return Ok(()) };
        let host = event.node.as_ref().or_else(|| host_of(&event.kind)).map_or("", NodeName::as_str);
        let host = Some(host).filter(|host| !host.is_empty());
        self.write(event, host, &said)
    }

    fn write(&mut self, event: &Event, host: Option<&str>, said: &Said) -> io::Result<()> {
        let time = self.style.paint(Paint::Faint, &words::clean(time_of_day(&event.t)));
        let text = words::clean(&said.text);
        let text = said.paint.map_or_else(|| text.clone(), |paint| self.style.paint(paint, &text));
        let host = host.map(|host| format!("{host}: ")).unwrap_or_default();
        writeln!(self.writer, "{time} {host}{text}")?;
        self.writer.flush()
    }

    /// All warnings that wait, on one line: `check` has the details.
    fn warnings(&mut self) -> Option<Said> {
        let warned = std::mem::take(&mut self.warned);
        let mut names: Vec<&str> = warned.iter().map(|check| check.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let number = words::count(warned.len(), "warning");
        let text = format!("{number} of the checks ({}): see omsctl check", names.join(", "));
        (!warned.is_empty()).then_some(Said { paint: Some(Paint::Warning), text })
    }

    fn say(&mut self, event: &Event) -> Option<Said> {
        match &event.node {
            Some(node) => self.say_of_agent(node, event),
            None => match (&event.kind, self.telling) {
                (EventKind::RolloutStarted { hosts, .. }, Telling::Rollout) => {
                    plain(format!("run {} on {}", event.run, words::count(hosts.len(), "host")))
                }
                (EventKind::RolloutStarted { hosts, .. }, Telling::Look) => {
                    plain(format!("looking at {}", words::count(hosts.len(), "host")))
                }
                (EventKind::Notice { message }, Telling::Look) => plain(message.clone()),
                (_, Telling::Look) => None,
                (kind, Telling::Rollout | Telling::Replay) => say_of_controller(kind, event),
            },
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not told in a line is not listed")]
    fn say_of_agent(&mut self, node: &NodeName, event: &Event) -> Option<Said> {
        match &event.kind {
            EventKind::GateWaiting { gate, .. } => plain(words::waiting(*gate, self.tally.holder(*gate))),
            EventKind::StepStarted { step, why } => self.started(node, *step, why, event.mono_ms),
            EventKind::ContentWanted { offset, .. } => content_wanted(*offset),
            EventKind::StepProgress { .. } => self.progress(node, event.mono_ms),
            EventKind::StepMilestone { milestone, .. } => reached(*milestone),
            EventKind::StepWarning { message, .. } => said(Paint::Warning, format!("warning: {message}")),
            EventKind::StepDone { step, outcome, elapsed_ms, .. } => step_done(*step, *outcome, *elapsed_ms),
            EventKind::StepFailed { step, error, elapsed_ms } => step_failed(*step, error, *elapsed_ms),
            EventKind::NodeDone { .. } => said(Paint::Good, "all steps are done".to_owned()),
            EventKind::NodeAborted { by, reason } => {
                said(Paint::Warning, format!("stopped by {by}: {reason}"))
            }
            EventKind::NodeUnknown { error } => said(Paint::Bad, format!("state unknown: {}", full(error))),
            _ => None,
        }
    }

    fn started(&mut self, node: &NodeName, step: StepId, why: &str, at_ms: u64) -> Option<Said> {
        self.told_ms.insert(node.clone(), at_ms);
        plain(format!("{} ({why})", words::doing(step)))
    }

    fn progress(&mut self, node: &NodeName, at_ms: u64) -> Option<Said> {
        let told_ms = self.told_ms.entry(node.clone()).or_insert(at_ms);
        if at_ms.saturating_sub(*told_ms) < PROGRESS_EVERY_MS {
            return None;
        }
        *told_ms = at_ms;
        let current = self.tally.node(node)?.agent.current.as_ref()?;
        let progress = current.progress.as_ref()?;
        plain(format!("{}: {}{}", words::doing(current.step), words::progress(progress), left(progress)))
    }
}

/// One line's text, before the time and the host are put in front.
struct Said {
    paint: Option<Paint>,
    text: String,
}

#[expect(clippy::unnecessary_wraps, reason = "every kind of event may say nothing")]
fn plain(text: String) -> Option<Said> {
    Some(Said { paint: None, text })
}

#[expect(clippy::unnecessary_wraps, reason = "every kind of event may say nothing")]
fn said(paint: Paint, text: String) -> Option<Said> {
    Some(Said { paint: Some(paint), text })
}

/// `hh:mm:ss` of an RFC 3339 time.
pub(super) fn time_of_day(time: &str) -> &str {
    time.get(11..19).unwrap_or("--:--:--")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not told in a line is not listed")]
fn say_of_controller(kind: &EventKind, event: &Event) -> Option<Said> {
    match kind {
        EventKind::RolloutStarted { command, operator, hosts, .. } => {
            let hosts = words::count(hosts.len(), "host");
            said(Paint::Strong, format!("{command} by {operator} on {hosts}, run {}", event.run))
        }
        EventKind::HostConnected { address, agent_pushed_bytes, .. } => {
            connected(address, *agent_pushed_bytes)
        }
        EventKind::HostUnreachable { error, .. } => said(Paint::Bad, format!("unreachable: {}", full(error))),
        EventKind::HostLost { error, .. } => lost(error),
        EventKind::HostRegained { .. } => said(Paint::Good, "connected again".to_owned()),
        EventKind::Check { check } => checked(check),
        EventKind::HostPlanned { steps, .. } => planned(steps),
        EventKind::GateOpened { gate: Gate::Schema, .. } => plain("may enter the schema step".to_owned()),
        EventKind::GateOpened { gate: Gate::Metadb, .. } => plain("the MetaDB is changed".to_owned()),
        EventKind::GateOpened { gate: Gate::Password, .. } => {
            plain("the MetaDB takes the new password".to_owned())
        }
        EventKind::GateOpened { gate: Gate::Turn, .. } => plain("its turn has come".to_owned()),
        EventKind::GateOpened { gate: Gate::Stopped, .. } => plain("OMS is stopped on all hosts".to_owned()),
        EventKind::GateOpened { gate: Gate::Databases, .. } => {
            plain("all hosts have come so far, the databases are ready".to_owned())
        }
        EventKind::HostRegistered { elapsed_ms, .. } => {
            said(Paint::Good, format!("registered in the MetaDB ({})", words::duration(*elapsed_ms)))
        }
        EventKind::HostRemoved { elapsed_ms, .. } => {
            said(Paint::Good, format!("taken out of the MetaDB ({})", words::duration(*elapsed_ms)))
        }
        EventKind::HostNotRemoved { error, .. } => {
            said(Paint::Bad, format!("still in the MetaDB: {}", full(error)))
        }
        EventKind::HostNotRegistered { error, .. } => {
            said(Paint::Bad, format!("not registered in the MetaDB: {}", full(error)))
        }
        EventKind::Notice { message } => plain(message.clone()),
        _ => None,
    }
}

fn connected(address: &str, pushed: u64) -> Option<Said> {
    let sent = if pushed > 0 { format!(", agent sent ({})", words::bytes(pushed)) } else { String::new() };
    plain(format!("connected to {address}{sent}"))
}

fn lost(error: &ErrorReport) -> Option<Said> {
    let why = error.one_line();
    said(Paint::Warning, format!("connection lost: {why}; trying again, its agent goes on meanwhile"))
}

fn checked(check: &CheckResult) -> Option<Said> {
    let (paint, word) = match check.status {
        CheckStatus::Pass | CheckStatus::Warn => return None,
        CheckStatus::Fail => (Paint::Bad, "failed"),
        CheckStatus::Unknown => (Paint::Bad, "could not be made"),
    };
    let host = check.node.as_ref().map_or("cluster", NodeName::as_str);
    let CheckResult { name, found, .. } = check;
    said(paint, format!("{host}: check {name} {word}: {found}"))
}

fn planned(steps: &[PlannedStep]) -> Option<Said> {
    match steps.len() {
        0 => plain("nothing to do".to_owned()),
        number => plain(format!("{} to do", words::count(number, "step"))),
    }
}

fn content_wanted(offset: u64) -> Option<Said> {
    match offset {
        0 => plain("asks for the image".to_owned()),
        _ => plain(format!("asks for the rest of the image; it has {}", words::bytes(offset))),
    }
}

fn reached(milestone: Milestone) -> Option<Said> {
    match milestone {
        Milestone::SchemaEntered => plain("is in the schema step".to_owned()),
        Milestone::SchemaOver => plain("is through the schema step".to_owned()),
    }
}

fn step_done(step: StepId, outcome: Outcome, elapsed_ms: u64) -> Option<Said> {
    let already = match outcome {
        Outcome::Changed => "",
        Outcome::Unchanged => " already",
    };
    plain(format!("{}{already} ({})", words::did(step), words::duration(elapsed_ms)))
}

fn step_failed(step: StepId, error: &ErrorReport, elapsed_ms: u64) -> Option<Said> {
    let after = words::duration(elapsed_ms);
    said(Paint::Bad, format!("failed while {} after {after}: {}", words::doing(step), full(error)))
}

/// Message, causes and what to do.
fn full(error: &ErrorReport) -> String {
    match &error.hint {
        Some(hint) => format!("{}. {hint}", error.one_line().trim_end_matches('.')),
        None => error.one_line(),
    }
}

/// Pace and time left of a transfer, for the end of a line.
fn left(progress: &Progress) -> String {
    if progress.unit != omsctl_proto::Unit::Bytes {
        return String::new();
    }
    let pace = progress.pace().map(|pace| format!(", {}/s", words::bytes(pace))).unwrap_or_default();
    let left = progress.left_ms().map(|left_ms| format!(", {} left", words::duration(left_ms)));
    format!("{pace}{}", left.unwrap_or_default())
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
