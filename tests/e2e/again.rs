//! Story: the same command a second time finds nothing to do, and says so quickly.

use super::evidence::{
    assert_lawful, assert_nothing_left, container_ids, judge_mark, judged_since, snapshot,
};
use super::stage::Stage;

#[test]
fn a_second_apply_changes_nothing() {
    let (stage, operator) = Stage::cluster();
    let (ids, before, mark) = (container_ids(stage.usual()), snapshot(&stage), judge_mark(&stage));
    let planned = operator.plan().exits(0).plans(&[]);
    assert_eq!(planned.json()["changes"], 0);

    let again = operator.apply().exits(0).within(3.0);

    assert_eq!(again.json()["result"], "unchanged", "{}", again.stdout);
    for node in stage.usual() {
        assert_eq!(again.result_of(node.name()), "unchanged");
    }
    assert_eq!(container_ids(stage.usual()), ids);
    assert_eq!(snapshot(&stage), before);
    assert!(judged_since(&stage, mark).is_empty(), "OMS noticed something");
    assert_lawful(&stage);
    assert_nothing_left(stage.usual());
}

#[test]
fn people_and_machines_read_the_same() {
    let (stage, operator) = Stage::cluster();
    operator.run(&["apply", "--yes"]).exits(0).tells(&["node1", "node2", "node3"]);
    let events = operator.run(&["apply", "--yes", "--format", "jsonl"]).exits(0).events();
    let first = events.first().map(|event| event["event"].clone());
    assert_eq!(first, Some("rollout_started".into()));
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["exit"]), (&"rollout_finished".into(), &0.into()), "{last}");
    operator.run(&["plan"]).exits(0);

    let listed = operator.run(&["inventory", "--list"]).exits(0).json();
    assert_eq!(listed["oms"]["hosts"], serde_json::json!(["node1", "node2", "node3"]));
    let address = &listed["_meta"]["hostvars"]["node2"]["ansible_host"];
    assert_eq!(address, stage.host(2).address());
    let schema = operator.run(&["schema", "events"]).exits(0).json();
    assert!(schema["$schema"].is_string(), "{schema}");
    // A change needs a yes, and there is no terminal to ask at.
    operator.run(&["apply"]).exits(2).tells(&["--yes"]);
}

#[test]
fn init_writes_files_to_start_from_and_never_overwrites() {
    let operator = super::operator::Operator::without_files();
    operator.run(&["init", "10.0.0.11", "10.0.0.12"]).exits(0);
    let inventory = std::fs::read_to_string(operator.path("inventory.ini")).unwrap();
    assert!(inventory.contains("10.0.0.11") && inventory.contains("10.0.0.12"), "{inventory}");
    assert!(operator.path("config.yaml").exists());
    std::fs::remove_file(operator.path("config.yaml")).unwrap();
    operator.run(&["init"]).exits(2).tells(&["inventory.ini"]);
    assert!(!operator.path("config.yaml").exists(), "both files or neither");
    assert_eq!(std::fs::read_to_string(operator.path("inventory.ini")).unwrap(), inventory);
}
