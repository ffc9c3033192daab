//! Story: a cluster that is stopped, started, restarted and made smaller, and its high availability.

use system_tests::rig::Node;

use super::evidence::{
    assert_lawful, assert_nothing_left, assert_registered, config_inside, container_ids, inspect, is_healthy,
    judge_mark, judged_since, one_at_a_time, rows,
};
use super::stage::{CONTAINER, Stage};

const JSON: [&str; 3] = ["--yes", "--format", "json"];

fn runs(node: &Node) -> bool {
    inspect(node, CONTAINER)["State"]["Running"] == true
}

#[test]
fn stop_leaves_one_that_serves_and_start_brings_them_back() {
    let (stage, operator) = Stage::cluster();
    let ids = container_ids(stage.usual());
    let verb = |words: &[&str]| operator.run(&[words, &JSON[..]].concat());
    verb(&["stop"]).exits(3).tells(&["nobody would be left who serves", "--allow-outage"]);
    assert!(stage.usual().iter().all(runs), "nothing was stopped");

    let stopped = verb(&["stop", "--limit", "node2:node3"]).exits(0);
    assert_eq!(
        (stopped.result_of("node2").as_str(), stopped.result_of("node3").as_str()),
        ("changed", "changed")
    );
    assert_eq!(stage.usual().iter().map(runs).collect::<Vec<_>>(), [true, false, false]);
    verb(&["stop"]).exits(3).tells(&["healthy now: node1"]);
    verb(&["stop", "--allow-outage"]).exits(0);
    assert!(!stage.usual().iter().any(runs));
    operator.run(&["stop", "--yes"]).exits(0).tells(&["nothing to do: 3 hosts are stopped already"]);

    let started = verb(&["start"]).exits(0);
    assert_eq!(started.result_of("node1"), "changed");
    assert!(stage.usual().iter().all(|node| is_healthy(node, "http")));
    assert_eq!(container_ids(stage.usual()), ids, "the containers are the same");
    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
    assert_nothing_left(stage.nodes());
}

#[test]
fn restart_goes_round_one_host_after_the_other() {
    let (stage, operator) = Stage::cluster();
    let started = |node: &Node| inspect(node, CONTAINER)["State"]["StartedAt"].clone();
    let before: Vec<_> = stage.usual().iter().map(started).collect();
    let mark = judge_mark(&stage);
    operator.run(&["restart", "--yes"]).exits(0).tells(&["done: 3 hosts ready"]);
    let after: Vec<_> = stage.usual().iter().map(started).collect();
    assert!(before.iter().zip(&after).all(|(before, after)| before != after), "each was restarted");
    let order = one_at_a_time(&judged_since(&stage, mark), &["console_started", "supervisor_started"]);
    assert_eq!(order.len(), 3, "one after the other");
    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
    assert_nothing_left(stage.nodes());
}

#[test]
fn a_host_leaves_the_cluster() {
    let (stage, operator) = Stage::cluster();
    let leaver = stage.host(3).address().to_owned();
    let others = &stage.nodes()[..2];
    let ids = container_ids(others);
    let mark = judge_mark(&stage);
    let hosts = || rows(&stage, "SELECT ip FROM oms_cm.host ORDER BY ip");
    assert!(hosts().iter().any(|row| row[0] == leaver));

    operator.run(&["remove", "node9", "--yes"]).exits(2).tells(&["no host node9"]);
    let removed = operator.run(&["remove", "node3", "--yes"]).exits(0);
    let removed = removed.tells(&["delete the line of node3", "out of the cluster"]);
    assert!(!removed.stdout.contains("sets the admin password"), "{}", removed.stdout);

    assert!(!hosts().iter().any(|row| row[0] == leaver), "its row is gone");
    assert_eq!(stage.host(3).container_id(CONTAINER).unwrap(), None);
    let aside = stage.host(3).docker(["ps", "--all", "--format", "{{.Names}} {{.State}}"]).unwrap().stdout;
    assert!(aside.starts_with("oms-") && aside.contains("exited"), "it stopped, and stays: {aside}");
    assert_eq!(container_ids(others), ids);
    let left: Vec<&str> = others.iter().map(Node::address).collect();
    for node in others {
        assert_eq!(config_inside(node)["cm_nodes"], serde_json::json!(left), "{}", node.name());
        assert!(is_healthy(node, "http"), "{}", node.name());
    }
    let kinds = ["config_written", "console_started", "supervisor_started"];
    assert_eq!(one_at_a_time(&judged_since(&stage, mark), &kinds).len(), 2);
    // Done is done; and without its line the files say what is there.
    operator.run(&["remove", "node3", "--yes"]).exits(0).tells(&["nothing to do"]);
    operator.inventory(&stage, &stage.host_lines(2), &[]);
    operator.plan().exits(0).plans(&[]);
    // With its line it comes back, with a new container.
    operator.inventory(&stage, &stage.host_lines(3), &[]);
    operator.apply().exits(0);
    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
    assert_nothing_left(stage.nodes());
}

