//! Canned runs for tests: three hosts as the rig has them, told event by event.

use std::collections::BTreeMap;

use omsctl_proto::{
    CheckResult, CheckStatus, ErrorCode, ErrorReport, Event, EventKind, Evidence, Gate, Milestone, NodeName,
    NodeOutcome, NodeResult, Outcome, PlannedStep, RunId, RunResult, StepId, Unit,
};

/// Builds events with right envelopes: a sequence for each writer, one clock for all.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) events: Vec<Event>,
    seqs: BTreeMap<Option<NodeName>, u64>,
    now_ms: u64,
}

pub(crate) fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

pub(crate) fn run() -> RunId {
    RunId::new("20261122t174000-3f9a2c").unwrap()
}

pub(crate) fn steps(ids: &[StepId]) -> Vec<PlannedStep> {
    let gate = |id| {
        let schema = (id == StepId::Initialise).then_some(Gate::Schema);
        schema.or((id == StepId::ReloadConfig).then_some(Gate::Turn))
    };
    ids.iter().map(|id| PlannedStep { id: *id, why: why(*id).to_owned(), gate: gate(*id) }).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "words for the steps of the canned runs")]
fn why(id: StepId) -> &'static str {
    match id {
        StepId::MakeDirectories => "/data/oms/oms_logs is absent",
        StepId::WriteConfig => "/data/oms/config.yaml is absent",
        StepId::LoadImage => "no image with config 9a2b0c1f3d4e",
        StepId::CreateContainer => "there is no container named oms",
        StepId::Initialise => "this container was never initialised",
        StepId::AwaitHealthy => "to prove it",
        _ => "it differs",
    }
}

/// What a fresh host goes through.
pub(crate) const FRESH: [StepId; 7] = [
    StepId::MakeDirectories,
    StepId::WriteConfig,
    StepId::LoadImage,
    StepId::CreateContainer,
    StepId::AwaitServices,
    StepId::Initialise,
    StepId::AwaitHealthy,
];

impl Recording {
    pub(crate) fn wait(&mut self, milliseconds: u64) -> &mut Self {
        self.now_ms += milliseconds;
        self
    }

    pub(crate) fn controller(&mut self, kind: EventKind) -> &mut Self {
        self.push(None, kind)
    }

    pub(crate) fn agent(&mut self, node: &str, kind: EventKind) -> &mut Self {
        self.push(Some(name(node)), kind)
    }

    fn push(&mut self, node: Option<NodeName>, kind: EventKind) -> &mut Self {
        let seq = match kind.importance() {
            omsctl_proto::Importance::Lossy => 0,
            omsctl_proto::Importance::Kept | omsctl_proto::Importance::Terminal => {
                let seq = self.seqs.entry(node.clone()).or_default();
                *seq += 1;
                *seq
            }
        };
        let (seconds, milliseconds) = (self.now_ms / 1000, self.now_ms % 1000);
        self.events.push(Event {
            v: Event::VERSION,
            run: run(),
            node,
            boot: "b1".to_owned(),
            seq,
            t: format!("2026-11-22T17:{:02}:{:02}.{milliseconds:03}Z", 40 + seconds / 60, seconds % 60),
            mono_ms: self.now_ms,
            kind,
        });
        self
    }

    pub(crate) fn begin(&mut self, hosts: &[&str]) -> &mut Self {
        self.controller(EventKind::RolloutStarted {
            command: "omsctl apply".to_owned(),
            operator: "dba@bastion".to_owned(),
            hosts: hosts.iter().map(|host| name(host)).collect(),
        })
    }

    pub(crate) fn connect(&mut self, host: &str) -> &mut Self {
        let address = format!("{host}.example:22");
        self.controller(EventKind::HostConnected { host: name(host), address, agent_pushed_bytes: 2_621_440 })
    }

    pub(crate) fn plan(&mut self, host: &str, ids: &[StepId]) -> &mut Self {
        let mut all = ids.to_vec();
        all.push(StepId::Register);
        self.controller(EventKind::HostPlanned { host: name(host), steps: steps(&all) });
        self.agent(host, EventKind::PlanAccepted { steps: steps(ids), agent_version: "0.1.0".to_owned() })
    }

