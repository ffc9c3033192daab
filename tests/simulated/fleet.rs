//! N simulated hosts with the links to them and the database behind them. It knows nothing of the bastion's files.
//!
//! This folder is shared by the suites that run real commands and real agents in one process, `inprocess` and
//! `simulation`; it holds no test.

use std::io::Cursor;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_agent::World;
use omsctl_agent::fakes::{FakeArchive, FakeImage, FakeMachine, InitScript, Judge, Network};
use omsctl_agent::ports::{ContainerRuntime, HttpAnswer};
use omsctl_controller::ports::{
    Archive, ArchiveIdentity, ContentSource, ImageArchives, ReadProgress, Section,
};
use omsctl_proto::{ContainerFacts, Digest, ErrorReport, Event, ImageFacts, Piece, RunId};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::task::JoinHandle;

use crate::bastion::{CM_URL, METADB};
use crate::link::{FakeTransport, Link};
use crate::metadb::{BEAT, FakeMetaDb, version_of};

pub(crate) const CONTAINER: &str = "oms";
/// Initialised by a script.
pub(crate) const REFERENCE: &str = "registry.example.com/oms:feature_4.2.7_ce";
/// Initialises itself.
pub(crate) const SELF_INITIALISING: &str = "registry.example.com/oms:feature_4.2.11_ce";
/// Between two headings of an initialisation; longer than the pause between two looks at its log.
const INIT_STEP: Duration = Duration::from_secs(2);
/// Of the in-process suite: more than one window of a channel.
const ARCHIVE_BYTES: usize = 900_000;

/// One simulated host.
pub(crate) struct Host {
    /// `n1`, `n2`, …
    pub(crate) name: String,
    /// `10.0.0.1`, `10.0.0.2`, …
    pub(crate) address: String,
    pub(crate) machine: FakeMachine,
    /// What its agents see.
    world: World,
    pub(crate) link: Arc<Link>,
}

/// All of them; dropped with everything that they wrote.
pub(crate) struct Fleet {
    pub(crate) hosts: Vec<Host>,
    pub(crate) judge: Judge,
    pub(crate) metadb: Arc<FakeMetaDb>,
    /// Between the hosts.
    pub(crate) network: Network,
    /// The archive as it travels, and what it holds.
    offered: Mutex<(Arc<[u8]>, &'static str)>,
    supervisors: JoinHandle<()>,
    _folder: TempDir,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.supervisors.abort();
    }
}

impl Fleet {
    /// Fresh hosts whose Docker answers, and the archive of an image that a script initialises.
    pub(crate) fn new(hosts: u8) -> Self {
        Self::with_image(hosts, REFERENCE, ARCHIVE_BYTES)
    }

    /// As [`Self::new`], with an image that initialises itself.
    pub(crate) fn self_initialising(hosts: u8) -> Self {
        Self::with_image(hosts, SELF_INITIALISING, ARCHIVE_BYTES)
    }

    /// Fresh hosts and the archive, so large, of this image.
    pub(crate) fn with_image(hosts: u8, reference: &'static str, archive_bytes: usize) -> Self {
        let folder = in_memory();
        let judge = Judge::default();
        let FakeArchive { tar, frames } = FakeArchive::of(archive_bytes);
        let network = Network::default();
        let hosts: Vec<Host> =
            (1..=hosts).map(|number| host(number, folder.path(), &judge, &network)).collect();
        let image =
            FakeImage { facts: image_facts(reference), initialises_itself: reference == SELF_INITIALISING };
        for host in &hosts {
            host.machine.docker.knows_archive(&tar, image.clone());
        }
        let metadb = Arc::new(FakeMetaDb::of_version(version_of(reference).expect("a version in the tag")));
        for host in &hosts {
            host.machine.docker.shares_databases(&metadb.databases);
        }
        let machines: Vec<_> = hosts.iter().map(|host| host.machine.clone()).collect();
        let beaten = Arc::clone(&metadb);
        let supervisors = tokio::spawn(async move {
            loop {
                beaten.beat(&machines).await;
                tokio::time::sleep(BEAT).await;
            }
        });
        Self {
            hosts,
            judge,
            metadb,
            network,
            offered: Mutex::new((frames.into(), reference)),
            supervisors,
            _folder: folder,
        }
    }

    /// The host with this name.
    pub(crate) fn host(&self, name: &str) -> &Host {
        self.hosts.iter().find(|host| host.name == name).unwrap()
    }

    pub(crate) fn transport(&self) -> FakeTransport {
        FakeTransport(self.hosts.iter().map(|host| (host.address.clone(), Arc::clone(&host.link))).collect())
    }

    pub(crate) fn archives(&self) -> FakeArchives {
        let (archive, reference) = self.offered.lock().unwrap().clone();
        FakeArchives(archive, reference)
    }

    /// From now on the archive on the bastion holds this image.
    pub(crate) fn offers(&self, reference: &'static str) {
        // Of another size, so that it is another archive.
        let FakeArchive { tar, frames } = FakeArchive::of(ARCHIVE_BYTES + 100_000);
        let image =
            FakeImage { facts: image_facts(reference), initialises_itself: reference == SELF_INITIALISING };
        for host in &self.hosts {
            host.machine.docker.knows_archive(&tar, image.clone());
        }
        *self.offered.lock().unwrap() = (frames.into(), reference);
    }

