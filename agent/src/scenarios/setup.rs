//! A machine and a plan for it.

use omsctl_proto::{
    Action, Claim, Consignment, ContainerSpec, ControllerId, Digest, Event, EventKind, FingerprintKey,
    FormerText, Gate, GateTable, ImageFacts, ImageOrigin, Importance, InitOrder, Initialiser, Mount,
    NodeName, NodePlan, Operator, Order, Piece, RunId, SecretFile, SecretName, Step, WantedHealth,
    WantedImage, content_digest, write_frame,
};
use tempfile::TempDir;

pub(super) use super::talk::{Talk, last, names};
use crate::fakes::{FakeArchive, FakeImage, FakeMachine, Judge};

pub(super) const PIECE: usize = 500_000;

pub(super) const CONFIG: &str = "oms_meta_password: \"canary-7f3a\"\n";
pub(super) const CONTAINER: &str = "oms";
const REFERENCE: &str = "oms:4.2.2";

/// One host of a test.
pub(super) struct Setup {
    pub(super) machine: FakeMachine,
    pub(super) judge: Judge,
    pub(super) archive: Vec<u8>,
    pub(super) initialiser: Initialiser,
    folder: TempDir,
}

impl Setup {
    pub(super) fn new() -> Self {
        Self::with(Initialiser::Script)
    }

    pub(super) fn with(initialiser: Initialiser) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let judge = Judge::default();
        let machine = FakeMachine::new("n1", [10, 0, 0, 1].into(), folder.path(), &judge);
        let FakeArchive { tar, frames: archive } = FakeArchive::of(3 * PIECE);
        let setup = Self { machine, judge, archive, initialiser, folder };
        setup.machine.docker.knows_archive(&tar, setup.image());
        setup
    }

    pub(super) fn image(&self) -> FakeImage {
        let facts = ImageFacts {
            id: Digest::of(b"configuration"),
            references: vec![REFERENCE.to_owned()],
            layers: vec![Digest::of(b"layer")],
            architecture: "amd64".to_owned(),
        };
        FakeImage { facts, initialises_itself: self.initialiser == Initialiser::Container }
    }

    /// Only to pull the image, with this secret.
    pub(super) fn pull_plan(&self, run: &str, credentials: Option<&str>) -> NodePlan {
        let credentials = credentials.map(|name| SecretName::new(name).unwrap());
        let image = WantedImage { config: None, layers: Vec::new(), architecture: None, ..self.wanted() };
        plan(run, vec![step(None, Action::LoadImage { image, origin: ImageOrigin::Pull { credentials } })])
    }

    /// Where the run has its secrets.
    pub(super) fn in_memory(&self, run: &str) -> std::path::PathBuf {
        self.folder.path().join("runtime").join(run)
    }

    pub(super) fn wanted(&self) -> WantedImage {
        let image = self.image().facts;
        WantedImage {
            reference: REFERENCE.to_owned(),
            config: Some(image.id),
            layers: image.layers,
            architecture: Some(image.architecture),
        }
    }

    /// Three of [`PIECE`] bytes.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        self.archive.chunks(PIECE).map(Piece::of).collect()
    }

    pub(super) fn content(&self) -> Digest {
        content_digest(&self.pieces())
    }

    /// A first rollout.
    pub(super) fn plan(&self, run: &str) -> NodePlan {
        let folders = ["/data/oms/oms_logs", "/data/oms/oms_store", "/data/oms/oms_run"];
        let size = u64::try_from(self.archive.len()).unwrap();
        let origin =
            ImageOrigin::Archive { content: self.content(), size, unpacked: size, whole: size, door: None };
        let (create_gate, init_gate) = match self.initialiser {
            Initialiser::Script => (None, Some(Gate::Schema)),
            Initialiser::Container => (Some(Gate::Schema), None),
        };
        let container = CONTAINER.to_owned();
        let health = WantedHealth { port: 8089, tls: false };
        let logs = folders[0].to_owned();
        let steps = vec![
            step(None, Action::MakeDirectories { paths: folders.map(str::to_owned).into() }),
            step(None, write_config(CONFIG, FormerText::Removed)),
            step(None, Action::LoadImage { image: self.wanted(), origin }),
            step(create_gate, Action::CreateContainer { container: self.spec(), set_aside: None }),
            step(None, Action::AwaitServices { container: container.clone() }),
            step(init_gate, Action::Initialise { container: container.clone(), by: self.initialiser, logs }),
            step(None, Action::AwaitHealthy { container, health }),
        ];
        plan(run, steps)
    }

    pub(super) fn spec(&self) -> ContainerSpec {
        let mount = |host: &str, container: &str| Mount { host: host.into(), container: container.into() };
        ContainerSpec {
            name: CONTAINER.to_owned(),
            image: self.wanted(),
            mounts: vec![
                mount("/data/oms/config.yaml", "/home/admin/conf/config.yaml"),
                mount("/data/oms/oms_logs", "/home/admin/logs"),
            ],
            host_ip: [10, 0, 0, 1].into(),
            restart_policy: None,
            is_upgrade: false,
        }
    }

    /// Rolls out with everything opened and brought.
    pub(super) async fn roll_out(&self, run: &str) -> Vec<Event> {
        let mut talk = Talk::open(&self.machine).await;
        talk.start(self.plan(run)).await;
        self.see_through(&mut talk).await
    }

    pub(super) async fn see_through(&self, talk: &mut Talk) -> Vec<Event> {
        self.see_through_after(talk, 0).await
    }

    /// Obeys and returns only what came after this number: what is told again was obeyed before.
    pub(super) async fn see_through_after(&self, talk: &mut Talk, known: u64) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = talk.event().await;
            if event.seq <= known {
                continue;
            }
            self.obey(talk, &event).await;
            let ended = event.kind.importance() == Importance::Terminal;
            events.push(event);
            if ended {
                return events;
            }
        }
    }

    /// Brings what is asked for and opens what is waited at.
    pub(super) async fn obey(&self, talk: &mut Talk, event: &Event) {
        if let EventKind::ContentWanted { .. } = event.kind {
            self.bring(&event.run, 0, &self.archive).await;
        }
        if let EventKind::GateWaiting { gate, .. } = event.kind {
            talk.order(Order::OpenGate { gate, waiting: event.seq }).await;
        }
    }

    /// Like `omsctl-agent receive`: announces the archive and gives these bytes, from `offset` on.
    pub(super) async fn bring(&self, run: &RunId, offset: usize, bytes: &[u8]) {
        let head = Consignment { pieces: self.pieces(), offset: offset.try_into().unwrap(), from: None };
        self.announce(run, &head, bytes).await;
    }

    pub(super) async fn announce(&self, run: &RunId, head: &Consignment, bytes: &[u8]) {
        let mut delivery = Vec::new();
        write_frame(&mut delivery, head).await.unwrap();
        delivery.extend(bytes);
        let output = self.offer(run, &self.content(), &delivery).await;
        assert!(String::from_utf8_lossy(&output).contains("connected"));
    }

    pub(super) async fn offer(&self, run: &RunId, content: &Digest, bytes: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        crate::receive(bytes, &mut output, &self.machine.world(), run, content).await.unwrap();
        output
    }

    /// Every byte under state, runtime and the events file, as text.
    pub(super) fn kept_text(&self) -> String {
        fn collect(folder: &std::path::Path, text: &mut String) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
                if entry.path().is_dir() {
                    collect(&entry.path(), text);
                } else {
                    text.push_str(&String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()));
                }
            }
        }
        let mut text = String::new();
        collect(&self.folder.path().join("state"), &mut text);
        collect(&self.folder.path().join("runtime"), &mut text);
        text
    }
}

