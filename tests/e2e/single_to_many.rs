//! Story: one host that was rolled out with its own address as `cm_url` becomes one of three behind a virtual IP. What goes out of
//! the MetaDB is in the history before, and a run that breaks off in the middle is carried on by the next one.

use system_tests::rig::{Fault, FaultMode, Node, Step};

use super::evidence::{
    assert_lawful, assert_nothing_left, assert_registered, config_inside, initialisations, is_healthy,
    judge_mark, judged_since, rows, snapshot,
};
use super::operator::Operator;
use super::running::Signal;
use super::stage::{CONTAINER, Stage, USUAL};

const MOVE: [&str; 5] = ["apply", "--move-cm-url", "--yes", "--format", "json"];

/// One host with its own address.
fn single() -> (Stage, Operator, String) {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let former = format!("http://{}:8088", stage.host(1).address());
    operator.inventory(&stage, &stage.host_lines(1), &[]);
    operator.config(&stage, &[("cm_url", &former)]);
    operator.apply().exits(0);
    assert_eq!(cluster_info(&stage), [[former.clone(), "1".to_owned()]]);
    // Two lines more, and the address of the virtual IP.
    operator.inventory(&stage, &stage.host_lines(USUAL), &[]);
    operator.config(&stage, &[]);
    (stage, operator, former)
}

fn cluster_info(stage: &Stage) -> Vec<Vec<String>> {
    rows(stage, "SELECT cm_url, code FROM oms_rm.cluster_info")
}

#[track_caller]
fn assert_many(stage: &Stage, operator: &Operator) {
    assert_eq!(cluster_info(stage), [[stage.cm_url(), "1".to_owned()]]);
    assert_eq!(rows(stage, "SELECT cm_url FROM oms_cm.location_cm"), [[stage.cm_url()]]);
    let addresses: Vec<&str> = stage.usual().iter().map(Node::address).collect();
    for node in stage.usual() {
        let config = config_inside(node);
        assert_eq!(config["cm_url"], stage.cm_url(), "{}", node.name());
        assert_eq!(config["cm_nodes"], serde_json::json!(addresses), "{}", node.name());
        assert!(is_healthy(node, "http"), "{}", node.name());
    }
    assert_registered(stage, stage.usual());
    operator.plan().exits(0).plans(&[]);
    assert_lawful(stage);
    assert_nothing_left(stage.usual());
}

#[test]
fn a_single_host_becomes_one_of_many() {
    let (stage, operator, former) = single();
    let id = stage.host(1).container_id(CONTAINER).unwrap();
    let before = snapshot(&stage);
    let words = ["cm_url of a running cluster changes", former.as_str(), "--move-cm-url"];
    operator.plan().exits(3).tells(&words);
    operator.apply().exits(3).tells(&words);
    assert_eq!(snapshot(&stage), before, "exit 3 changes nothing");
    let planned = operator.run(&["plan", "--move-cm-url", "--format", "json"]).exits(0);
    assert_eq!(planned.steps_of("node1")[..3], ["stop_container", "write_config", "create_container"]);
    assert!(planned.why("node1", "stop_container").contains(&former));

    let mark = judge_mark(&stage);
    let moved = operator.run(&MOVE).exits(0);
    let run = moved.json()["run"].as_str().unwrap().to_owned();
    // What was there can be read, and put back, long after.
    let kept = operator.run(&["show", &run]).exits(0);
    kept.tells(&["before the change of cm_url", "oms_rm.cluster_info", "oms_cm.host", &former]);

    assert_ne!(stage.host(1).container_id(CONTAINER).unwrap(), id, "initialised again in a new container");
    let records = judged_since(&stage, mark);
    let schema: Vec<&str> = records
        .iter()
        .filter(|record| record.kind == "schema_entered")
        .map(|record| record.host.as_str())
        .collect();
    assert_eq!(schema[0], stage.host(1).address(), "the new hosts come after it: {schema:?}");
    assert_many(&stage, &operator);
}

#[test]
fn a_move_that_breaks_off_is_carried_on() {
    let (stage, operator, former) = single();
    let address = stage.host(1).address();
    // The row is out, and the initialisation that would write the new one fails.
    stage.fault(&Fault { step: Step::Check, host: address, mode: FaultMode::Fail, times: Some(1) }).unwrap();
    let broken = operator.run(&MOVE).exits(1);
    assert_eq!(broken.result_of("node1"), "failed", "{}", broken.stdout);
    let urls: Vec<String> = cluster_info(&stage).into_iter().map(|mut row| row.remove(0)).collect();
    assert!(!urls.contains(&former), "{urls:?}");
    operator.run(&MOVE).exits(0);
    assert_many(&stage, &operator);
}

#[test]
fn a_move_whose_controller_is_killed_is_carried_on() {
    let (stage, operator, former) = single();
    let mut moving = operator.start(&["apply", "--move-cm-url", "--yes"]);
    moving.until_told("container stopped");
    moving.signal(Signal::Kill);
    assert!(stage.host(1).container_id(CONTAINER).unwrap().is_none(), "it stands, set aside");
    operator.run(&MOVE).exits(0);
    assert!(!cluster_info(&stage).iter().any(|row| row[0] == former));
    assert_many(&stage, &operator);
    let again = initialisations(&stage).into_iter().filter(|host| host == stage.host(1).address()).count();
    assert_eq!(again, 2, "once for each container");
}
