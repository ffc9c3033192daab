//! Story: two regions, each with a `cm_url`, a location and a heartbeat database of its own: at once, the default region first;
//! and one more beside a region that runs and notices nothing of it.

use std::fs;

use system_tests::rig::Node;

use super::evidence::{
    assert_lawful, assert_nothing_left, config_inside, container_ids, inspect, is_healthy, judge_mark,
    judged_since, rows, schema_order,
};
use super::operator::Operator;
use super::stage::{CONTAINER, Stage, USUAL};

/// The group of a second region, for the end of the usual inventory. Its virtual IP is served by keepalived.
pub(super) fn west(stage: &Stage, hosts: &[&str], more: &str) -> String {
    let (network, _) = stage.host(1).address().rsplit_once('.').unwrap();
    format!(
        "\n[oms:children]\nwest\n\n[west]\n{}\n\n[west:vars]\ncm_location=2\ncm_region=cn-west\ncm_region_cn=西部\n\
         cm_url=http://{network}.210:8088\noms_vip_provider=keepalived\noms_vip_address={network}.210/24\n{more}",
        hosts.join("\n")
    )
}

pub(super) const OWN: &str = "cm_is_default=false\ndrc_cm_heartbeat_db=oms_cm_hb_2\n";

fn append(operator: &Operator, text: &str) {
    let inventory = fs::read_to_string(operator.path("inventory.ini")).unwrap();
    operator.write("inventory.ini", inventory + text);
}

/// Every host is online, in the group of its region, and beats in the database of its region.
#[track_caller]
fn assert_registered_in(stage: &Stage, nodes: &[Node], (code, heartbeats): (&str, &str)) {
    let found = rows(
        stage,
        &format!(
            "SELECT h.ip, h.host_status, TIMESTAMPDIFF(SECOND, b.gmt_modified, NOW()) < 30 FROM oms_cm.host h \
             JOIN oms_cm.resource_group g ON g.id = h.resource_group_id AND g.name = '{code}' \
             JOIN {heartbeats}.heart_beat b ON b.host_ip = h.ip AND b.task_name = 'supervisor' ORDER BY h.ip"
        ),
    );
    let expected: Vec<Vec<String>> =
        nodes.iter().map(|node| [node.address(), "ONLINE", "1"].map(str::to_owned).to_vec()).collect();
    assert_eq!(found, expected, "region {code}");
    let beats = rows(stage, &format!("SELECT COUNT(*) FROM {heartbeats}.heart_beat"));
    assert_eq!(beats[0][0], nodes.len().to_string(), "nobody else beats in {heartbeats}");
}

#[track_caller]
fn assert_two_regions(stage: &Stage, first: &[Node], second: &[Node]) {
    let found =
        rows(stage, "SELECT code, region, cm_url, is_default_cm FROM oms_rm.cluster_info ORDER BY code");
    let (network, _) = stage.host(1).address().rsplit_once('.').unwrap();
    let url = format!("http://{network}.210:8088");
    let expected = [["1", "cn-jiangsu", &stage.cm_url(), "1"], ["2", "cn-west", &url, "0"]];
    assert_eq!(found, expected.map(|row| row.map(str::to_owned).to_vec()));
    assert_registered_in(stage, first, ("1", "oms_cm_hb"));
    assert_registered_in(stage, second, ("2", "oms_cm_hb_2"));
    for (nodes, location) in [(first, 1), (second, 2)] {
        let addresses: Vec<&str> = nodes.iter().map(Node::address).collect();
        for node in nodes {
            let config = config_inside(node);
            assert_eq!(config["cm_nodes"], serde_json::json!(addresses), "{}", node.name());
            assert_eq!(config["cm_location"], location, "{}", node.name());
            assert!(is_healthy(node, "http"), "{}", node.name());
        }
    }
    assert_lawful(stage);
    assert_nothing_left(stage.nodes());
}

