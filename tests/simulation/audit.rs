//! The rules, checked whenever a controller keeps an event or something breaks. The first that is broken ends the seed.
//!
//! It compares what is told with what is there: the hosts' files, the judge of all initialisations, the MetaDB.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use omsctl_agent::fakes::Judge;
use omsctl_proto::{Event, EventKind, Importance, NodeName, NodeResult, RunId, RunResult};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::fleet::{CONTAINER, Fleet};
use crate::metadb::FakeMetaDb;

/// How the judge begins to say that two hosts were in the schema step.
const SEVERAL: &str = "schema step on several hosts at once: ";

/// Of one seed.
pub(crate) struct Audit {
    judge: Judge,
    metadb: Arc<FakeMetaDb>,
    /// The address of each host and where its event files are.
    hosts: BTreeMap<String, (String, PathBuf)>,
    most_failures: Option<usize>,
    began: Instant,
    journals: Mutex<BTreeMap<(String, RunId), Journal>>,
    /// What has happened, in words; only when somebody wants to read it.
    told: Option<Mutex<Vec<String>>>,
    kept: watch::Sender<u64>,
    broken: watch::Sender<Option<Broken>>,
    /// Hosts that somebody opened a schema gate without having seen them.
    unseen: Mutex<BTreeSet<NodeName>>,
}

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Broken {
    Rule(String),
    /// The lease is taken on every host that answers. Whoever cannot reach a host cannot know that it is in the schema
    /// step of somebody else's rollout, and goes on with the others, as it should when that host is dead.
    Limit(String),
}

/// A host's event file, as far as it was read.
#[derive(Default)]
struct Journal {
    read: u64,
    events: Vec<Event>,
}

/// What one controller has kept of one run.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The last event of each host.
    last: BTreeMap<NodeName, u64>,
    ended: BTreeSet<NodeName>,
    failed: BTreeSet<NodeName>,
    proved: BTreeSet<NodeName>,
    /// Hosts that did not answer when this controller looked, before it planned anything.
    unseen: BTreeSet<NodeName>,
    planned: bool,
}

impl Audit {
    pub(crate) fn new(fleet: &Fleet, most_failures: Option<usize>, tells: bool) -> Self {
        let hosts = fleet.hosts.iter();
        Self {
            judge: fleet.judge.clone(),
            metadb: Arc::clone(&fleet.metadb),
            hosts: hosts.map(|host| (host.name.clone(), (host.address.clone(), host.journals()))).collect(),
            most_failures,
            began: Instant::now(),
            journals: Mutex::default(),
            told: tells.then(Mutex::default),
            kept: watch::Sender::new(0),
            broken: watch::Sender::new(None),
            unseen: Mutex::default(),
        }
    }

    /// How many events controllers have kept.
    pub(crate) fn kept(&self) -> watch::Receiver<u64> {
        self.kept.subscribe()
    }

    /// Until a rule is broken.
    pub(crate) async fn broken(&self) {
        // The sender lives in `self`: it cannot be gone.
        let _ = self.broken.subscribe().wait_for(Option::is_some).await;
    }

    pub(crate) fn first_broken(&self) -> Option<Broken> {
        self.broken.borrow().clone()
    }

