//! The shapes of design.md section 2, letter by letter.

use std::collections::BTreeMap;

use omsctl_proto::{ErrorCode, EventKind};

use super::super::fixtures::{self, name};
use super::*;

fn check<T: Serialize>(document: &T, expected: &str) {
    assert_eq!(serde_json::to_string(document).unwrap(), expected);
}

#[test]
fn plan() {
    let plan = PlanView {
        nodes: vec![
            (name("n1"), fixtures::steps(&[StepId::LoadImage, StepId::Initialise])),
            (name("n2"), vec![]),
        ],
        warnings: vec!["n1 has little memory".to_owned()],
        refusals: vec![],
    };
    check(
        &PlanDocument::from(&plan),
        r#"{"changes":2,"nodes":[{"node":"n1","steps":[{"id":"load_image","why":"no image with config 9a2b0c1f3d4e"},{"id":"initialise","why":"this container was never initialised"}]},{"node":"n2","steps":[]}]}"#,
    );
}

#[test]
fn checks() {
    let docker = ["Docker answers", "24.0.7", ""];
    let whole = ["one cluster", "cannot be read", "Open the port."];
    let rows = |status| {
        vec![
            fixtures::check(Some("n1"), "docker", CheckStatus::Pass, docker),
            fixtures::check(None, "metadb", status, whole),
        ]
    };
    check(
        &CheckDocument::new(rows(CheckStatus::Fail)),
        r#"{"passed":false,"checks":[{"node":"n1","name":"docker","status":"pass","expected":"Docker answers","found":"24.0.7","fix":""},{"node":"","name":"metadb","status":"fail","expected":"one cluster","found":"cannot be read","fix":"Open the port."}]}"#,
    );
    for (status, passes) in [
        (CheckStatus::Pass, true),
        (CheckStatus::Warn, true),
        (CheckStatus::Unknown, false),
        (CheckStatus::Fail, false),
    ] {
        assert_eq!(CheckDocument::new(rows(status)).passed, passes, "{status:?}");
    }
}

#[test]
fn apply() {
    let tally = Tally::of(&fixtures::one_unreachable());
    check(
        &ApplyDocument::of(&tally).unwrap(),
        r#"{"run":"20261122t174000-3f9a2c","result":"unreachable","exit":4,"nodes":[{"node":"node1","result":"changed","error":null},{"node":"node2","result":"changed","error":null},{"node":"node3","result":"unreachable","error":{"code":"unreachable","message":"no connection to node3.example:22","causes":["connection timed out after 10 s"],"hint":"Check that the host is up and that its sshd answers."}}]}"#,
    );
    assert_eq!(ApplyDocument::of(&Tally::of(&fixtures::at_the_gate())), None);
}

#[test]
fn status() {
    use crate::plan::{NodeState, NodeStatus, Registered, Status};
    let ready = NodeStatus {
        node: name("n1"),
        state: NodeState::Ready,
        address: Some("10.0.0.11".parse().unwrap()),
        image_id: Some("sha256:9a2b".to_owned()),
        container_id: Some("0c1f".to_owned()),
        services: BTreeMap::from([("nginx".to_owned(), "RUNNING".to_owned())]),
        registered: Some(Registered { status: "ONLINE".to_owned(), heartbeat_age_s: Some(3) }),
        reasons: vec![],
    };
    check(
        &Status {
            healthy: true,
            ha_enabled: Some(true),
            nodes: vec![ready.clone()],
            tsdb: None,
            dumps: Vec::new(),
        },
        r#"{"healthy":true,"ha_enabled":true,"nodes":[{"node":"n1","state":"ready","address":"10.0.0.11","image_id":"sha256:9a2b","container_id":"0c1f","services":{"nginx":"RUNNING"},"registered":{"status":"ONLINE","heartbeat_age_s":3},"reasons":[]}]}"#,
    );
    for (state, text) in [
        (NodeState::Degraded, "degraded"),
        (NodeState::Stopped, "stopped"),
        (NodeState::Absent, "absent"),
        (NodeState::Unreachable, "unreachable"),
        (NodeState::Unknown, "unknown"),
    ] {
        let node = NodeStatus { state, ..ready.clone() };
        assert_eq!(serde_json::to_value(&node).unwrap()["state"], text);
    }
}

#[test]
fn refusals() {
    let mut story = fixtures::Recording::default();
    story.begin(&["n1"]);
    let docker = ["it answers", "it is stopped", "systemctl start docker"];
    story.controller(EventKind::Check {
        check: fixtures::check(Some("n1"), "docker", CheckStatus::Fail, docker),
    });
    story.finish(RunResult::Refused, 3, vec![]);
    check(
        &ApplyDocument::of(&Tally::of(&story.events)).unwrap(),
        r#"{"run":"20261122t174000-3f9a2c","result":"refused","exit":3,"nodes":[],"refusals":[{"message":"n1: check docker: it is stopped (expected: it answers)","hint":"systemctl start docker"}]}"#,
    );
    let refused = ErrorReport::new(ErrorCode::Metadb, "another cluster").hint("use another database");
    let plan = PlanView { refusals: vec![refused], ..PlanView::default() };
    check(
        &PlanDocument::from(&plan),
        r#"{"changes":0,"nodes":[],"refusals":[{"message":"another cluster","hint":"use another database"}]}"#,
    );
}

#[test]
fn history() {
    let record = RunRecord {
        run: fixtures::run(),
        command: "omsctl apply".to_owned(),
        operator: "dba@bastion".to_owned(),
        started: "2026-11-22T17:40:00.000Z".to_owned(),
        finished: None,
        result: None,
    };
    let done = RunRecord {
        finished: Some("2026-11-22T17:41:00.000Z".to_owned()),
        result: Some(RunResult::Done),
        ..record.clone()
    };
    check(
        &HistoryDocument::new(&[record, done]),
        r#"{"runs":[{"run":"20261122t174000-3f9a2c","command":"omsctl apply","started":"2026-11-22T17:40:00.000Z","finished":null,"result":null},{"run":"20261122t174000-3f9a2c","command":"omsctl apply","started":"2026-11-22T17:40:00.000Z","finished":"2026-11-22T17:41:00.000Z","result":"done"}]}"#,
    );
}

#[test]
fn show() {
    let events = fixtures::nothing_to_do();
    let document = serde_json::to_value(ShowDocument::new(fixtures::run(), events.clone())).unwrap();
    assert_eq!(document["result"], "unchanged");
    assert_eq!(document["events"].as_array().unwrap().len(), events.len());
    assert_eq!(document["events"][0]["event"], "rollout_started");
}
