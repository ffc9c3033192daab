//! Story: the rollout goes on without its terminal. It is started, the terminal is closed, somebody follows it from
//! elsewhere; its controller is killed, and whoever comes next carries it on.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use system_tests::rig::{DBA_PASSWORD, User, until};

use super::evidence::{assert_rolled_out_once, await_schema, has_agent};
use super::operator::Operator;
use super::pseudoterminal::Pseudoterminal;
use super::running::{Signal, send};
use super::secrets::{CANARY, Watch, files_with};
use super::stage::Stage;

/// Controllers in the background of this operator: process ids. They are told by the folder that they work in.
fn in_background(operator: &Operator) -> Vec<u32> {
    let folder = fs::canonicalize(operator.path(".")).unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_one = line.split(|byte| *byte == 0).any(|word| word == b"--background");
        if is_one && fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder) {
            found.push(pid);
        }
    }
    found
}

/// Kills what a story that failed has left in the background.
struct Left<'a>(&'a Operator);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        for pid in in_background(self.0) {
            let _ = send(pid, Signal::Kill);
        }
    }
}

fn await_none(operator: &Operator) {
    until("the controller in the background ends", Duration::from_secs(30), || {
        in_background(operator).is_empty().then_some(())
    })
    .unwrap();
}

/// What the controllers in the background have said.
fn logs(operator: &Operator) -> String {
    let folder = operator.path("home/state/omsctl/background");
    fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

/// Every host's numbered events, from the first on without a gap, and its terminal one.
#[track_caller]
fn assert_told_whole(events: &[Value], hosts: &[&str]) {
    for host in hosts {
        let of_host = || events.iter().filter(|event| event["node"] == *host);
        let numbers: Vec<u64> =
            of_host().filter_map(|event| event["seq"].as_u64()).filter(|seq| *seq > 0).collect();
        let gap_free: Vec<u64> = (1..=numbers.len() as u64).collect();
        assert_eq!(numbers, gap_free, "the events of {host}");
        assert!(of_host().any(|event| event["event"] == "plan_accepted"), "{host} has no beginning");
        assert!(of_host().any(|event| event["event"] == "node_done"), "{host} has no end");
    }
}

#[test]
fn the_terminal_is_closed_and_the_rollout_goes_on() {
    let stage = Stage::empty();
    stage.timing(&[("schema", 3.0)]).unwrap();
    let operator = Operator::new(&stage);
    // What is typed at the terminal has to reach the controller that has none.
    let variables = [
        ("ansible_user", User::Dba.name()),
        ("ansible_become", "true"),
        ("ansible_ssh_private_key_file", ""),
    ];
    operator.inventory(&stage, &stage.host_lines(3), &variables);
    let left = Left(&operator);
    let watch = Watch::begin(&[CANARY, DBA_PASSWORD]);
    let line = "omsctl apply -k -K --detach; echo \"it ended with $?\"; read -r _";
    let mut terminal = Pseudoterminal::open(&operator, 120, line, &[]);
    for question in ["SSH password: ", "sudo password: "] {
        terminal.until_shows(question);
        terminal.keys(&format!("{DBA_PASSWORD}\r"));
    }
    terminal.until_shows("Make these changes? [y/N] ");
    terminal.keys("y\r");
    // Interrupted or detached: the rollout is not done.
    terminal.until_shows("it ended with 130");
    let screen = terminal.text();
    assert!(screen.contains("detached: the rollout") && screen.contains("omsctl attach"), "{screen}");
    let controllers = in_background(&operator);
    assert_eq!(controllers.len(), 1, "one controller goes on:\n{screen}");
    assert!(has_agent(stage.host(3)), "it came back before the hosts had their plans");

    drop(terminal);
    assert!(send(controllers[0], Signal::HangUp));
    operator.inventory(&stage, &stage.host_lines(3), &[]);
    await_schema(&stage, stage.host(2));
    assert_eq!(in_background(&operator), controllers, "the closed terminal took it along");
    // As a person reads it: who, since when, and what can be done about it, once for all hosts.
    let refused = operator.run(&["apply", "--yes"]).exits(5);
    let refused = refused.tells(&["since 20", "omsctl attach", "--wait", "--take-over"]);
    assert_eq!(refused.stdout.matches("since 20").count(), 1, "{}", refused.stdout);

    let attached = operator.run(&["attach", "--format", "jsonl"]).exits(0);
    assert_told_whole(&attached.events(), &["node1", "node2", "node3"]);
    assert_eq!(attached.events().last().unwrap()["event"], "rollout_finished");
    await_none(&operator);
    watch.saw_no_secret();
    for secret in [CANARY, DBA_PASSWORD] {
        assert_eq!(files_with(secret, &operator.home()), Vec::<String>::new(), "log or history");
    }
    assert_eq!(logs(&operator).matches("error").count(), 0, "{}", logs(&operator));
    let listed = operator.run(&["agents", "--format", "json"]).exits(0).json();
    assert_eq!(listed["agents"], serde_json::json!([]));
    assert_rolled_out_once(&stage, stage.usual());
    let history = operator.run(&["history", "--format", "json"]).exits(0).json();
    let results: Vec<_> = history["runs"].as_array().unwrap().iter().map(|run| &run["result"]).collect();
    assert_eq!(results, ["busy", "done"], "one run, whoever told it: {history}");
    assert_eq!(history["runs"][1]["command"], "omsctl apply -k -K --detach", "{history}");
    drop(left);
}

#[test]
fn a_killed_controller_is_carried_on_by_whoever_comes_next() {
    let stage = Stage::empty();
    stage.timing(&[("schema", 4.0)]).unwrap();
    let operator = Operator::new(&stage);
    let left = Left(&operator);
    let detached = operator.run(&["apply", "--yes", "--detach", "--format", "json"]).exits(130);
    detached.clone().tells(&["omsctl attach"]);
    await_schema(&stage, stage.host(1));
    let controllers = in_background(&operator);
    assert_eq!(controllers.len(), 1);
    assert!(send(controllers[0], Signal::Kill));

    // Another goal is not mixed into it.
    let other = Operator::new(&stage);
    other.config(&stage, &[("tsdb_username", "metrics")]);
    let refused = other.apply().exits(5);
    assert_eq!(refused.json()["result"], "busy", "{}", refused.stdout);
    refused.tells(&[
        "nobody leads it",
        "since 20",
        "omsctl attach",
        "--wait",
        "--take-over",
        "apply --yes --detach",
    ]);

    // From an empty bastion the whole story is there, and goes on.
    let far = Operator::new(&stage);
    let mut attached = far.start(&["attach", "--format", "jsonl"]);
    await_schema(&stage, stage.host(2));
    attached.until_told("\"event\":\"node_done\"");
    attached.signal(Signal::Kill);
    let heard = attached.end().events();
    let first = heard.iter().find(|event| event["node"] == "node1").unwrap();
    assert_eq!(
        (&first["event"], &first["seq"]),
        (&"plan_accepted".into(), &1.into()),
        "from its first event"
    );

    let carried = operator.run(&["apply", "--yes", "--format", "jsonl"]).exits(0).tells(&["carried on"]);
    assert_told_whole(&carried.events(), &["node1", "node2", "node3"]);
    assert_rolled_out_once(&stage, stage.usual());
    operator.plan().exits(0).plans(&[]);
    drop(left);
}