#[test]
fn a_dead_host_leaves_the_cluster() {
    let (stage, operator) = Stage::cluster();
    let address = stage.host(3).address().to_owned();
    stage.host(3).kill().unwrap();
    operator.run(&["remove", "node3", "--yes"]).exits(3).tells(&["it does not answer", "--give-up node3"]);
    let given_up = ["remove", "node3", "--give-up", "node3", "--yes"];
    operator.run(&given_up).exits(3).tells(&["it is not gone: its last heartbeat"]);
    // An hour later.
    let later = format!(
        "UPDATE oms_cm_hb.heart_beat SET gmt_modified = gmt_modified - INTERVAL 1 HOUR WHERE host_ip = '{address}'"
    );
    stage.metadb_query(&later).unwrap();
    operator.run(&given_up).exits(0).tells(&["out of the cluster", "delete the line of node3"]);
    assert!(!rows(&stage, "SELECT ip FROM oms_cm.host").iter().any(|row| row[0] == address));
    let left: Vec<&str> = stage.nodes()[..2].iter().map(Node::address).collect();
    assert_eq!(config_inside(stage.host(1))["cm_nodes"], serde_json::json!(left));
    stage.host(3).start().unwrap();
    stage.host(3).wait_ready().unwrap();
    assert_lawful(&stage);
    assert_nothing_left(stage.nodes());
}

#[test]
fn ha_is_shown_and_written_only_on_demand() {
    let (stage, operator) = Stage::cluster();
    let value =
        || rows(&stage, "SELECT cfg_value FROM oms_rm.oms_normal_config WHERE cfg_name = 'ha.config'");
    let former = value();
    let status = operator.run(&["ha", "status", "--format", "json"]).exits(0).json();
    assert_eq!(status["enabled"], false);
    assert_eq!(status["hosts"].as_array().unwrap().len(), 3);
    let said = operator.run(&["ha", "enable", "--after-outage", "1h"]).exits(0);
    said.tells(&["enable: false -> true", "refetchStoreIntervalMin: 30 -> 90", "--write-metadb"]);
    assert_eq!(value(), former, "it only says what to do");

    operator
        .run(&["ha", "enable", "--write-metadb", "--yes"])
        .exits(0)
        .tells(&["done: HA is on", "omsctl show"]);
    assert_eq!(operator.run(&["ha", "status", "--format", "json"]).exits(0).json()["enabled"], true);
    operator.run(&["stop", "--limit", "node3", "--yes"]).exits(0).tells(&["HA is on", "a second time"]);
    operator.run(&["start", "--yes"]).exits(0);
    operator.run(&["ha", "disable", "--write-metadb", "--yes"]).exits(0).tells(&["done: HA is off"]);
    operator.run(&["ha", "disable", "--write-metadb", "--yes"]).exits(0).tells(&["nothing to do"]);
    assert_lawful(&stage);
}