    pub(crate) fn start(&mut self, host: &str, step: StepId) -> &mut Self {
        self.agent(host, EventKind::StepStarted { step, why: why(step).to_owned() })
    }

    pub(crate) fn done(&mut self, host: &str, step: StepId, elapsed_ms: u64) -> &mut Self {
        self.wait(elapsed_ms);
        self.agent(
            host,
            EventKind::StepDone { step, outcome: Outcome::Changed, evidence: Evidence::new(), elapsed_ms },
        )
    }

    pub(crate) fn step(&mut self, host: &str, step: StepId, elapsed_ms: u64) -> &mut Self {
        self.start(host, step).done(host, step, elapsed_ms)
    }

    pub(crate) fn bytes(&mut self, host: &str, current: u64, total: u64) -> &mut Self {
        let step = StepId::LoadImage;
        self.agent(host, EventKind::StepProgress { step, current, total: Some(total), unit: Unit::Bytes })
    }

    pub(crate) fn prepare(&mut self, host: &str) -> &mut Self {
        self.step(host, StepId::MakeDirectories, 20).step(host, StepId::WriteConfig, 30)
    }

    pub(crate) fn reach_gate(&mut self, host: &str) -> &mut Self {
        self.prepare(host)
            .step(host, StepId::LoadImage, 4_000)
            .step(host, StepId::CreateContainer, 900)
            .step(host, StepId::AwaitServices, 2_000)
            .agent(host, EventKind::GateWaiting { step: StepId::Initialise, gate: Gate::Schema })
    }

    pub(crate) fn open(&mut self, host: &str) -> &mut Self {
        self.controller(EventKind::GateOpened { host: name(host), gate: Gate::Schema });
        self.agent(host, EventKind::GatePassed { step: StepId::Initialise, gate: Gate::Schema });
        self.start(host, StepId::Initialise).milestone(host, Milestone::SchemaEntered)
    }

    pub(crate) fn milestone(&mut self, host: &str, milestone: Milestone) -> &mut Self {
        let step = StepId::Initialise;
        self.agent(host, EventKind::StepMilestone { step, milestone, evidence: Evidence::new() })
    }

    pub(crate) fn initialised(&mut self, host: &str) -> &mut Self {
        self.wait(3_000).milestone(host, Milestone::SchemaOver);
        self.done(host, StepId::Initialise, 5_000);
        self.step(host, StepId::AwaitHealthy, 1_000);
        self.agent(host, EventKind::NodeDone { changed: true });
        self.wait(500).controller(EventKind::HostRegistered {
            host: name(host),
            evidence: Evidence::from([("host_status".to_owned(), "ONLINE".to_owned())]),
            elapsed_ms: 500,
        })
    }

    pub(crate) fn fail_image(&mut self, host: &str) -> &mut Self {
        let step = StepId::LoadImage;
        self.start(host, step).wait(1_500);
        self.agent(host, EventKind::StepFailed { step, error: image_error(), elapsed_ms: 1_500 });
        self.agent(host, EventKind::NodeFailed { step, error: image_error() })
    }

    pub(crate) fn finish(&mut self, result: RunResult, exit: u8, nodes: Vec<NodeOutcome>) -> &mut Self {
        self.controller(EventKind::RolloutFinished { result, exit, nodes })
    }
}

pub(crate) fn outcome(node: &str, result: NodeResult, error: Option<ErrorReport>) -> NodeOutcome {
    NodeOutcome { node: name(node), result, error }
}

pub(crate) fn image_error() -> ErrorReport {
    ErrorReport::new(ErrorCode::Image, "docker load refused the archive")
        .cause("unexpected EOF")
        .hint("The archive is truncated: copy it to the bastion again and compare its checksum.")
}

pub(crate) fn dead() -> ErrorReport {
    ErrorReport::new(ErrorCode::Unreachable, "no connection to node3.example:22")
        .cause("connection timed out after 10 s")
        .hint("Check that the host is up and that its sshd answers.")
}