    /// For whoever reads the story.
    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if let Some(told) = &self.told {
            let ms = self.began.elapsed().as_millis();
            told.lock().unwrap().push(format!("{:>9}.{:03} {}", ms / 1000, ms % 1000, what()));
        }
    }

    pub(crate) fn told(&self) -> Vec<String> {
        self.told.as_ref().map(|told| told.lock().unwrap().clone()).unwrap_or_default()
    }

    pub(crate) fn require(&self, holds: bool, rule: impl FnOnce() -> String) {
        if !holds {
            self.breaks(Broken::Rule(rule()));
        }
    }

    fn breaks(&self, what: Broken) {
        self.tell(|| format!("{what:?}"));
        self.broken.send_if_modified(|broken| {
            let first = broken.is_none();
            broken.get_or_insert(what);
            first
        });
    }

    /// What must be true at every moment.
    pub(crate) fn look(&self) {
        let offences = self.judge.offences();
        if let Some(offence) = offences.first() {
            let unseen = self.unseen.lock().unwrap();
            let both = offence.strip_prefix(SEVERAL).is_some_and(|hosts| {
                let mut hosts = hosts.split(", ").filter_map(|who| who.split('/').next());
                hosts.any(|host| unseen.iter().any(|node| node.as_str() == host))
            });
            let offence = offence.clone();
            self.breaks(if both { Broken::Limit(offence) } else { Broken::Rule(offence) });
        }
        let initialised = self.judge.initialised();
        let twice = initialised.iter().enumerate().find(|(index, who)| initialised[..*index].contains(who));
        self.require(twice.is_none(), || format!("initialised twice: {twice:?}"));
    }

    /// A controller keeps this event.
    pub(crate) fn keeps(&self, who: &str, seen: &mut Seen, event: &Event) {
        self.tell(|| format!("{who} keeps {}", in_words(event)));
        self.look();
        match &event.node {
            Some(node) => self.of_host(who, seen, node, event),
            None => self.of_controller(who, seen, event),
        }
        self.kept.send_modify(|kept| *kept += 1);
    }

    fn of_host(&self, who: &str, seen: &mut Seen, node: &NodeName, event: &Event) {
        let what = || format!("{who}, {node}, event {} of {}", event.seq, event.run);
        let last = seen.last.insert(node.clone(), event.seq).unwrap_or(0);
        self.require(event.seq == last + 1, || format!("{}: it follows event {last}", what()));
        self.require(!seen.ended.contains(node), || format!("{}: it follows a terminal event", what()));
        let file = self.in_file(node, &event.run, event.seq);
        self.require(file.as_ref() == Some(event), || format!("{}: the host's file has {file:?}", what()));
        match &event.kind {
            EventKind::NodeDone { .. } => {
                let initialised = self.is_initialised(node);
                self.require(initialised, || format!("{}: done, and not initialised", what()));
            }
            EventKind::NodeFailed { .. } => drop(seen.failed.insert(node.clone())),
            _ => {}
        }
        if event.kind.importance() == Importance::Terminal {
            seen.ended.insert(node.clone());
        }
    }

    fn of_controller(&self, who: &str, seen: &mut Seen, event: &Event) {
        match &event.kind {
            EventKind::HostUnreachable { host, .. } if !seen.planned => {
                seen.unseen.insert(host.clone());
            }
            EventKind::HostPlanned { .. } => seen.planned = true,
            EventKind::GateOpened { host, gate } => {
                if seen.planned {
                    self.unseen.lock().unwrap().extend(seen.unseen.iter().cloned());
                }
                let failed = seen.failed.len();
                let most = self.most_failures.unwrap_or(usize::MAX);
                self.require(failed < most, || {
                    format!("{who} opens the gate {gate} for {host} after {failed} failed hosts")
                });
            }
            EventKind::HostRegistered { host, .. } => {
                self.require(self.is_proved(host), || {
                    format!("{who} calls {host} registered, and the MetaDB does not show it")
                });
                seen.proved.insert(host.clone());
            }
            EventKind::HostNotRegistered { host, .. } => drop(seen.failed.insert(host.clone())),
            EventKind::RolloutFinished { result, nodes, .. } => {
                for outcome in nodes {
                    let node = &outcome.node;
                    if outcome.result == NodeResult::Unchanged || outcome.result == NodeResult::Changed {
                        self.require(self.is_initialised(node), || {
                            format!("{who} ends well on {node}, and it is not initialised")
                        });
                    }
                    let walked = seen.ended.contains(node) && !who.contains("Reap");
                    let proved = seen.proved.contains(node);
                    self.require(outcome.result != NodeResult::Changed || !walked || proved, || {
                        format!("{who} ends well on {node} without a proof")
                    });
                }
                if matches!(result, RunResult::Done | RunResult::Unchanged) {
                    let good = |result| matches!(result, NodeResult::Changed | NodeResult::Unchanged);
                    self.require(nodes.iter().all(|outcome| good(outcome.result)), || {
                        format!("{who} ends with {result:?} and {nodes:?}")
                    });
                }
            }
            _ => {}
        }
    }

    fn is_initialised(&self, node: &NodeName) -> bool {
        self.judge.initialised().contains(&format!("{node}/{CONTAINER}"))
    }

    fn is_proved(&self, node: &NodeName) -> bool {
        self.is_initialised(node) && self.metadb.shows(&self.hosts[node.as_str()].0)
    }

    /// The event of this number as the host has it on its disk.
    fn in_file(&self, node: &NodeName, run: &RunId, seq: u64) -> Option<Event> {
        let mut journals = self.journals.lock().unwrap();
        let journal = journals.entry((node.to_string(), run.clone())).or_default();
        let index = usize::try_from(seq).unwrap().checked_sub(1)?;
        if journal.events.len() <= index {
            let path = self.hosts[node.as_str()].1.join(run.as_str()).join("events.jsonl");
            journal.read_on(path);
        }
        journal.events.get(index).cloned()
    }

    /// After the end: every run on every host has one terminal event, which is its last.
    pub(crate) fn all_ended(&self) {
        for (name, (_, folder)) in &self.hosts {
            let runs = std::fs::read_dir(folder).into_iter().flatten();
            for run in runs.map(|entry| entry.unwrap().path()) {
                let mut journal = Journal::default();
                journal.read_on(run.join("events.jsonl"));
                let is_terminal = |event: &Event| event.kind.importance() == Importance::Terminal;
                let terminal = journal.events.iter().filter(|event| is_terminal(event)).count();
                let last = journal.events.last().is_some_and(is_terminal);
                self.require(terminal == 1 && last, || {
                    format!("{name}: {:?} has {terminal} terminal events, last: {last}", run.file_name())
                });
            }
        }
    }
}

impl Journal {
    /// What was written since.
    fn read_on(&mut self, path: PathBuf) {
        let Ok(mut file) = std::fs::File::open(path) else { return };
        let mut text = String::new();
        file.seek(SeekFrom::Start(self.read)).unwrap();
        file.read_to_string(&mut text).unwrap();
        self.read += u64::try_from(text.len()).unwrap();
        self.events.extend(text.lines().map(|line| serde_json::from_str::<Event>(line).unwrap()));
    }
}

/// Without what no seed decides: the incarnation's name.
fn in_words(event: &Event) -> String {
    let mut value = serde_json::to_value(event).unwrap();
    value.as_object_mut().unwrap().remove("boot");
    value.to_string()
}
