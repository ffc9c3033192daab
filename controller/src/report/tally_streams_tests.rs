//! Streams that controller and agents may really write, made at random, and every way in which they may arrive: the
//! picture, and whatever is drawn from it, stays the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use omsctl_proto::{
    Claim, ControllerId, ErrorCode, Gate, Milestone, NodeOutcome, NodeResult, RunResult, Unit,
};
use proptest::prelude::*;

use super::super::buffer::Buffer;
use super::super::document::ApplyDocument;
use super::super::fixtures::{self, FRESH, Recording, name};
use super::super::lines::{Lines, Telling};
use super::super::summary::summary;
use super::*;
use crate::out::Style;

const HOSTS: [&str; 4] = ["n1", "n2", "n3", "n4"];

/// What is left to chance; when it runs out, everything goes the plain way.
struct Dice(VecDeque<u8>);

impl Dice {
    /// Below `sides`.
    fn roll(&mut self, sides: u8) -> u8 {
        self.0.pop_front().unwrap_or(0) % sides
    }

    fn one_in(&mut self, sides: u8) -> bool {
        self.roll(sides) == sides - 1
    }
}

/// One host as its agent and the controller tell of it.
struct Host<'a> {
    name: &'static str,
    boot: &'static str,
    story: &'a mut Recording,
}

impl Host<'_> {
    fn agent(&mut self, kind: EventKind) {
        self.story.wait(1).agent(self.name, kind);
        if let Some(event) = self.story.events.last_mut() {
            self.boot.clone_into(&mut event.boot);
        }
    }

    fn controller(&mut self, kind: EventKind) {
        self.story.wait(1).controller(kind);
    }

    fn host(&self) -> NodeName {
        name(self.name)
    }

    /// From the connection to the end, or as far as it gets.
    fn tell(&mut self, dice: &mut Dice) -> NodeResult {
        if dice.one_in(9) {
            let host = self.host();
            self.controller(EventKind::HostUnreachable { host, error: fixtures::dead() });
            return NodeResult::Unreachable;
        }
        self.story.wait(1).connect(self.name).plan(self.name, &FRESH);
        let steps = usize::from(dice.roll(8));
        for step in FRESH.into_iter().rev().skip(steps).rev() {
            self.enter(step, dice);
            for _ in 0..dice.roll(4) {
                self.within(step, dice);
            }
            if let Some(result) = self.leave(step, dice) {
                return result;
            }
        }
        if steps > 0 {
            return NodeResult::Waiting;
        }
        self.agent(EventKind::NodeDone { changed: true });
        self.prove(dice)
    }

    fn enter(&mut self, step: StepId, dice: &mut Dice) {
        if step == StepId::Initialise {
            let gate = Gate::Schema;
            self.agent(EventKind::GateWaiting { step, gate });
            let host = self.host();
            self.controller(EventKind::GateOpened { host, gate });
            self.agent(EventKind::GatePassed { step, gate });
        }
        if dice.one_in(5) {
            self.agent(EventKind::SecretsWanted { step });
        }
        self.agent(EventKind::StepStarted { step, why: "it differs".to_owned() });
    }

    /// Something that happens inside a step.
    fn within(&mut self, step: StepId, dice: &mut Dice) {
        let (current, host) = (u64::from(dice.roll(200)), self.host());
        match dice.roll(8) {
            0 => {
                self.agent(EventKind::StepProgress { step, current, total: Some(200), unit: Unit::Bytes });
            }
            1 => self.agent(EventKind::StepOutput { step, line: format!("line {current}") }),
            2 => self.agent(EventKind::StepWarning { step, message: format!("warning {current}") }),
            3 => self.agent(EventKind::ContentWanted {
                step,
                content: "0".repeat(64),
                offset: current,
                door: None,
            }),
            4 => self.controller(EventKind::ContentSent { host, current, total: 200 }),
            5 => {
                self.controller(EventKind::HostLost { host: host.clone(), error: fixtures::dead() });
                if dice.one_in(2) {
                    self.controller(EventKind::HostRegained { host });
                }
            }
            6 => {
                let claim = Claim::first(ControllerId::new("c2").unwrap());
                self.agent(EventKind::ControllerChanged { claim, operator: "dba@other".to_owned() });
            }
            _ => self.agent(EventKind::Unknown),
        }
    }

    /// `Some` when that is the end of the host.
    fn leave(&mut self, step: StepId, dice: &mut Dice) -> Option<NodeResult> {
        if step == StepId::Initialise {
            self.story.milestone(self.name, Milestone::SchemaEntered);
            self.story.milestone(self.name, Milestone::SchemaOver);
        }
        let (error, elapsed_ms) = (fixtures::image_error(), 7);
        let rolled = dice.roll(12);
        match rolled {
            9 => {
                self.agent(EventKind::StepFailed { step, error: error.clone(), elapsed_ms });
                self.agent(EventKind::NodeFailed { step, error });
                return Some(NodeResult::Failed);
            }
            10 => {
                self.boot = "b2";
                self.agent(EventKind::NodeUnknown { error });
                return Some(NodeResult::Unknown);
            }
            11 => {
                let (by, reason) = ("dba@bastion".to_owned(), "asked".to_owned());
                self.agent(EventKind::NodeAborted { by, reason });
                return Some(NodeResult::Waiting);
            }
            _ => {
                let outcome = if rolled == 8 { Outcome::Unchanged } else { Outcome::Changed };
                self.agent(EventKind::StepDone { step, outcome, evidence: BTreeMap::new(), elapsed_ms });
            }
        }
        None
    }

    fn prove(&mut self, dice: &mut Dice) -> NodeResult {
        let host = self.host();
        if dice.one_in(6) {
            let error = ErrorReport::new(ErrorCode::Metadb, "no row");
            self.controller(EventKind::HostNotRegistered { host, error });
            return NodeResult::Failed;
        }
        self.controller(EventKind::HostRegistered { host, evidence: BTreeMap::new(), elapsed_ms: 3 });
        NodeResult::Changed
    }
}

