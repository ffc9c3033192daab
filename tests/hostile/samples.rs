//! Valid input, as the honest ends write it: what mutations and fuzzing start from. Samples are frames one after another.

use std::collections::{BTreeMap, BTreeSet};

use omsctl_proto::{
    Action, CancelMode, Claim, ControllerId, Digest, ErrorCode, ErrorReport, Event, EventKind, Evidence,
    FactsRequest, FingerprintKey, Gate, GateRow, GateTable, Hold, ImageOrigin, InitOrder, Left, MetaDbProof,
    Milestone, NodeName, NodePlan, Operator, Order, Outcome, PeerAsk, PeerReply, PlannedStep, ProbeTarget,
    Refusal, Request, Response, Role, RunFacts, RunId, RunPhase, Secret, SecretFile, SecretName, Step,
    StepId, ToAgent, ToController, Unit, WantedImage, WireSecret,
};
use serde::Serialize;

use crate::relay;

/// Events in one sample of [`events_that_say`].
pub(crate) const EVENTS: usize = 10;

fn frames<T: Serialize>(messages: &[T]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        let body = serde_json::to_vec(message).expect("JSON");
        bytes.extend_from_slice(&u32::try_from(body.len()).expect("short").to_be_bytes());
        bytes.extend_from_slice(&body);
    }
    bytes
}

fn run() -> RunId {
    RunId::new("20261122t174000-3f9a2c").expect("valid")
}

fn claim() -> Claim {
    Claim::first(ControllerId::new("c1").expect("valid"))
}

fn operator() -> Operator {
    Operator { who: "dba@bastion".to_owned(), pid: 7 }
}

fn event(seq: u64, mono_ms: u64, kind: EventKind) -> ToController {
    let t = "2026-11-22T17:40:00.000Z".to_owned();
    let node = Some(NodeName::new("n1").expect("valid"));
    ToController::Event {
        event: Event { v: Event::VERSION, run: run(), node, boot: "b1".to_owned(), seq, t, mono_ms, kind },
    }
}

/// Events with this text wherever an agent may write what it likes, the time among them.
pub(crate) fn events_that_say(text: &str) -> Vec<u8> {
    let step = StepId::LoadImage;
    let said = format!("before{text}after");
    let error = ErrorReport::new(ErrorCode::Image, said.clone()).cause(said.clone()).hint(said.clone());
    let kinds = [
        EventKind::PlanAccepted {
            steps: vec![PlannedStep { id: step, why: said.clone(), gate: None }],
            agent_version: said.clone(),
        },
        EventKind::StepStarted { step, why: said.clone() },
        EventKind::StepOutput { step, line: said.clone() },
        EventKind::ContentWanted { step, content: said.clone(), offset: 1, door: None },
        EventKind::ControllerChanged { claim: claim(), operator: said.clone() },
        EventKind::StepWarning { step, message: said.clone() },
        EventKind::StepMilestone {
            step,
            milestone: Milestone::SchemaEntered,
            evidence: Evidence::from([(said.clone(), said.clone())]),
        },
        EventKind::StepFailed { step, error: error.clone(), elapsed_ms: 1 },
        EventKind::NodeFailed { step, error },
    ];
    let mut messages: Vec<ToController> =
        kinds.into_iter().zip(1..).map(|(kind, seq)| event(seq, seq, kind)).collect();
    let mut strange = event(1, 0, EventKind::StepWarning { step, message: said });
    if let ToController::Event { event } = &mut strange {
        event.t = format!("2026-11-22T{text:.8}00:00:00");
        text.clone_into(&mut event.boot);
    }
    messages.insert(0, strange);
    frames(&messages)
}

/// Progress between these two numbers, which stand for times too.
pub(crate) fn events_that_count(number: u64, other: u64) -> Vec<u8> {
    let step = StepId::LoadImage;
    let progress = |current, total, unit| EventKind::StepProgress { step, current, total, unit };
    frames(&[
        event(1, 0, EventKind::StepStarted { step, why: String::new() }),
        event(0, 1, progress(0, Some(number), Unit::Bytes)),
        event(0, 20_000, progress(other, Some(number), Unit::Bytes)),
        event(0, 40_000, progress(number, Some(other), Unit::InitSteps)),
        event(0, u64::MAX, progress(number, None, Unit::Bytes)),
        event(
            2,
            number,
            EventKind::ContentWanted { step, content: String::new(), offset: number, door: None },
        ),
        event(3, other, done(step, number)),
        event(number, number, EventKind::NodeDone { changed: true }),
        event(other, other, EventKind::NodeDone { changed: false }),
    ])
}