#[test]
fn two_regions_are_rolled_out_the_default_one_first() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    operator.inventory(&stage, &stage.host_lines(4), &[]);
    let flat = fs::read_to_string(operator.path("inventory.ini")).unwrap();

    // What regions may not share is refused from the files alone.
    let refused = |more: &str, words: &[&str]| {
        operator.write("inventory.ini", format!("{flat}{}", west(&stage, &["node3", "node4"], more)));
        operator.apply().exits(2).tells(words);
        assert!(stage.nodes().iter().all(|node| node.container_id(CONTAINER).unwrap().is_none()));
        assert!(stage.judge().unwrap().is_empty(), "nothing was contacted");
    };
    refused("cm_is_default=false\n", &["have the same `drc_cm_heartbeat_db`", "oms_cm_hb"]);
    refused("drc_cm_heartbeat_db=oms_cm_hb_2\n", &["are both the default region", "cm_is_default=false"]);
    refused(&OWN.replace("oms_cm_hb_2", "oms_cm"), &["oms_cm"]);
    operator.write(
        "inventory.ini",
        format!("{flat}{}", west(&stage, &["node3", "node4"], OWN).replace("cm_location=2", "cm_location=1")),
    );
    operator.apply().exits(2).tells(&["have the same `cm_location`"]);

    operator.write("inventory.ini", format!("{flat}{}", west(&stage, &["node3", "node4"], OWN)));
    stage.slow_schema();
    operator.apply().exits(0);
    let order = schema_order(&stage);
    assert_eq!(order[0], stage.host(1).address(), "the default region's first host comes first: {order:?}");
    assert_two_regions(&stage, &stage.nodes()[..2], &stage.nodes()[2..]);
    operator.plan().exits(0).plans(&[]);
    let status = operator.run(&["status", "--format", "json"]).exits(0);
    assert_eq!(status.json()["healthy"], true, "{}", status.stdout);
}

#[test]
fn a_region_is_added_and_the_first_one_notices_nothing() {
    let (stage, operator) = Stage::cluster();
    let started = |node: &Node| inspect(node, CONTAINER)["State"]["StartedAt"].clone();
    let ids = container_ids(stage.usual());
    let starts: Vec<_> = stage.usual().iter().map(started).collect();
    let mark = judge_mark(&stage);
    operator.inventory(&stage, &stage.host_lines(4), &[]);
    let flat = fs::read_to_string(operator.path("inventory.ini")).unwrap();
    append(&operator, &west(&stage, &["node4"], OWN));

    let planned = operator.plan().exits(0);
    for node in ["node1", "node2", "node3"] {
        assert_eq!(planned.steps_of(node), Vec::<String>::new(), "{node}");
    }
    operator.apply().exits(0);
    assert_two_regions(&stage, stage.usual(), &stage.nodes()[USUAL..]);
    assert_eq!(container_ids(stage.usual()), ids);
    assert_eq!(stage.usual().iter().map(started).collect::<Vec<_>>(), starts, "not even restarted");
    let noticed = judged_since(&stage, mark);
    let others: Vec<_> = noticed.iter().filter(|record| record.host != stage.host(4).address()).collect();
    assert!(others.is_empty(), "the first region was touched: {others:?}");
    operator.plan().exits(0).plans(&[]);

    // The default region stays where it was decided to be.
    let moved = OWN.replace("false", "true");
    operator.write("inventory.ini", format!("{flat}{}", west(&stage, &["node4"], &moved)));
    operator.config(&stage, &[("cm_is_default", "false")]);
    operator.plan().exits(3).tells(&["the default region has cm_location 1", "cm_is_default=false"]);
    // A region whose group left the inventory is not dropped.
    operator.inventory(&stage, &stage.host_lines(USUAL), &[]);
    operator.config(&stage, &[]);
    operator.apply().exits(3).tells(&["a region cn-west with cm_location 2", "put its group back"]);
    assert_eq!(container_ids(stage.usual()), ids);
}