pub(super) fn key() -> FingerprintKey {
    FingerprintKey::new([7; 32])
}

pub(super) fn config_file(text: &str) -> SecretFile {
    SecretFile {
        path: "/data/oms/config.yaml".to_owned(),
        mode: 0o600,
        content: SecretName::new("config").unwrap(),
        fingerprint: key().of(text.as_bytes()),
    }
}

pub(super) fn write_config(text: &str, former: FormerText) -> Action {
    Action::WriteConfig { file: config_file(text), container: Some(CONTAINER.to_owned()), former }
}

pub(super) fn step(gate: Option<Gate>, action: Action) -> Step {
    Step { why: "it is missing".to_owned(), gate, action }
}

pub(super) fn plan(run: &str, steps: Vec<Step>) -> NodePlan {
    NodePlan {
        run: RunId::new(run).unwrap(),
        node: NodeName::new("n1").unwrap(),
        command: "apply".to_owned(),
        steps,
        table: GateTable {
            hosts: Vec::new(),
            init_order: InitOrder::Staggered,
            max_failures: None,
            cm_url: Some("http://oms.example.com:8088".to_owned()),
            goal: key().of(b"goal"),
        },
    }
}

/// Of the one controller that all talks are.
pub(super) fn claim() -> Claim {
    Claim::first(ControllerId::new("ann0").unwrap())
}

pub(super) fn operator(who: &str) -> Operator {
    Operator { who: who.to_owned(), pid: 1 }
}
