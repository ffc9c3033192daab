//! The last words of `apply`: one line per host, failures with cause and remedy, what to do next, one clear line.

use omsctl_proto::{
    CheckResult, ErrorCode, ErrorReport, NodeName, NodeOutcome, NodeResult, RunResult, StepId,
};

use super::check_text::check_blocks;
use super::tally::{Ending, Tally};
use super::totals::Totals;
use super::words;
use crate::out::{Paint, Style};

/// Source: `research/oms.md` 5.
const PASSWORD: &str = "Whoever opens it first sets the admin password (OMS 4.2.1 and later): do it now.";

/// Source: `research/oms.md` 6.
const HA: &str = "HA is still off. To turn it on, in the console:\n\
                  System Management > System Parameters > ha.config, set enable to true.";

/// The text that ends an `apply`, and the replay of one; empty before the terminal event of the run.
pub fn summary(tally: &Tally, style: Style) -> String {
    let Some(ending) = tally.ending() else { return String::new() };
    let mut text = String::new();
    let about_hosts = match ending.result {
        RunResult::Unchanged => false,
        RunResult::Refused | RunResult::Interrupted => !tally.untouched(),
        RunResult::Done | RunResult::Failed | RunResult::Unreachable | RunResult::Busy => true,
    };
    if about_hosts {
        for outcome in &ending.nodes {
            text.push_str(&host_line(tally, outcome, &ending.nodes, style));
        }
        if !ending.nodes.is_empty() {
            text.push('\n');
        }
    }
    text.push_str(&troubles(tally, &ending.nodes, style));
    for failure in failures(tally, &ending.nodes) {
        text.push_str(&failure.text(style));
    }
    text.push_str(&image_line(tally));
    // Whoever only stops or removes hosts is not told to set a password.
    if ending.result == RunResult::Done && verb(tally) == "apply" {
        text.push_str(&closing_lines(ending));
    }
    text.push_str(&last_line(tally, ending.result, style));
    text
}

/// The checks that did not pass, equal ones once; not those of hosts whose own line tells them.
fn troubles(tally: &Tally, nodes: &[NodeOutcome], style: Style) -> String {
    let told = |check: &CheckResult| {
        // A refusal says more than that the host does not answer.
        check.name != "plan"
            && nodes
                .iter()
                .any(|outcome| Some(&outcome.node) == check.node.as_ref() && outcome.error.is_some())
    };
    let checks: Vec<CheckResult> = tally.troubles().filter(|check| !told(check)).cloned().collect();
    let mut text = check_blocks(&checks, style);
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn host_line(tally: &Tally, outcome: &NodeOutcome, all: &[NodeOutcome], style: Style) -> String {
    let width = all.iter().map(|other| console::measure_text_width(other.node.as_str())).max().unwrap_or(0);
    let (word, paint) = match outcome.result {
        NodeResult::Changed => (changed(tally, &outcome.node), Paint::Good),
        NodeResult::Unchanged => ("unchanged".to_owned(), Paint::Good),
        NodeResult::Failed => (failed(tally, &outcome.node), Paint::Bad),
        NodeResult::Unreachable => ("unreachable".to_owned(), Paint::Bad),
        NodeResult::Waiting => (waiting(tally, outcome), Paint::Warning),
        NodeResult::LeftOut => ("left out: a check failed".to_owned(), Paint::Warning),
        NodeResult::Unknown => ("state unknown".to_owned(), Paint::Bad),
    };
    let name = console::pad_str(outcome.node.as_str(), width, console::Alignment::Left, None);
    format!("{name}  {}\n", style.paint(paint, &word))
}

fn changed(tally: &Tally, host: &NodeName) -> String {
    let steps = tally.node(host).map_or(0, super::NodePicture::steps_changed);
    format!("{}, {} changed", state(tally, host), words::count(steps, "step"))
}

/// What a host is in the end, by the last step that it was given.
fn state(tally: &Tally, host: &NodeName) -> &'static str {
    let planned = tally.node(host).and_then(|node| node.controller.planned.last());
    match planned.map(|step| step.id) {
        Some(StepId::StopContainer) => "stopped",
        Some(StepId::WithdrawVirtualIp | StepId::RemoveContainers | StepId::RemoveData) => "without OMS",
        Some(StepId::Deregister) => "out of the cluster",
        Some(_) | None => "ready",
    }
}

fn failed(tally: &Tally, host: &NodeName) -> String {
    failed_step(tally, host)
        .map_or_else(|| "failed".to_owned(), |step| format!("failed while {}", words::doing(step)))
}

fn failed_step(tally: &Tally, host: &NodeName) -> Option<StepId> {
    let node = tally.node(host)?;
    match &node.agent.end {
        Some(super::End::Failed { step, .. }) => Some(*step),
        _ if matches!(node.controller.registration, Some(Err(_))) => Some(StepId::Register),
        _ => None,
    }
}

