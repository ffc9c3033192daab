//! The moments of a rollout: every event that it tells, by a name that is the same in every run, and the middle of every
//! long pause between two of them. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Two events of a host that are further apart than this have a middle.
const LONG_MS: u64 = 700;

/// An event as the recording keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Unique in its run.
    pub name: String,
    /// The host that it is about; empty for the whole run.
    pub host: String,
    /// The step that it belongs to, or what the controller does meanwhile.
    pub step: String,
    /// Since the start of the command.
    pub at_ms: u64,
}

/// Names the events of one run: the writer, the event, and what else tells it from others of its kind.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, u32>);

impl Names {
    /// `None` for what no two runs tell alike: what may be merged or dropped on the way, and warnings, which depend on how
    /// quick the machine is.
    pub(super) fn hear(&mut self, event: &Value, at_ms: u64) -> Option<Heard> {
        let text = |key: &str| event[key].as_str().filter(|text| !text.is_empty());
        let kind = text("event").filter(|kind| *kind != "step_warning")?;
        if event["seq"].as_u64() == Some(0) {
            return None;
        }
        let writer = text("node").unwrap_or("controller");
        let told = ["host", "step", "gate", "milestone"].into_iter().filter_map(text);
        let check = [&event["check"]["node"], &event["check"]["name"]]
            .into_iter()
            .filter_map(Value::as_str)
            .filter(|text| !text.is_empty());
        let words: Vec<&str> = [writer, kind].into_iter().chain(told).chain(check).collect();
        let mut name = words.join(".");
        let count = self.0.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            name = format!("{name}.{count}");
        }
        let host = text("node").or_else(|| text("host")).unwrap_or_default().to_owned();
        let step = text("step").unwrap_or_else(|| row(kind)).to_owned();
        Some(Heard { name, host, step, at_ms })
    }
}

/// What goes on around an event that belongs to no step.
fn row(kind: &str) -> &'static str {
    match kind {
        "rollout_started" | "host_connected" | "check" | "notice" => "look",
        "host_planned" | "plan_accepted" => "plan",
        "gate_opened" => "gate",
        "node_done" | "host_registered" => "register",
        _ => "end",
    }
}

/// Where a rollout is disturbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Its name, unique in a recording.
    pub name: String,
    /// The event that is waited for.
    pub event: String,
    /// How long after it; 0 is at once.
    pub later_ms: u64,
    /// The host that is disturbed.
    pub host: String,
    /// The row of the table.
    pub step: String,
}

/// Every event of a recording and the middle of every long pause, in the order in which they came. What is about the
/// whole run is disturbed on the first host.
pub(super) fn moments(recording: &[Heard]) -> Vec<Moment> {
    let mut found = Vec::new();
    let first = recording.iter().map(|heard| heard.host.as_str()).filter(|host| !host.is_empty()).min();
    for (index, heard) in recording.iter().enumerate() {
        let host = if heard.host.is_empty() { first.unwrap_or_default() } else { &heard.host };
        let moment = |name: String, later_ms| Moment {
            name,
            event: heard.name.clone(),
            later_ms,
            host: host.to_owned(),
            step: heard.step.clone(),
        };
        found.push(moment(heard.name.clone(), 0));
        let next = recording[index + 1..].iter().find(|next| next.host == heard.host);
        let pause = next.map_or(0, |next| next.at_ms.saturating_sub(heard.at_ms));
        if pause >= LONG_MS && !heard.host.is_empty() {
            found.push(moment(format!("{}.middle", heard.name), pause / 2));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn heard(names: &mut Names, event: &Value, at_ms: u64) -> Heard {
        names.hear(event, at_ms).unwrap()
    }

    #[test]
    fn names_tell_events_of_one_run_apart() {
        let mut names = Names::default();
        let waiting = json!({"node": "node1", "seq": 3, "event": "gate_waiting", "step": "initialise", "gate": "schema"});
        let first = heard(&mut names, &waiting, 5);
        assert_eq!(
            (first.name.as_str(), first.host.as_str()),
            ("node1.gate_waiting.initialise.schema", "node1")
        );
        assert_eq!(heard(&mut names, &waiting, 6).name, "node1.gate_waiting.initialise.schema.2");
        let opened = json!({"node": "", "seq": 9, "event": "gate_opened", "host": "node2", "gate": "schema"});
        let opened = heard(&mut names, &opened, 7);
        assert_eq!(
            (opened.name.as_str(), opened.step.as_str()),
            ("controller.gate_opened.node2.schema", "gate")
        );
        assert_eq!(opened.host, "node2");
        let progress = json!({"node": "node1", "seq": 0, "event": "step_progress", "step": "initialise"});
        assert_eq!(names.hear(&progress, 8), None);
        let warning = json!({"node": "node1", "seq": 4, "event": "step_warning", "step": "initialise"});
        assert_eq!(names.hear(&warning, 8), None);
    }

    #[test]
    fn a_long_pause_of_one_host_has_a_middle() {
        let event = |name: &str, host: &str, at_ms| Heard {
            name: name.to_owned(),
            host: host.to_owned(),
            step: "s".to_owned(),
            at_ms,
        };
        let recording =
            [event("a", "", 0), event("b", "n1", 100), event("c", "n2", 200), event("d", "n1", 2100)];
        let found = moments(&recording);
        let names: Vec<(&str, u64, &str)> = found
            .iter()
            .map(|moment| (moment.name.as_str(), moment.later_ms, moment.host.as_str()))
            .collect();
        assert_eq!(
            names,
            [("a", 0, "n1"), ("b", 0, "n1"), ("b.middle", 1000, "n1"), ("c", 0, "n2"), ("d", 0, "n1")]
        );
    }
}
