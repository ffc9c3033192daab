//! What the stand-in's own record and the hosts' event files must show, whatever happened. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::rig::Record;

/// Complaints about the stand-in's record of hosts, each with how often it has to be initialised. `interrupts` says that
/// the fault stops containers, which may interrupt an initialisation; `warned` that omsctl told of an interruption.
pub(super) fn in_the_record(
    records: &[Record],
    hosts: &[(&str, usize)],
    interrupts: bool,
    warned: bool,
) -> Vec<String> {
    let mut wrong: Vec<String> = records
        .iter()
        .filter(|record| record.violation)
        .map(|record| format!("the judge: {} on {}: {}", record.kind, record.host, record.detail))
        .collect();
    for (host, wanted) in hosts {
        let of =
            |kind: &str| records.iter().filter(|record| record.host == *host && record.kind == kind).count();
        let (started, done) = (of("init_started"), of("init_done"));
        let broken = of("init_interrupted") + of("init_failed");
        if done != *wanted {
            wrong.push(format!("{host}: {done} initialisations were finished instead of {wanted}"));
        }
        if started != done + broken {
            wrong.push(format!("{host}: {started} begun, {done} finished, {broken} broken off"));
        }
        if broken > 0 && !interrupts {
            wrong.push(format!("{host}: the fault interrupts nothing, and an initialisation was broken off"));
        }
        if broken > 0 && !warned {
            wrong.push(format!("{host}: an initialisation was broken off, and omsctl did not say so"));
        }
        if of("container_started") != 1 && !interrupts {
            wrong.push(format!("{host}: the container was started {} times", of("container_started")));
        }
        let mut containers: Vec<&str> = records
            .iter()
            .filter(|record| record.host == *host)
            .map(|record| record.container.as_str())
            .collect();
        containers.sort_unstable();
        containers.dedup();
        if containers.len() != 1 {
            wrong.push(format!("{host}: several containers: {containers:?}"));
        }
    }
    if !interrupts {
        wrong.extend(overlaps(records));
    }
    wrong
}

/// Hosts that were in the schema step beside each other.
fn overlaps(records: &[Record]) -> Option<String> {
    let mut inside: Option<&str> = None;
    for record in records {
        match (record.kind.as_str(), inside) {
            ("schema_entered", None) => inside = Some(&record.host),
            ("schema_left", Some(host)) if host == record.host => inside = None,
            ("schema_entered" | "schema_left", _) => {
                return Some(format!(
                    "{}: {} while {inside:?} was in the schema step",
                    record.host, record.kind
                ));
            }
            _ => {}
        }
    }
    inside.map(|host| format!("{host} never left the schema step"))
}

/// Complaints about the event file of one run on one host: every number once, one end.
pub(super) fn in_the_event_file(name: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if !text.is_empty() && !text.ends_with('\n') {
        wrong.push(format!("{name}: its last line is torn"));
    }
    let events: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap_or(0)).collect();
    let gap_free: Vec<u64> = (1..=numbers.len() as u64).collect();
    if numbers != gap_free {
        wrong.push(format!("{name}: numbers {numbers:?}"));
    }
    let is_end = |event: &&Value| event["event"].as_str().is_some_and(|kind| kind.starts_with("node_"));
    let ends = events.iter().filter(is_end).count();
    if ends != 1 || !events.last().as_ref().is_some_and(is_end) {
        let last = events.last().map_or("nothing", |event| event["event"].as_str().unwrap_or("?"));
        wrong.push(format!("{name}: {ends} terminal events, the last line is {last}"));
    }
    wrong
}