/// Where it stands, and for what.
fn waiting(tally: &Tally, outcome: &NodeOutcome) -> String {
    if let Some(error) = outcome.error.as_ref().filter(|_| is_held(tally, outcome)) {
        return format!("not begun: {}", words::clean(&error.message));
    }
    let reason = outcome.error.as_ref().map(|error| words::clean(&error.one_line()));
    let waits = tally.node(&outcome.node).and_then(|node| node.agent.waits);
    let before = waits.map(|(step, gate)| {
        let holder = tally.holder(gate).map(|host| format!(", {host} is in front of it")).unwrap_or_default();
        format!("before {}{holder}", words::doing(step))
    });
    match (before, reason) {
        (Some(before), Some(reason)) => format!("waiting {before}: {reason}"),
        (Some(before), None) => format!("waiting {before}"),
        (None, Some(reason)) => format!("not finished: {reason}"),
        (None, None) => "not begun".to_owned(),
    }
}

/// Somebody else's, and nothing was begun there: told once for all hosts, with what can be done about it.
fn is_held(tally: &Tally, outcome: &NodeOutcome) -> bool {
    let held = outcome.error.as_ref().is_some_and(|error| error.code == ErrorCode::Busy);
    held && tally.node(&outcome.node).is_none_or(|node| node.agent.planned.is_empty())
}

/// What travelled of the image against what it weighs on all hosts that got it; empty when nobody got it.
fn image_line(tally: &Tally) -> String {
    let images = || tally.nodes().filter_map(|(_, node)| node.agent.image);
    let sent = images().map(|image| image.from_bastion).fold(0, u64::saturating_add);
    let whole = images().map(|image| image.whole).fold(0, u64::saturating_add);
    if whole == 0 {
        return String::new();
    }
    let (hosts, [sent_words, whole_words]) =
        (words::count(images().count(), "host"), [sent, whole].map(words::bytes));
    let tenths = whole.saturating_mul(10) / sent.max(1);
    let less = if tenths > 10 { format!(", {}.{}x less", tenths / 10, tenths % 10) } else { String::new() };
    format!("Image: {sent_words} sent from here for {hosts}, of {whole_words}{less}.\n\n")
}

/// One failure, on all the hosts that had just it.
struct Failure<'a> {
    what: String,
    error: &'a ErrorReport,
    hosts: Vec<&'a NodeName>,
}

fn failures<'a>(tally: &'a Tally, nodes: &'a [NodeOutcome]) -> Vec<Failure<'a>> {
    let mut failures: Vec<Failure<'a>> = Vec::new();
    for outcome in nodes {
        let Some((what, error)) = failure(tally, outcome) else { continue };
        match failures.iter_mut().find(|other| other.what == what && other.error == error) {
            Some(same) => same.hosts.push(&outcome.node),
            None => failures.push(Failure { what, error, hosts: vec![&outcome.node] }),
        }
    }
    failures
}

fn failure<'a>(tally: &'a Tally, outcome: &'a NodeOutcome) -> Option<(String, &'a ErrorReport)> {
    let what = match outcome.result {
        NodeResult::Waiting if is_held(tally, outcome) => "not begun".to_owned(),
        NodeResult::Changed | NodeResult::Unchanged | NodeResult::Waiting => return None,
        NodeResult::Failed => failed(tally, &outcome.node),
        NodeResult::Unreachable => "unreachable".to_owned(),
        NodeResult::LeftOut => "left out".to_owned(),
        NodeResult::Unknown => "state unknown".to_owned(),
    };
    outcome.error.as_ref().map(|error| (what, error))
}

impl Failure<'_> {
    fn text(&self, style: Style) -> String {
        let head = format!("{}: {}", words::list(&self.hosts), self.what);
        let mut text = format!("{}\n", style.paint(Paint::Bad, &head));
        let said = std::iter::once(&self.error.message).chain(&self.error.causes);
        for line in said.flat_map(|part| part.lines()) {
            words::add_line(&mut text, &format!("  {}", words::clean(line)));
        }
        if let Some(hint) = &self.error.hint {
            words::add_line(&mut text, &format!("  What to do: {}", words::clean(hint)));
        }
        text.push('\n');
        text
    }
}