fn done(step: StepId, elapsed_ms: u64) -> EventKind {
    EventKind::StepDone { step, outcome: Outcome::Changed, evidence: Evidence::new(), elapsed_ms }
}

/// What an agent says.
pub(crate) fn to_controller() -> Vec<Vec<u8>> {
    let runs = vec![RunFacts {
        run: run(),
        operator: "dba@bastion".to_owned(),
        started: "2026-11-22T17:40:00Z".to_owned(),
        phase: RunPhase::Running,
        step: Some(StepId::LoadImage),
        gate: Some(Gate::Schema),
        agent: true,
    }];
    let error = ErrorReport::new(ErrorCode::Disk, "no room").cause("28").hint("make room");
    let busy = Refusal::Busy { run: run(), operator: "a".to_owned(), since: "b".to_owned() };
    let opened = BTreeSet::from([Gate::Schema]);
    vec![
        events_that_say(" "),
        events_that_count(200, 3_000_000),
        frames(&[ToController::Response {
            id: 1,
            response: Response::Runs(Left { runs, begun_image_bytes: 9 }),
        }]),
        frames(&[ToController::Response { id: 1, response: Response::Failed { error } }]),
        frames(&[
            ToController::Attached { run: run(), latest: 3, claim: claim(), opened },
            event(3, 9, EventKind::NodeDone { changed: false }),
            ToController::Unheld,
        ]),
        frames(&[
            ToController::Refused { refusal: busy },
            ToController::Superseded { claim: claim(), by: "x".to_owned() },
        ]),
    ]
}

/// What a controller says.
pub(crate) fn to_agent() -> Vec<Vec<u8>> {
    let request = |id, request| ToAgent::Request { id, request };
    let controller = claim().controller;
    let hold = Hold { controller, run: run(), operator: operator(), take_over: false };
    let url = "http://10.0.0.9:8088/x".to_owned();
    let order = |id, order| ToAgent::Order { id, order };
    let secrets = BTreeMap::from([(secret_name(), WireSecret(Secret::new("a: 1\n")))]);
    vec![
        frames(&[request(1, Request::Facts(facts_request())), request(2, Request::Runs)]),
        frames(&[
            request(1, Request::Hold(hold)),
            request(2, Request::Forget),
            request(3, Request::Release),
            ToAgent::Alive,
        ]),
        frames(&[
            request(1, Request::Probe { target: ProbeTarget::Tcp { host: "10.0.0.9".to_owned(), port: 1 } }),
            request(2, Request::Probe { target: ProbeTarget::Http { url } }),
            request(5, Request::Probe { target: ProbeTarget::Holds { address: [10, 0, 0, 9].into() } }),
            request(3, Request::Run { run: run() }),
            request(4, Request::Close { run: run() }),
        ]),
        frames(&[
            start(secrets.clone()),
            order(1, Order::OpenGate { gate: Gate::Schema, waiting: 11 }),
            order(2, Order::Secrets { secrets }),
            order(3, Order::Acknowledge { seq: 9 }),
            order(4, Order::Cancel { mode: CancelMode::AfterStep, by: "dba".to_owned() }),
        ]),
        frames(&[ToAgent::Attach { run: run(), after: 1, claim: Some(claim()), operator: operator() }]),
    ]
}

/// What an agent says that sends an image: all of it at once and with heartbeats, some of it, nothing.
pub(crate) fn from_peer() -> Vec<Vec<u8>> {
    let bytes = relay::bytes();
    let wanted = &bytes[usize::try_from(relay::OFFSET).expect("small")..];
    let slice = |bytes: &[u8]| super::frame(bytes);
    let (first, second) = wanted.split_at(3_000);
    let sending = || frames(&[PeerReply::Sending]);
    vec![
        [sending(), slice(&[]), slice(first), slice(&[]), slice(second)].concat(),
        [sending(), slice(&first[..100]), slice(&[]), slice(&first[100..300])].concat(),
        [sending(), slice(&[]), slice(&[])].concat(),
        frames(&[PeerReply::NotHere]),
    ]
}

