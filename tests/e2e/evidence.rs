//! What is really there: containers, files, databases, processes, the judge's records. Nothing here asks omsctl.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use system_tests::left::left_on;
use system_tests::rig::{Node, Record, Rig, until};

use super::stage::{CONTAINER, Stage};

/// `docker inspect` of a container on a host.
#[track_caller]
pub(super) fn inspect(node: &Node, container: &str) -> Value {
    let output = node.docker(["container", "inspect", container]).unwrap().ok().unwrap();
    let mut list: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    list.remove(0)
}

/// The container's ID on each of these hosts.
#[track_caller]
pub(super) fn container_ids(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|node| node.container_id(CONTAINER).unwrap().expect("a container")).collect()
}

/// OMS's own word on a host's health.
pub(super) fn is_healthy(node: &Node, scheme: &str) -> bool {
    let url = format!("{scheme}://{}:8089/oms/health", node.address());
    let output = node.exec(["curl", "--silent", "--insecure", "--max-time", "5", &url]).unwrap();
    let document: Option<Value> = serde_json::from_str(&output.stdout).ok();
    document.is_some_and(|document| document["data"]["healthy"] == true)
}

/// config.yaml as OMS reads it: PyYAML, inside the container.
#[track_caller]
pub(super) fn config_inside(node: &Node) -> Value {
    let script = "import json, yaml; print(json.dumps(yaml.safe_load(open('/home/admin/conf/config.yaml'))))";
    let output = node.docker_exec(CONTAINER, ["python3", "-c", script]).unwrap().ok().unwrap();
    serde_json::from_str(&output.stdout).unwrap()
}

/// The judge found nothing to forbid.
#[track_caller]
pub(super) fn assert_lawful(rig: &Rig) {
    let violations = rig.violations().unwrap();
    assert!(violations.is_empty(), "the judge saw: {violations:#?}");
}

/// The hosts that went through the schema step, in order; fails when two were in it at once.
#[track_caller]
pub(super) fn schema_order(stage: &Stage) -> Vec<String> {
    let steps = |record: &Record| record.kind == "schema_entered" || record.kind == "schema_left";
    let records: Vec<Record> = stage.judge().unwrap().into_iter().filter(steps).collect();
    for pair in records.chunks(2) {
        let good = pair.len() == 2
            && (pair[0].kind.as_str(), pair[1].kind.as_str()) == ("schema_entered", "schema_left")
            && pair[0].host == pair[1].host;
        assert!(good, "two hosts in the schema step at once, or one that never left it: {records:#?}");
    }
    records.chunks(2).map(|pair| pair[0].host.clone()).collect()
}

/// The newest record's number, to tell later what is new.
pub(super) fn judge_mark(stage: &Stage) -> u64 {
    stage.judge().unwrap().iter().map(|record| record.id).max().unwrap_or(0)
}

/// The records since a mark, in order.
pub(super) fn judged_since(stage: &Stage, mark: u64) -> Vec<Record> {
    stage.judge().unwrap().into_iter().filter(|record| record.id > mark).collect()
}

/// The hosts in the order in which records of this kind name them, repetitions left out; fails when the hosts' records
/// of these kinds are mixed: they changed at the same time.
#[track_caller]
pub(super) fn one_at_a_time(records: &[Record], kinds: &[&str]) -> Vec<String> {
    let mut hosts: Vec<String> = records
        .iter()
        .filter(|record| kinds.contains(&record.kind.as_str()))
        .map(|record| record.host.clone())
        .collect();
    hosts.dedup();
    let mut distinct = hosts.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), hosts.len(), "hosts changed at the same time: {records:#?}");
    hosts
}

/// Rows of the MetaDB as plain text; NULL is empty.
pub(super) fn rows(stage: &Stage, statement: &str) -> Vec<Vec<String>> {
    let rows = stage.metadb_query(statement).unwrap();
    rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect()
}

/// Every host is online in the MetaDB, in the region's group, with a heartbeat of the last seconds.
#[track_caller]
pub(super) fn assert_registered(stage: &Stage, nodes: &[Node]) {
    let found = rows(
        stage,
        "SELECT h.ip, h.host_status, g.name, TIMESTAMPDIFF(SECOND, b.gmt_modified, NOW()) < 30 \
         FROM oms_cm.host h JOIN oms_cm.resource_group g ON g.id = h.resource_group_id \
         JOIN oms_cm_hb.heart_beat b ON b.host_ip = h.ip AND b.task_name = 'supervisor' ORDER BY h.ip",
    );
    let expected: Vec<Vec<String>> =
        nodes.iter().map(|node| [node.address(), "ONLINE", "1", "1"].map(str::to_owned).to_vec()).collect();
    assert_eq!(found, expected);
}

/// Everything on the hosts that omsctl could change, as text: to see that nothing did.
pub(super) fn snapshot(stage: &Stage) -> BTreeMap<String, String> {
    let look = "docker ps --all --no-trunc --format '{{.ID}} {{.Names}} {{.Image}}' 2>&1 | sort
docker ps --all --quiet | xargs -r docker inspect --format '{{.Id}} {{.State.StartedAt}} {{.State.Status}}' | sort
docker images --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' 2>&1 | sort
find /data -maxdepth 3 ! -name '*.log*' ! -path '*/oms_logs/*' ! -path '*/oms_run/*' ! -path '*/oms_store/*' \
    -printf '%p %i %m %u %y\\n' | sort
find /data -maxdepth 2 -type f -exec sha256sum {} + 2>/dev/null | sort";
    stage
        .nodes()
        .iter()
        .map(|node| (node.name().to_owned(), node.exec(["sh", "-c", look]).unwrap().stdout))
        .collect()
}

/// Nothing of omsctl runs on the hosts, listens there or lies in their temporary folders; the empty locks stay.
#[track_caller]
pub(super) fn assert_nothing_left(nodes: &[Node]) {
    for node in nodes {
        let left = left_on(node).unwrap();
        assert!(left.is_empty(), "left on {}:\n{left}", node.name());
    }
}

/// Waits until a host is inside the schema step.
#[track_caller]
pub(super) fn await_schema(stage: &Stage, node: &Node) {
    let entered = |record: &Record| record.kind == "schema_entered" && record.host == node.address();
    until(&format!("{} is in the schema step", node.name()), Duration::from_mins(2), || {
        stage.judge().unwrap().iter().any(entered).then_some(())
    })
    .unwrap();
}

/// The hosts, sorted, once for each time that an initialisation was started there.
pub(super) fn initialisations(stage: &Stage) -> Vec<String> {
    let started = |record: Record| (record.kind == "init_started").then_some(record.host);
    let mut hosts: Vec<String> = stage.judge().unwrap().into_iter().filter_map(started).collect();
    hosts.sort();
    hosts
}

/// Each of these hosts was initialised once and works; nothing was done twice or against the manual.
#[track_caller]
pub(super) fn assert_rolled_out_once(stage: &Stage, nodes: &[Node]) {
    let addresses: Vec<&str> = nodes.iter().map(Node::address).collect();
    assert_eq!(initialisations(stage), addresses);
    assert_lawful(stage);
    assert_registered(stage, nodes);
    assert_nothing_left(nodes);
}

/// Whether an agent that walks a plan is on the host.
pub(super) fn has_agent(node: &Node) -> bool {
    node.exec(["pgrep", "--exact", "omsctl-agent"]).unwrap().success()
}