/// Complaints about the events of one run in the bastion's history: of every writer all that came before is there too.
pub(super) fn in_the_history(run: &str, events: &[Value]) -> Vec<String> {
    let mut numbers: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for event in events {
        let writer = event["node"].as_str().unwrap_or_default();
        numbers.entry(writer).or_default().push(event["seq"].as_u64().unwrap_or(0));
    }
    numbers
        .into_iter()
        .filter(|(_, found)| !found.iter().copied().eq(1..=found.len() as u64))
        .map(|(writer, found)| format!("history of {run}: `{writer}` has the numbers {found:?}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn records(kinds: &[(&str, &str)]) -> Vec<Record> {
        let record = |(id, (host, kind)): (usize, &(&str, &str))| Record {
            id: id as u64,
            at: String::new(),
            host: (*host).to_owned(),
            container: format!("of-{host}"),
            kind: (*kind).to_owned(),
            violation: *kind == "schema_overlap",
            detail: json!({}),
        };
        kinds.iter().enumerate().map(record).collect()
    }

    const WHOLE: [&str; 5] =
        ["container_started", "init_started", "schema_entered", "schema_left", "init_done"];

    fn of(kinds: &[&'static str]) -> Vec<Record> {
        records(&kinds.iter().map(|kind| ("h", *kind)).collect::<Vec<_>>())
    }

    #[test]
    fn an_undisturbed_record_is_lawful_and_anything_else_is_not() {
        let wrong = |kinds: &[&'static str]| in_the_record(&of(kinds), &[("h", 1)], false, false).len();
        assert_eq!(wrong(&WHOLE), 0);
        assert_eq!(wrong(&[&WHOLE[..], &["schema_overlap"]].concat()), 1);
        assert_eq!(wrong(&WHOLE[..4]), 2, "begun and never finished");
        assert_eq!(wrong(&[&WHOLE[..], &["container_started"]].concat()), 1);
        assert!(wrong(&[&WHOLE[..], &["init_started", "init_done"]].concat()) > 0, "twice");
        assert!(wrong(&[&["init_started", "init_interrupted"], &WHOLE[..]].concat()) > 0, "interrupted");
        assert!(wrong(&[]) > 0, "nothing was done");
    }

    #[test]
    fn an_interruption_is_allowed_where_the_container_stops_and_must_be_told() {
        let kinds =
            [&["container_started", "init_started", "schema_entered", "init_interrupted"], &WHOLE[..]]
                .concat();
        assert_eq!(in_the_record(&of(&kinds), &[("h", 1)], true, true), Vec::<String>::new());
        assert_eq!(in_the_record(&of(&kinds), &[("h", 1)], true, false).len(), 1);
    }

    #[test]
    fn two_hosts_in_the_schema_step_are_seen() {
        let kinds =
            [("a", "schema_entered"), ("b", "schema_entered"), ("a", "schema_left"), ("b", "schema_left")];
        assert!(overlaps(&records(&kinds)).is_some());
        let kinds =
            [("a", "schema_entered"), ("a", "schema_left"), ("b", "schema_entered"), ("b", "schema_left")];
        assert_eq!(overlaps(&records(&kinds)), None);
        assert!(overlaps(&records(&kinds[..1])).is_some());
    }

    #[test]
    fn a_history_has_no_gap() {
        let event = |node: &str, seq: u64| json!({"node": node, "seq": seq});
        let whole = [event("", 1), event("n1", 1), event("", 2), event("n1", 2)];
        assert_eq!(in_the_history("r", &whole), Vec::<String>::new());
        assert_eq!(in_the_history("r", &whole[2..]).len(), 2);
        assert_eq!(in_the_history("r", &[event("n1", 1), event("n1", 1)]).len(), 1);
    }

    #[test]
    fn an_event_file_has_every_number_once_and_one_end() {
        let line = |seq: u64, kind: &str| format!("{}\n", json!({"seq": seq, "event": kind}));
        let wrong = |lines: &[String]| in_the_event_file("f", &lines.concat()).len();
        assert_eq!(wrong(&[line(1, "plan_accepted"), line(2, "node_done")]), 0);
        assert_eq!(wrong(&[line(1, "plan_accepted"), line(3, "node_done")]), 1);
        assert_eq!(wrong(&[line(1, "plan_accepted")]), 1);
        assert_eq!(wrong(&[]), 1, "a run that never began");
        assert_eq!(wrong(&[line(1, "node_done"), line(2, "node_done")]), 1);
        assert_eq!(wrong(&["{".to_owned()]), 3);
    }
}