/// What an agent says that wants an image: all of it, the rest of it, nothing of it, more than there is, another one.
pub(crate) fn from_guest() -> Vec<Vec<u8>> {
    let ask = |content, offset| frames(&[PeerAsk { content, offset }]);
    vec![
        ask(relay::content(), 0),
        ask(relay::content(), relay::OFFSET),
        ask(relay::content(), relay::SIZE),
        ask(relay::content(), relay::SIZE + 1),
        ask(relay::content(), u64::MAX),
        ask(Digest::of(b"another"), 0),
    ]
}

fn secret_name() -> SecretName {
    SecretName::new("config").expect("valid")
}

fn facts_request() -> FactsRequest {
    serde_json::from_value(serde_json::json!({
        "container_name": "oms", "paths": ["/data/oms"], "config_file": "/data/oms/config.yaml", "files": ["/x"],
        "key": FingerprintKey::new([7; 32]), "ports": [8089], "towards": ["10.0.0.9", 2881],
        "health": {"port": 8089, "tls": false}, "logs": "/data/oms/oms_logs"
    }))
    .expect("a request for facts")
}

fn start(secrets: BTreeMap<SecretName, WireSecret>) -> ToAgent {
    let key = FingerprintKey::new([7; 32]);
    let step = |action, gate| Step { why: "it differs".to_owned(), gate, action };
    let file = SecretFile {
        path: "/data/oms/config.yaml".to_owned(),
        mode: 0o600,
        content: secret_name(),
        fingerprint: key.of(b"a: 1\n"),
    };
    let image = WantedImage {
        reference: "oms:1".to_owned(),
        config: Some(Digest::of(b"config")),
        layers: vec![Digest::of(b"layer")],
        architecture: Some("amd64".to_owned()),
    };
    let node = NodeName::new("n1").expect("valid");
    let steps = vec![
        step(Action::MakeDirectories { paths: vec!["/data/oms/oms_logs".to_owned()] }, None),
        step(
            Action::WriteConfig { file, container: None, former: omsctl_proto::FormerText::Removed },
            Some(Gate::Turn),
        ),
        step(
            Action::LoadImage {
                image,
                origin: ImageOrigin::Archive {
                    content: Digest::of(b"archive"),
                    size: 9,
                    unpacked: 9,
                    whole: 9,
                    door: None,
                },
            },
            Some(Gate::Schema),
        ),
    ];
    let row = GateRow {
        node: node.clone(),
        role: Role::New,
        gates: BTreeSet::from([Gate::Schema]),
        proof: MetaDbProof::Registered,
        serves_tsdb: false,
    };
    let table = GateTable {
        hosts: vec![row],
        init_order: InitOrder::Staggered,
        max_failures: None,
        cm_url: Some("http://10.0.0.9:8088".to_owned()),
        goal: key.of(b"goal"),
    };
    let plan = NodePlan { run: run(), node, command: "omsctl apply".to_owned(), steps, table };
    ToAgent::Start { plan, key, secrets, operator: operator(), claim: claim() }
}

/// Inventories and configurations.
pub(crate) fn files() -> Vec<Vec<u8>> {
    [
        "[oms]\nn[1:3] ansible_host=10.0.0.1 ansible_port=22\n[oms:vars]\noms_image=oms:1\noms_mount_path=/data/oms\n\
         [east:children]\noms\n[east:vars]\ncm_location='[\"1\"]'\n",
        "all:\n  children:\n    oms:\n      hosts:\n        n1: {ansible_host: 10.0.0.1}\n        n[2:3]:\n      vars:\n\
         \x20       oms_image: &image oms:1\n        oms_other: *image\n",
        "oms_meta_host: 10.0.0.9\noms_meta_port: 2881\noms_meta_user: 'oms'\noms_meta_password: \"${SECRET}\"\n\
         drc_rm_db: drc_rm\ndrc_cm_db: drc_cm\ncm_url: http://10.0.0.9:8088\ncm_location: 0\ncm_region: cn\n\
         cm_is_default: true\ncm_nodes:\n  - 10.0.0.1\n  - 10.0.0.2\n",
        "# comment\nNAME=value\nexport OTHER=\"two words\"\n",
        "%YAML 1.1\n---\n\"cm_is_default\": !!bool \"true\"\n\"cm_location\": \"2\"\nbase: &base {cm_region: 0x1F, cm_region_cn: 12:30}\n\
         <<: *base\noms_meta_password: |-\n  a\tb # c\ndrc_user: 'it''s\n  more'\ntsdb_url: !<tag:yaml.org,2002:str> 1_0\n\
         cm_nodes: [\"192.0.2.1\", # c\n  192.0.2.2]\ndrc_password: 2024-01-01T10:00:00Z\n...\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
