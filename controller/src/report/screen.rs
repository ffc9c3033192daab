//! Draws the picture as lines of text: one per host and a total. Pure: time and size are given.

use std::collections::BTreeMap;

use omsctl_proto::{Gate, NodeName, NodeResult, StepId};

use super::agent_part::Progress;
use super::tally::{Phase, Tally};
use super::totals::Totals;
use super::words;
use crate::out::{Paint, Style};

/// Columns for a host's name at most; longer ones are cut.
const NAME_COLUMNS: usize = 24;

/// What the picture does not hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) style: Style,
    /// Counts up; turns what turns.
    pub(super) turn: usize,
    /// Milliseconds since the run began, by the watcher's clock.
    pub(super) elapsed_ms: u64,
    /// Milliseconds since each host's phase began, by the watcher's clock.
    pub(super) since_ms: &'a BTreeMap<NodeName, u64>,
}

/// The live lines. When there are more hosts than rows: the busy ones first, and a count of the others.
pub(super) fn screen(tally: &Tally, frame: &Frame<'_>) -> Vec<String> {
    let hosts: Vec<(&NodeName, Phase<'_>)> =
        tally.nodes().map(|(host, _)| (host, tally.phase(host))).collect();
    // One row for the total, one for the cursor.
    let room = frame.rows.saturating_sub(2).max(1);
    let name_columns = name_columns(&hosts);
    let line = |(host, phase): &(&NodeName, Phase<'_>)| host_line(tally, host, phase, name_columns, frame);
    let mut lines: Vec<String> = if hosts.len() <= room {
        hosts.iter().map(line).collect()
    } else {
        let shown = busiest(&hosts, room - 1);
        let mut lines: Vec<String> = shown.iter().map(|at| line(&hosts[*at])).collect();
        let rest = hosts.len() - shown.len();
        let more = format!("  and {}", words::count(rest, "more host"));
        lines.push(fit(&frame.style.paint(Paint::Faint, &more), frame.columns));
        lines
    };
    lines.push(fit(&total_line(&tally.totals(), frame), frame.columns));
    lines
}

fn name_columns(hosts: &[(&NodeName, Phase<'_>)]) -> usize {
    let longest = hosts.iter().map(|(host, _)| console::measure_text_width(host.as_str())).max();
    longest.unwrap_or(0).min(NAME_COLUMNS)
}

/// Which hosts to show when not all fit, in their own order.
fn busiest(hosts: &[(&NodeName, Phase<'_>)], room: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..hosts.len()).collect();
    order.sort_by_key(|at| (quietness(&hosts[*at].1), *at));
    order.truncate(room);
    order.sort_unstable();
    order
}

fn quietness(phase: &Phase<'_>) -> u8 {
    match phase {
        Phase::Failed { .. } | Phase::NotRegistered(_) | Phase::Unknown(_) => 0,
        Phase::Working { .. } | Phase::Lost(_) | Phase::Registering => 1,
        Phase::Unreachable(_) | Phase::Aborted { .. } | Phase::Walking => 2,
        Phase::Waiting { .. } | Phase::Planned | Phase::Connected | Phase::Connecting => 3,
        Phase::Ended { .. } | Phase::Done { .. } => 4,
    }
}

fn host_line(
    tally: &Tally,
    host: &NodeName,
    phase: &Phase<'_>,
    name_columns: usize,
    frame: &Frame<'_>,
) -> String {
    let tail = if frame.style.unicode { "…" } else { "~" };
    let name = console::truncate_str(host.as_str(), name_columns, tail);
    let name = console::pad_str(&name, name_columns, console::Alignment::Left, None);
    let (glyph, paint) = glyph(phase, frame);
    let (done, all) = tally.steps(host);
    let steps = match all {
        0 => String::new(),
        _ => format!("{}/{all}", (done + usize::from(matches!(phase, Phase::Working { .. }))).min(all)),
    };
    let text = phase_text(tally, host, phase, frame);
    let text = paint.map_or_else(|| text.clone(), |paint| frame.style.paint(paint, &text));
    fit(&format!("{name} {glyph} {steps:>5}  {text}"), frame.columns)
}

/// Cut to the width of the terminal, less one column so that nothing wraps.
fn fit(line: &str, columns: usize) -> String {
    console::truncate_str(line, columns.saturating_sub(1).max(10), "").into_owned()
}

fn glyph(phase: &Phase<'_>, frame: &Frame<'_>) -> (&'static str, Option<Paint>) {
    const TURNING: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
    const TURNING_ASCII: [&str; 4] = ["|", "/", "-", "\\"];
    let unicode = frame.style.unicode;
    let pick = |fine: &'static str, plain: &'static str| if unicode { fine } else { plain };
    match phase {
        Phase::Ended { result: NodeResult::Changed | NodeResult::Unchanged, .. } | Phase::Done { .. } => {
            (pick("✓", "+"), Some(Paint::Good))
        }
        Phase::Ended { result: NodeResult::Failed | NodeResult::Unreachable, .. }
        | Phase::Failed { .. }
        | Phase::NotRegistered(_)
        | Phase::Unreachable(_) => (pick("✗", "x"), Some(Paint::Bad)),
        Phase::Ended { result: NodeResult::Unknown, .. } | Phase::Unknown(_) => ("?", Some(Paint::Bad)),
        Phase::Lost(_) => ("!", Some(Paint::Warning)),
        Phase::Ended { result: NodeResult::Waiting | NodeResult::LeftOut, .. }
        | Phase::Waiting { .. }
        | Phase::Aborted { .. } => (pick("·", "."), Some(Paint::Warning)),
        Phase::Working { .. } | Phase::Walking | Phase::Registering | Phase::Connecting => {
            let turn = if unicode {
                TURNING[frame.turn % TURNING.len()]
            } else {
                TURNING_ASCII[frame.turn % TURNING_ASCII.len()]
            };
            (turn, None)
        }
        Phase::Planned | Phase::Connected => (" ", None),
    }
}

fn phase_text(tally: &Tally, host: &NodeName, phase: &Phase<'_>, frame: &Frame<'_>) -> String {
    let error = |error: &omsctl_proto::ErrorReport| words::clean(&error.one_line());
    match phase {
        Phase::Ended { result, error: report } => ended(*result, report.map(error)),
        Phase::Unreachable(report) => format!("unreachable: {}", error(report)),
        Phase::Failed { step, error: report } => format!("failed {}: {}", words::doing(*step), error(report)),
        Phase::NotRegistered(report) => format!("not in the MetaDB: {}", error(report)),
        Phase::Aborted { reason } => format!("stopped: {}", words::clean(reason)),
        Phase::Unknown(report) => format!("state unknown: {}", error(report)),
        Phase::Lost(_) => "connection lost, trying again; its agent goes on".to_owned(),
        Phase::Waiting { gate, holder, .. } => words::waiting(*gate, *holder),
        Phase::Working { step } => working(tally, host, *step, frame),
        Phase::Walking => "going on".to_owned(),
        Phase::Registering => format!("{}{}", words::doing(StepId::Register), elapsed(host, frame)),
        Phase::Done { changed: true } => "ready".to_owned(),
        Phase::Done { changed: false } => "nothing to do".to_owned(),
        Phase::Planned => "has its plan".to_owned(),
        Phase::Connected => "connected".to_owned(),
        Phase::Connecting => "connecting".to_owned(),
    }
}

fn ended(result: NodeResult, error: Option<String>) -> String {
    let word = match result {
        NodeResult::Changed => "ready",
        NodeResult::Unchanged => "nothing to do",
        NodeResult::Failed => "failed",
        NodeResult::Unreachable => "unreachable",
        NodeResult::Waiting => "not finished",
        NodeResult::LeftOut => "left out",
        NodeResult::Unknown => "state unknown",
    };
    error.map_or_else(|| word.to_owned(), |error| format!("{word}: {error}"))
}

fn working(tally: &Tally, host: &NodeName, step: StepId, frame: &Frame<'_>) -> String {
    let node = tally.node(host);
    let progress = node.and_then(|node| node.agent.current.as_ref()).and_then(|step| step.progress);
    let doing = words::doing(step);
    if let Some(progress) = progress {
        // Docker takes a while after the last byte; a pace would lie.
        if progress.unit == omsctl_proto::Unit::Bytes && progress.total == Some(progress.current) {
            return format!("{doing}, all {} sent{}", words::bytes(progress.current), elapsed(host, frame));
        }
        return format!("{doing}  {}{}", words::progress(&progress), pace(&progress, host, frame));
    }
    let sent = node.and_then(|node| node.controller.sent).filter(|_| step == StepId::LoadImage);
    if let Some((current, total)) = sent {
        return format!("{doing}  {} sent", words::bytes_of(current, total));
    }
    let inside = node.is_some_and(|node| step == StepId::Initialise && node.agent.in_schema());
    let schema = if inside { ", schema step" } else { "" };
    format!("{doing}{schema}{}", elapsed(host, frame))
}

/// Rate and time left for bytes; time so far for everything else.
fn pace(progress: &Progress, host: &NodeName, frame: &Frame<'_>) -> String {
    match (progress.unit, progress.pace(), progress.left_ms()) {
        (omsctl_proto::Unit::Bytes, Some(pace), Some(left)) => {
            format!("  {}/s  {} left", words::bytes(pace), words::duration(left))
        }
        (omsctl_proto::Unit::Bytes, Some(pace), None) => format!("  {}/s", words::bytes(pace)),
        _ => elapsed(host, frame),
    }
}

fn elapsed(host: &NodeName, frame: &Frame<'_>) -> String {
    let since = frame.since_ms.get(host).copied().filter(|since| *since >= 1000);
    since.map(|since| format!("  {}", words::duration(since))).unwrap_or_default()
}

fn total_line(totals: &Totals, frame: &Frame<'_>) -> String {
    let mut parts = vec![format!("{} ready", totals.ready)];
    parts.extend(totals.troubles());
    let hosts = words::count(totals.hosts, "host");
    let steps = format!("{} of {} steps", totals.steps_done, totals.steps);
    let line = format!("{hosts}: {}  {steps}  {}", parts.join(", "), words::duration(frame.elapsed_ms));
    frame.style.paint(Paint::Strong, &line)
}

/// What a phase is apart from its details: the clock of a host starts anew when this changes.
pub(super) fn clock_key(phase: &Phase<'_>) -> (u8, Option<StepId>, Option<Gate>) {
    match phase {
        Phase::Working { step } => (0, Some(*step), None),
        Phase::Waiting { gate, step, .. } => (1, Some(*step), Some(*gate)),
        Phase::Registering => (2, None, None),
        Phase::Ended { .. }
        | Phase::Unreachable(_)
        | Phase::Failed { .. }
        | Phase::NotRegistered(_)
        | Phase::Aborted { .. }
        | Phase::Unknown(_)
        | Phase::Lost(_)
        | Phase::Walking
        | Phase::Done { .. }
        | Phase::Planned
        | Phase::Connected
        | Phase::Connecting => (3, None, None),
    }
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
