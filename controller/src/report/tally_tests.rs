//! The picture does not depend on how events arrive.

use std::collections::VecDeque;

use omsctl_proto::{ErrorCode, Gate, RunResult};
use proptest::prelude::*;

use super::super::fixtures::{self, Recording, name};
use super::*;

fn stories() -> Vec<Vec<Event>> {
    vec![
        fixtures::success(),
        fixtures::two_failed(),
        fixtures::one_unreachable(),
        fixtures::at_the_gate(),
        fixtures::nothing_to_do(),
    ]
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

proptest! {
    #[test]
    fn one_shot_incremental_and_repeated_delivery_give_one_picture(
        story in 0_usize..5,
        choices in proptest::collection::vec(0_usize..97, 1..60),
        again in proptest::collection::vec((0_usize..200, 0_usize..200, 0_usize..200), 0..6),
    ) {
        let events = &stories()[story];
        let expected = Tally::of(events);
        let mixed = interleaved(events, &choices);
        let mut tally = Tally::default();
        for (at, event) in mixed.iter().enumerate() {
            tally.add(event);
            // After a lost connection a reader may be given any earlier stretch once more.
            for (when, from, length) in &again {
                if *when % mixed.len() == at {
                    let from = from % (at + 1);
                    for old in &mixed[from..=at.min(from + length)] {
                        tally.add(old);
                    }
                }
            }
        }
        prop_assert_eq!(&tally, &expected);
        prop_assert_eq!(tally.totals(), expected.totals());
    }
}

#[test]
fn a_whole_rollout_is_counted() {
    let tally = Tally::of(&fixtures::success());
    let totals = tally.totals();
    assert_eq!(totals, Totals { hosts: 3, ready: 3, steps: 24, steps_done: 24, steps_changed: 21, ..totals });
    assert_eq!(tally.ending().unwrap().result, RunResult::Done);
    assert_eq!(tally.nodes().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["node1", "node2", "node3"]);
}

#[test]
fn a_waiting_host_knows_who_is_in_the_gate() {
    let tally = Tally::of(&fixtures::at_the_gate());
    let node1 = name("node1");
    assert_eq!(tally.holder(Gate::Schema), Some(&node1));
    assert_eq!(
        tally.phase(&name("node2")),
        Phase::Waiting { gate: Gate::Schema, step: StepId::Initialise, holder: Some(&node1) }
    );
    assert_eq!(tally.phase(&name("node3")), Phase::Working { step: StepId::LoadImage });
    let progress = tally.node(&name("node3")).unwrap().agent.current.as_ref().unwrap().progress.unwrap();
    assert_eq!((progress.current, progress.total), (1_200_000_000, Some(3_400_000_000)));
}

#[test]
fn the_gate_is_free_when_its_holder_is_through() {
    let tally = Tally::of(&fixtures::success());
    assert_eq!(tally.holder(Gate::Schema), None);
}

#[test]
fn progress_that_comes_after_its_step_changes_nothing() {
    let mut story = Recording::default();
    story.begin(&["n"]).connect("n").plan("n", &fixtures::FRESH).start("n", StepId::LoadImage);
    story.wait(5).bytes("n", 1, 2).wait(5).done("n", StepId::LoadImage, 10);
    let late = story.events[story.events.len() - 2].clone();
    let mut tally = Tally::of(&story.events);
    let before = tally.clone();
    assert!(!tally.add(&late));
    assert_eq!(tally, before);
}

#[test]
fn a_new_incarnation_is_no_success() {
    let mut story = Recording::default();
    story.begin(&["n"]).connect("n").plan("n", &fixtures::FRESH).start("n", StepId::LoadImage);
    let error = ErrorReport::new(ErrorCode::Agent, "the agent began anew");
    story.agent("n", EventKind::NodeUnknown { error: error.clone() });
    story.events.last_mut().unwrap().boot = "b2".to_owned();
    let tally = Tally::of(&story.events);
    assert!(tally.node(&name("n")).unwrap().agent.restarted);
    assert_eq!(tally.phase(&name("n")), Phase::Unknown(&error));
    assert_eq!(tally.totals().unknown, 1);
}

#[test]
fn nothing_follows_a_terminal_event() {
    let mut events = fixtures::two_failed();
    let mut ghost = events.iter().rfind(|event| event.node == Some(name("node2"))).unwrap().clone();
    ghost.seq += 1;
    ghost.kind = EventKind::NodeDone { changed: true };
    let before = Tally::of(&events);
    events.push(ghost);
    assert_eq!(Tally::of(&events), before);
}

#[test]
fn an_agents_success_without_registration_is_not_ready() {
    let events = fixtures::success();
    let unregistered: Vec<Event> = events
        .into_iter()
        .filter(|event| {
            !matches!(event.kind, EventKind::HostRegistered { .. } | EventKind::RolloutFinished { .. })
        })
        .collect();
    let tally = Tally::of(&unregistered);
    assert_eq!(tally.phase(&name("node1")), Phase::Registering);
    assert_eq!(tally.totals().ready, 0);
}