/// A whole run, or one that goes on; every writer in its own order.
fn stream(chances: &[u8]) -> Vec<Event> {
    let mut dice = Dice(chances.iter().copied().collect());
    let mut story = Recording::default();
    let hosts = &HOSTS[..usize::from(1 + dice.roll(4))];
    if dice.one_in(6) {
        // Lossy, and of a host that nobody has named yet.
        let (host, current) = (name(HOSTS[usize::from(dice.roll(4))]), u64::from(dice.roll(9)));
        story.controller(EventKind::ContentSent { host, current, total: 9 });
        story.bytes(HOSTS[usize::from(dice.roll(4))], 1, 9);
    }
    story.begin(hosts);
    for check in 0..dice.roll(3) {
        let status = if check == 0 { CheckStatus::Warn } else { CheckStatus::Fail };
        let check = fixtures::check(Some(HOSTS[0]), "disk", status, ["50 GiB", "8 GiB", "Make room."]);
        story.controller(EventKind::Check { check });
    }
    let mut nodes = Vec::new();
    for host in hosts {
        let result = Host { name: host, boot: "b1", story: &mut story }.tell(&mut dice);
        nodes.push(NodeOutcome { node: name(host), result, error: None });
    }
    story.controller(EventKind::Notice { message: "nearly there".to_owned() });
    if !dice.one_in(4) {
        story.finish(RunResult::Done, 0, nodes);
    }
    story.events
}

/// The same events with the writers interleaved otherwise; each writer's own order stays.
fn interleaved(events: &[Event], choices: &[usize]) -> Vec<Event> {
    let mut writers: BTreeMap<Option<NodeName>, VecDeque<Event>> = BTreeMap::new();
    for event in events {
        writers.entry(event.node.clone()).or_default().push_back(event.clone());
    }
    let mut mixed = Vec::new();
    let mut choices = choices.iter().cycle();
    while !writers.is_empty() {
        let at = choices.next().copied().unwrap_or(0) % writers.len();
        let writer = writers.keys().nth(at).unwrap().clone();
        let queue = writers.get_mut(&writer).unwrap();
        mixed.extend(queue.pop_front());
        if queue.is_empty() {
            writers.remove(&writer);
        }
    }
    mixed
}

/// With earlier stretches in between once more, as a reader gets them who comes again after a lost connection.
fn overlapping(events: &[Event], again: &[(usize, usize, usize)]) -> Vec<Event> {
    let mut delivered = Vec::new();
    for (at, event) in events.iter().enumerate() {
        delivered.push(event.clone());
        for (_, from, length) in again.iter().filter(|(when, _, _)| when % events.len() == at) {
            let from = from % (at + 1);
            delivered.extend_from_slice(&events[from..=at.min(from + length)]);
        }
    }
    delivered
}

