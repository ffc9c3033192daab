//! What the picture of canned runs says.

use omsctl_proto::{ErrorCode, Gate, RunResult};

use super::super::fixtures::{self, Recording, name};
use super::*;

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