pub(crate) fn check(node: Option<&str>, check: &str, status: CheckStatus, texts: [&str; 3]) -> CheckResult {
    CheckResult {
        node: node.map(name),
        name: check.to_owned(),
        status,
        expected: texts[0].to_owned(),
        found: texts[1].to_owned(),
        fix: texts[2].to_owned(),
    }
}

/// Three fresh hosts, all ready.
pub(crate) fn success() -> Vec<Event> {
    let mut story = Recording::default();
    let hosts = ["node1", "node2", "node3"];
    story.begin(&hosts);
    for host in hosts {
        story.connect(host).plan(host, &FRESH);
    }
    for host in hosts {
        story.reach_gate(host);
    }
    for host in hosts {
        story.open(host).initialised(host);
    }
    let nodes = hosts.iter().map(|host| outcome(host, NodeResult::Changed, None)).collect();
    story.finish(RunResult::Done, 0, nodes);
    story.events
}

/// Nothing differs anywhere.
pub(crate) fn nothing_to_do() -> Vec<Event> {
    let mut story = Recording::default();
    let hosts = ["node1", "node2", "node3"];
    story.begin(&hosts);
    for host in hosts {
        story.connect(host).controller(EventKind::HostPlanned { host: name(host), steps: vec![] });
    }
    let nodes = hosts.iter().map(|host| outcome(host, NodeResult::Unchanged, None)).collect();
    story.wait(900).finish(RunResult::Unchanged, 0, nodes);
    story.events
}

/// Two hosts fail alike at the image, the third is ready.
pub(crate) fn two_failed() -> Vec<Event> {
    let mut story = Recording::default();
    let hosts = ["node1", "node2", "node3"];
    story.begin(&hosts);
    for host in hosts {
        story.connect(host).plan(host, &FRESH).prepare(host);
    }
    story.fail_image("node2").fail_image("node3");
    story.step("node1", StepId::LoadImage, 4_000).step("node1", StepId::CreateContainer, 900);
    story.step("node1", StepId::AwaitServices, 2_000);
    story.open("node1").initialised("node1");
    story.finish(
        RunResult::Failed,
        1,
        vec![
            outcome("node1", NodeResult::Changed, None),
            outcome("node2", NodeResult::Failed, Some(image_error())),
            outcome("node3", NodeResult::Failed, Some(image_error())),
        ],
    );
    story.events
}

/// The third host does not answer, the others are ready.
pub(crate) fn one_unreachable() -> Vec<Event> {
    let mut story = Recording::default();
    story.begin(&["node1", "node2", "node3"]);
    story.controller(EventKind::HostUnreachable { host: name("node3"), error: dead() });
    for host in ["node1", "node2"] {
        story.connect(host).plan(host, &FRESH).reach_gate(host);
    }
    story.open("node1").initialised("node1").open("node2").initialised("node2");
    story.finish(
        RunResult::Unreachable,
        4,
        vec![
            outcome("node1", NodeResult::Changed, None),
            outcome("node2", NodeResult::Changed, None),
            outcome("node3", NodeResult::Unreachable, Some(dead())),
        ],
    );
    story.events
}

/// Still running: the first host is in the schema step, the second waits for it, the third loads its image.
pub(crate) fn at_the_gate() -> Vec<Event> {
    let mut story = Recording::default();
    story.begin(&["node1", "node2", "node3"]);
    for host in ["node1", "node2", "node3"] {
        story.connect(host).plan(host, &FRESH);
    }
    story.reach_gate("node1").open("node1").reach_gate("node2").prepare("node3");
    story.agent(
        "node3",
        EventKind::StepWarning {
            step: StepId::WriteConfig,
            message: "the former config.yaml was readable by all".to_owned(),
        },
    );
    story.start("node3", StepId::LoadImage).bytes("node3", 0, 3_400_000_000);
    story.wait(10_000).bytes("node3", 1_200_000_000, 3_400_000_000);
    story.events
}