fn closing_lines(closing: &Ending) -> String {
    let mut text = String::new();
    if !closing.consoles.is_empty() {
        let addresses = if closing.consoles.len() == 1 { "Console:" } else { "Console, on every host:" };
        words::add_line(&mut text, &format!("{addresses} {}", closing.consoles.join("  ")));
        words::add_line(&mut text, PASSWORD);
    }
    if !closing.ha_enabled {
        words::add_line(&mut text, HA);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn last_line(tally: &Tally, result: RunResult, style: Style) -> String {
    let totals = tally.totals();
    let took = words::duration(tally.elapsed_ms());
    let hosts = words::count(totals.hosts, "host");
    let show = tally.run().map(|run| format!(" What happened: omsctl show {run}")).unwrap_or_default();
    let (paint, line) = match result {
        RunResult::Done if verb(tally) == "ha" => {
            (Paint::Good, format!("done: ha.config is written, {took}"))
        }
        RunResult::Done => {
            (Paint::Good, format!("done: {hosts} {}, {}, {took}", states(tally), steps(&totals)))
        }
        RunResult::Unchanged => {
            let are = if totals.hosts == 1 { "is" } else { "are" };
            (Paint::Good, format!("nothing to do: {hosts} {are} {} ({took})", already(tally)))
        }
        RunResult::Failed => {
            (Paint::Bad, format!("failed: {}, {}, {took}.{show}", standing(&totals), steps(&totals)))
        }
        RunResult::Unreachable => (
            Paint::Warning,
            format!(
                "not finished: {}, {}, {took}. The next omsctl {} does what is left.",
                standing(&totals),
                steps(&totals),
                verb(tally)
            ),
        ),
        RunResult::Refused => (Paint::Bad, "refused: nothing was changed anywhere".to_owned()),
        RunResult::Busy if totals.steps_changed == 0 => {
            (Paint::Bad, "refused: another rollout holds the hosts; nothing was changed".to_owned())
        }
        RunResult::Busy => {
            let wait = format!("Another rollout holds the others; when it has ended: omsctl {}", verb(tally));
            (Paint::Bad, format!("not finished: {}, {}, {took}. {wait}", standing(&totals), steps(&totals)))
        }
        RunResult::Interrupted if tally.untouched() => {
            (Paint::Warning, "stopped: nothing was changed anywhere".to_owned())
        }
        RunResult::Interrupted => (
            Paint::Warning,
            format!(
                "interrupted: {} of {hosts} {}, {}, {took}\n{}\nTo continue: omsctl {}",
                totals.ready,
                states(tally),
                steps(&totals),
                goes_on(tally),
                verb(tally)
            ),
        ),
    };
    format!("{}\n", style.paint(paint, &line))
}

/// The command of the run, as far as it has one that is not `apply`.
fn verb(tally: &Tally) -> &'static str {
    let of = |word| {
        ["apply", "stop", "start", "restart", "remove", "destroy", "ha"]
            .into_iter()
            .find(|verb| *verb == word)
    };
    tally.command().split_whitespace().find_map(of).unwrap_or("apply")
}

/// What the hosts are in the end, by the command.
fn states(tally: &Tally) -> &'static str {
    match verb(tally) {
        "stop" => "stopped",
        "remove" => "as they should be",
        "destroy" => "without OMS",
        _ => "ready",
    }
}

/// Why there is nothing to do.
fn already(tally: &Tally) -> &'static str {
    match verb(tally) {
        "stop" => "stopped already",
        "start" => "running already",
        "remove" => "as they should be already",
        "destroy" => "without OMS already",
        _ => "as the files say",
    }
}

/// What an interrupted run leaves behind, and how it is followed.
fn goes_on(tally: &Tally) -> String {
    let left = tally.nodes().filter(|(_, node)| !node.agent.planned.is_empty() && node.agent.end.is_none());
    let (waiting, walking): (Vec<_>, Vec<_>) = left.partition(|(_, node)| node.agent.waits.is_some());
    let agents = |nodes: &[(&NodeName, &super::NodePicture)], one: &str, many: &str| {
        let names: Vec<&NodeName> = nodes.iter().map(|(name, _)| *name).collect();
        match names.as_slice() {
            [] => None,
            [host] => Some(format!("The agent on {host} {one}")),
            hosts => Some(format!("The agents on {} {many}", words::list(hosts))),
        }
    };
    let parts: Vec<String> = [
        agents(&waiting, "waits at its gate", "wait at their gates"),
        agents(&walking, "goes on up to its next gate", "go on up to their next gates"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        return "Nothing goes on.".to_owned();
    }
    let follow = tally.run().map(|run| format!("\nTo follow: omsctl attach {run}")).unwrap_or_default();
    format!("{}.{follow}", parts.join(".\n"))
}

fn steps(totals: &Totals) -> String {
    format!("{} changed", words::count(totals.steps_changed, "step"))
}

/// "1 of 3 hosts ready, 2 failed".
fn standing(totals: &Totals) -> String {
    let mut parts = vec![format!("{} of {} ready", totals.ready, words::count(totals.hosts, "host"))];
    parts.extend(totals.troubles());
    parts.join(", ")
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