/// All that people and programs are given of a picture.
fn told(tally: &Tally) -> (String, String, Totals) {
    let document = serde_json::to_string(&ApplyDocument::of(tally)).unwrap();
    (summary(tally, Style::PLAIN), document, tally.totals())
}

fn lines(events: &[Event]) -> String {
    let buffer = Buffer::default();
    let mut lines = Lines::new(Box::new(buffer.clone()), Style::PLAIN, Telling::Replay);
    for event in events {
        lines.on_event(event).unwrap();
    }
    buffer.text()
}

fn named(events: &[Event]) -> BTreeSet<NodeName> {
    events.iter().filter_map(|event| event.node.as_ref().or_else(|| host_of(&event.kind))).cloned().collect()
}

fn lossy(event: &Event) -> bool {
    event.kind.importance() == Importance::Lossy
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn one_shot_incremental_and_overlapping_delivery_give_one_picture(
        chances in proptest::collection::vec(any::<u8>(), 0..160),
        choices in proptest::collection::vec(0_usize..97, 1..60),
        again in proptest::collection::vec((0_usize..400, 0_usize..400, 0_usize..90), 0..6),
    ) {
        let events = stream(&chances);
        let expected = Tally::of(&events);
        let mixed = interleaved(&events, &choices);
        let delivered = overlapping(&mixed, &again);
        let mut tally = Tally::default();
        for event in &delivered {
            let before = tally.clone();
            let news = tally.add(event);
            // Who draws does so when there is news: nothing may change without it, nor be told twice.
            prop_assert!(news || tally == before, "a change without news: {event:?}");
            prop_assert!(!news || lossy(event) || tally != before, "news without a change: {event:?}");
        }
        prop_assert_eq!(&tally, &expected);
        prop_assert_eq!(told(&tally), told(&expected));
        prop_assert_eq!(lines(&delivered), lines(&mixed));
    }

    #[test]
    fn lost_progress_changes_nothing_that_stays(
        chances in proptest::collection::vec(any::<u8>(), 0..160),
        kept in proptest::collection::vec(any::<bool>(), 1..40),
    ) {
        let events = stream(&chances);
        let mut keeps = kept.iter().cycle();
        let thinned: Vec<Event> =
            events.iter().filter(|event| !lossy(event) || *keeps.next().unwrap()).cloned().collect();
        prop_assume!(named(&thinned) == named(&events));
        let (whole, thin) = (Tally::of(&events), Tally::of(&thinned));
        prop_assert_eq!(told(&whole), told(&thin));
        let names = |tally: &Tally| tally.nodes().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        prop_assert_eq!(names(&whole), names(&thin));
        for host in names(&whole) {
            prop_assert_eq!(whole.phase(&host), thin.phase(&host));
        }
    }

    /// A reader that was too slow misses some, and the history of a full disk has gaps.
    #[test]
    fn every_host_that_was_heard_of_is_counted(
        chances in proptest::collection::vec(any::<u8>(), 0..160),
        kept in proptest::collection::vec(any::<bool>(), 1..40),
    ) {
        let mut keeps = kept.iter().cycle();
        let unended = |event: &Event| !matches!(event.kind, EventKind::RolloutFinished { .. } | EventKind::RolloutStarted { .. });
        let some: Vec<Event> =
            stream(&chances).into_iter().filter(|event| unended(event) && *keeps.next().unwrap()).collect();
        let tally = Tally::of(&some);
        let counted: BTreeSet<NodeName> = tally.nodes().map(|(name, _)| name.clone()).collect();
        let named = named(&some);
        prop_assert_eq!(tally.totals().hosts, named.len());
        prop_assert_eq!(counted, named);
    }
}

#[test]
fn a_host_that_only_a_lossy_notice_names_is_there_and_is_news() {
    let mut story = Recording::default();
    story.bytes("n1", 1, 9);
    story.controller(EventKind::ContentSent { host: name("n2"), current: 1, total: 9 });
    let mut tally = Tally::default();
    for (at, event) in story.events.iter().enumerate() {
        assert!(tally.add(event), "{event:?}");
        assert_eq!(tally.totals().hosts, at + 1);
    }
    assert!(!tally.add(&story.events[0]), "the second time it is none");
}
