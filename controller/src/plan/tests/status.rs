//! What is there now.

use omsctl_proto::{DockerFacts, InitState};

use crate::plan::fixture::Cluster;
use crate::plan::{NodeState, status};

#[track_caller]
fn check(change: impl FnOnce(&mut Cluster), expected: NodeState, reason: &str) {
    let mut cluster = Cluster::ready(2);
    change(&mut cluster);
    let status = status(&cluster.deployment, &cluster.observed);
    assert_eq!(status.nodes[0].state, NodeState::Ready, "{:?}", status.nodes[0]);
    let node = &status.nodes[1];
    assert_eq!(node.state, expected, "{node:?}");
    assert!(node.reasons.iter().any(|found| found.contains(reason)) || reason.is_empty(), "{node:?}");
    assert_eq!(status.healthy, expected == NodeState::Ready);
}

#[test]
fn every_state() {
    check(|_| (), NodeState::Ready, "");
    check(|cluster| cluster.unreachable("n2"), NodeState::Unreachable, "no route to host");
    check(|cluster| cluster.facts("n2").container = None, NodeState::Absent, "");
    check(|cluster| cluster.container("n2").running = false, NodeState::Stopped, "");
    check(
        |cluster| cluster.facts("n2").docker = DockerFacts::Silent { error: "down".to_owned() },
        NodeState::Unknown,
        "down",
    );
    check(
        |cluster| {
            cluster.container("n2").services.insert("nginx".to_owned(), "FATAL".to_owned());
        },
        NodeState::Degraded,
        "nginx is FATAL",
    );
    check(|cluster| cluster.container("n2").health = None, NodeState::Degraded, "health");
    check(
        |cluster| cluster.container("n2").initialisation.state = InitState::Interrupted,
        NodeState::Degraded,
        "interrupted",
    );
    check(|cluster| cluster.metadb().hosts.truncate(1), NodeState::Degraded, "does not list");
    check(|cluster| cluster.metadb().heartbeats[1].age_s = 541, NodeState::Degraded, "541 s old");
}

#[test]
fn nothing_is_ready_while_the_metadb_was_not_read() {
    let mut cluster = Cluster::ready(1);
    cluster.observed.metadb = None;
    let status = status(&cluster.deployment, &cluster.observed);
    assert_eq!(status.nodes[0].state, NodeState::Unknown);
    assert!(!status.healthy);
}

#[test]
fn the_shape_of_the_json() {
    let cluster = Cluster::ready(1);
    let status = status(&cluster.deployment, &cluster.observed);
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["healthy"], true);
    let node = &json["nodes"][0];
    assert_eq!(node["node"], "n1");
    assert_eq!(node["state"], "ready");
    assert_eq!(node["address"], "10.0.0.1");
    assert_eq!(node["services"]["nginx"], "RUNNING");
    assert_eq!(node["registered"]["status"], "ONLINE");
    assert_eq!(node["registered"]["heartbeat_age_s"], 3);
    assert_eq!(node["container_id"], "container of 10.0.0.1");
    assert_eq!(node["image_id"].as_str().unwrap().len(), 64);
}
