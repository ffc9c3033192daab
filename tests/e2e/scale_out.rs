//! Story: one more inventory line. The new host first, then `cm_nodes` on the others, one host at a time.

use system_tests::rig::Node;

use super::evidence::{
    assert_lawful, assert_nothing_left, assert_registered, config_inside, container_ids, inspect, is_healthy,
    judge_mark, judged_since, one_at_a_time,
};
use super::stage::{CONTAINER, Stage};

#[test]
fn a_fourth_line_adds_a_fourth_host() {
    let (stage, operator) = Stage::cluster();
    let (ids, mark) = (container_ids(stage.usual()), judge_mark(&stage));
    let started = |node: &Node| inspect(node, CONTAINER)["State"]["StartedAt"].clone();
    let starts: Vec<_> = stage.usual().iter().map(started).collect();
    operator.inventory(&stage, &stage.host_lines(4), &[]);

    let planned = operator.plan().exits(0);
    let steps = planned.steps_of("node4");
    assert!(steps.iter().any(|step| step == "create_container"), "{steps:?}");
    assert_eq!(
        planned.steps_of("node1"),
        ["write_config", "reload_config", "await_services", "await_healthy"]
    );
    let why = planned.why("node1", "write_config");
    assert!(why.contains("cm_nodes") && why.contains(stage.host(4).address()), "{why}");
    // Where the console is, that whoever comes first sets its password, that HA is off.
    operator.run(&["apply", "--yes"]).exits(0).tells(&["node4", ":8089", "password", "HA"]);

    assert_eq!(container_ids(stage.usual()), ids, "their containers are untouched");
    assert_eq!(stage.usual().iter().map(started).collect::<Vec<_>>(), starts, "not even restarted");
    let all: Vec<&str> = stage.nodes().iter().map(Node::address).collect();
    for node in stage.nodes() {
        assert_eq!(config_inside(node)["cm_nodes"], serde_json::json!(all), "{}", node.name());
        assert!(is_healthy(node, "http"), "{}", node.name());
    }
    let records = judged_since(&stage, mark);
    let new_is_done =
        records.iter().position(|record| record.kind == "init_done").expect("an initialisation");
    assert_eq!(records[new_is_done].host, all[3]);
    let first_old = records.iter().position(|record| record.host != all[3]).expect("the others reload");
    assert!(new_is_done < first_old, "the new host comes first: {records:#?}");
    let mut order = one_at_a_time(&records, &["config_written", "console_started", "supervisor_started"]);
    assert_eq!(order.remove(0), all[3]);
    order.sort();
    assert_eq!(order, all[..3]);
    assert_registered(&stage, stage.nodes());
    assert_lawful(&stage);
    operator.plan().exits(0).plans(&[]);
    assert_nothing_left(stage.nodes());
}