    /// The ids of the containers, in the order of the hosts.
    pub(crate) async fn container_ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for host in &self.hosts {
            ids.extend(host.container().await.map(|container| container.id));
        }
        ids
    }

    /// What was done to Docker on every host, so far.
    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        self.hosts.iter().map(|host| host.machine.docker.calls()).collect()
    }

    /// What lies on the hosts and should not: sockets, secrets, keys, reserves.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        self.hosts.iter().flat_map(Host::leftovers).collect()
    }

    /// No daemon and no channel is left on any host; given a little time, since the last ones end by themselves.
    pub(crate) async fn is_left_alone(&self) -> bool {
        let left = || {
            let alone = |host: &Host| host.machine.daemons.alive() == 0 && host.link.open_channels() == 0;
            !self.hosts.iter().all(alone)
        };
        for _ in 0..100 {
            if !left() {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    }
}

impl Host {
    pub(crate) async fn container(&self) -> Option<ContainerFacts> {
        self.machine.docker.container(CONTAINER).await.unwrap().map(|container| container.facts)
    }

    pub(crate) fn config(&self) -> String {
        std::fs::read_to_string(self.machine.path("/data/oms/config.yaml")).unwrap()
    }

    fn leftovers(&self) -> Vec<String> {
        let places = &self.world.places;
        // A host that was never taken has no such folder.
        let names = |folder: &Path| {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        let mut left = names(&places.runtime);
        left.retain(|name| !["lock", "controller"].contains(&name.as_str()));
        for run in names(&self.journals()) {
            let kept = names(&self.journals().join(&run)).into_iter();
            let strange =
                kept.filter(|name| !["plan.json", "events.jsonl", "agent.log"].contains(&name.as_str()));
            left.extend(strange.map(|name| format!("{run}/{name}")));
        }
        left.extend(names(&places.state.join("content")));
        left.into_iter().map(|name| format!("{}: {name}", self.name)).collect()
    }

    /// Where its event files are, each in the folder of its run.
    pub(crate) fn journals(&self) -> PathBuf {
        self.world.places.state.join("runs")
    }

    /// The host's own event file of this run.
    pub(crate) fn journal(&self, run: &RunId) -> Vec<Event> {
        let text = std::fs::read_to_string(self.journals().join(run.as_str()).join("events.jsonl"));
        let text = text.unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// An initialisation that takes its time and succeeds.
pub(crate) fn works() -> InitScript {
    InitScript { step: INIT_STEP, ..InitScript::default() }
}

/// A folder in memory where there is such a place: whatever an agent writes waits for the disk.
pub(crate) fn in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn host(number: u8, folder: &Path, judge: &Judge, network: &Network) -> Host {
    let name = format!("n{number}");
    let address = [10, 0, 0, number];
    let machine = FakeMachine::new(&name, address.into(), &folder.join(&name), judge);
    machine.host.serves(CM_URL, HttpAnswer { status: 404, body: String::new() });
    let greeting = format!("{name}\n");
    machine.host.reaches(METADB.0, METADB.1, move || {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let greeting = greeting.clone();
        tokio::spawn(async move {
            // Whoever asked may be gone already.
            let _ = theirs.write_all(greeting.as_bytes()).await;
        });
        Box::new(ours)
    });
    machine.host.join(network);
    machine.docker.set_script(works());
    let world = machine.world();
    let link = Link::new(world.clone());
    Host { address: std::net::IpAddr::from(address).to_string(), name, machine, world, link }
}

/// An image of that name; the name decides about all of it.
pub(crate) fn image_facts(reference: &str) -> ImageFacts {
    ImageFacts {
        id: Digest::of(format!("configuration of {reference}").as_bytes()),
        references: vec![reference.to_owned()],
        layers: vec![Digest::of(b"base"), Digest::of(reference.as_bytes())],
        architecture: "amd64".to_owned(),
    }
}

/// Every path is the one archive.
pub(crate) struct FakeArchives(Arc<[u8]>, &'static str);

impl ImageArchives for FakeArchives {
    fn read<'a>(&'a self, _: &'a Path, _: ReadProgress) -> BoxFuture<'a, Result<Archive, ErrorReport>> {
        let facts = image_facts(self.1);
        let identity = ArchiveIdentity {
            references: facts.references,
            config: facts.id,
            layers: facts.layers,
            architecture: facts.architecture,
            // Several, so that a connection can break between two.
            sections: [Section {
                unpacked: self.0.len() as u64,
                pieces: self.0.chunks(100_000).map(Piece::of).collect(),
                layers: Vec::new(),
            }]
            .into(),
        };
        let source = Arc::new(FakeContent(Arc::clone(&self.0)));
        async { Ok(Archive { identity, source }) }.boxed()
    }
}

struct FakeContent(Arc<[u8]>);

impl ContentSource for FakeContent {
    fn open(
        &self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, std::io::Result<Box<dyn AsyncRead + Send + Unpin>>> {
        let part = |range: &Range<u64>| {
            let [start, end] = [range.start, range.end].map(|place| usize::try_from(place).unwrap());
            &self.0[start..end]
        };
        let bytes = Cursor::new(ranges.iter().map(part).collect::<Vec<_>>().concat());
        async { Ok(Box::new(bytes) as Box<dyn AsyncRead + Send + Unpin>) }.boxed()
    }
}
