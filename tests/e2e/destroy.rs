//! Story: a cluster that is ended, with what was kept on demand only.

use system_tests::rig::Node;

use super::evidence::{assert_lawful, assert_nothing_left, assert_registered, inspect, rows};
use super::stage::{CONTAINER, Stage};

const JSON: [&str; 3] = ["--yes", "--format", "json"];
const BY_NAME: [&str; 4] = ["destroy", "--drop-databases", "--confirm", "oms_rm"];

fn there(node: &Node, path: &str) -> bool {
    node.exec(["test", "-e", path]).unwrap().success()
}

fn containers(node: &Node) -> String {
    node.docker(["ps", "--all", "--format", "{{.Names}}"]).unwrap().stdout
}

fn databases(stage: &Stage) -> usize {
    rows(stage, "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'oms\\_%'").len()
}

#[test]
fn the_containers_go_and_what_is_not_asked_for_stays() {
    let (stage, operator) = Stage::cluster();
    let destroy = |words: &[&str]| operator.run(&[&["destroy"], words, &JSON[..]].concat());
    // A container that somebody set aside by hand is nobody of omsctl's.
    let first = stage.host(1);
    first
        .docker(["create", "--name", "oms-by-hand", inspect(first, CONTAINER)["Image"].as_str().unwrap()])
        .unwrap();
    let on_one = destroy(&["--limit", "node3"]).exits(0);
    assert_eq!(on_one.result_of("node3"), "changed");
    assert_eq!(containers(stage.host(3)), "");
    assert!(containers(stage.host(2)).starts_with(CONTAINER));

    let all = operator.run(&["destroy", "--yes"]).exits(0);
    all.tells(&["done: ", "without OMS", "stays without --delete-data", "without --drop-databases"]);
    assert_eq!(containers(first), "oms-by-hand\n", "what is not omsctl's stays");
    first.docker(["rm", "oms-by-hand"]).unwrap();
    for node in stage.usual() {
        for kept in ["oms_logs", "oms_store", "oms_run", "config.yaml"] {
            assert!(there(node, &format!("/data/oms/{kept}")), "{}: {kept}", node.name());
        }
        assert!(node.docker(["images", "--quiet"]).unwrap().stdout.lines().count() > 0, "images stay");
    }
    assert_eq!(databases(&stage), 3);
    operator.run(&["destroy", "--yes"]).exits(0).tells(&["nothing to do: 3 hosts are without OMS already"]);
    assert_nothing_left(stage.nodes());
    // What was kept is enough to come back.
    operator.apply().exits(0);
    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
}

#[test]
fn data_and_databases_go_with_their_name_and_apply_begins_anew() {
    let stage = Stage::empty();
    let operator = super::operator::Operator::new(&stage);
    // Somebody's own folder, from before.
    let own = stage.host(1);
    own.exec(["mkdir", "-p", "/data/oms/oms_store"]).unwrap();
    own.write_file("/data/oms/oms_store/precious", "kept").unwrap();
    operator.apply().exits(0);

    operator.run(&["destroy", "--drop-databases", "--yes"]).exits(2).tells(&["add --confirm NAME"]);
    operator.run(&["destroy", "--drop-databases", "--confirm", "oms", "--yes"]).exits(2).tells(&["oms_rm"]);
    operator
        .run(&[&BY_NAME[..], &["--limit", "node1", "--yes"]].concat())
        .exits(2)
        .tells(&["leave --limit away"]);
    // One that the inventory does not have beats.
    operator.inventory(&stage, &stage.host_lines(2), &[]);
    operator.run(&[&BY_NAME[..], &["--yes"]].concat()).exits(3).tells(&["belongs to the cluster"]);
    operator.inventory(&stage, &stage.host_lines(3), &[]);
    assert_eq!(databases(&stage), 3);
    assert!(stage.usual().iter().all(|node| containers(node).starts_with(CONTAINER)), "nothing was begun");

    let ended = operator.run(&[&BY_NAME[..], &["--delete-data", "--yes"]].concat()).exits(0);
    ended.tells(&["the database oms_cm is dropped", "omsctl did not make it: /data/oms/oms_store"]);
    assert_eq!(databases(&stage), 0);
    for node in stage.usual() {
        assert_eq!(containers(node), "", "{}", node.name());
        assert_eq!(there(node, "/data/oms"), node.name() == own.name(), "{}", node.name());
    }
    assert_eq!(own.read_file("/data/oms/oms_store/precious").unwrap().trim(), "kept");
    assert!(!there(own, "/data/oms/oms_logs") && !there(own, "/data/oms/config.yaml"));
    let again = operator.run(&[&BY_NAME[..], &["--delete-data", "--yes"]].concat()).exits(0);
    again.tells(&["nothing to do: 3 hosts are without OMS already"]);
    assert_nothing_left(stage.nodes());
    assert_lawful(&stage);
}

#[test]
fn a_lost_host_is_told_and_the_next_destroy_does_what_is_left() {
    let (stage, operator) = Stage::cluster();
    let lost = stage.host(3);
    lost.cut().unwrap();
    let by_name = [&BY_NAME[..], &["--yes"]].concat();
    operator.run(&by_name).exits(3).tells(&["OMS may run there on the databases", "--give-up node3"]);
    let some = operator.run(&[&["destroy"], &JSON[..]].concat()).exits(4);
    assert_eq!(
        (some.result_of("node1").as_str(), some.result_of("node3").as_str()),
        ("changed", "unreachable")
    );
    lost.heal().unwrap();
    assert!(containers(lost).starts_with(CONTAINER), "it was not reached");
    operator.run(&by_name).exits(0).tells(&["the database oms_rm is dropped"]);
    assert_eq!((containers(lost).as_str(), databases(&stage)), ("", 0));
    assert_nothing_left(stage.nodes());
}
