//! What a pipe gets to read.

use omsctl_proto::Unit;

use super::super::buffer::Buffer;
use super::super::fixtures::{self, Recording};
use super::*;

fn lines(events: &[Event]) -> String {
    let buffer = Buffer::default();
    let mut lines = Lines::new(Box::new(buffer.clone()), Style::PLAIN, Telling::Replay);
    for event in events {
        lines.on_event(event).unwrap();
    }
    buffer.text()
}

#[test]
fn a_rollout_reads_like_a_story() {
    insta::assert_snapshot!("success", lines(&fixtures::success()));
}

fn told(events: &[Event], telling: Telling) -> String {
    let buffer = Buffer::default();
    let mut lines = Lines::new(Box::new(buffer.clone()), Style::PLAIN, telling);
    for event in events {
        lines.on_event(event).unwrap();
    }
    buffer.text()
}

#[test]
fn warnings_of_checks_are_one_line() {
    let mut story = Recording::default();
    story.begin(&["n1", "n2"]);
    for (host, name) in [("n1", "cpu"), ("n1", "disk"), ("n2", "cpu")] {
        let check = fixtures::check(Some(host), name, CheckStatus::Warn, ["8 advised", "2", ""]);
        story.controller(EventKind::Check { check });
    }
    story.connect("n1");
    assert_eq!(
        told(&story.events, Telling::Rollout),
        "17:40:00 run 20261122t174000-3f9a2c on 2 hosts\n\
         17:40:00 3 warnings of the checks (cpu, disk): see omsctl check\n\
         17:40:00 n1: connected to n1.example:22, agent sent (2.6 MB)\n"
    );
}

#[test]
fn a_look_says_little_since_its_result_says_all() {
    assert_eq!(told(&fixtures::one_unreachable()[..3], Telling::Look), "17:40:00 looking at 3 hosts\n");
}

#[test]
fn failures_say_what_failed_why_and_what_to_do() {
    let text = lines(&fixtures::two_failed());
    assert!(
        text.contains(
            "node2: failed while loading the image after 1.5 s: docker load refused the archive: unexpected \
             EOF. The archive is truncated: copy it to the bastion again and compare its checksum.\n"
        ),
        "{text}"
    );
}

#[test]
fn an_unreachable_host_is_told_at_once() {
    let text = lines(&fixtures::one_unreachable());
    assert_eq!(
        text.lines().nth(1).unwrap(),
        "17:40:00 node3: unreachable: no connection to node3.example:22: connection timed out after 10 s. \
         Check that the host is up and that its sshd answers."
    );
}

#[test]
fn a_gate_names_its_holder() {
    let text = lines(&fixtures::at_the_gate());
    assert!(text.contains("node2: waits for its turn: node1 is in the schema step\n"), "{text}");
    assert!(text.contains("node3: loading the image: 1.2 of 3.4 GB, 120.0 MB/s, 19 s left\n"), "{text}");
}

#[test]
fn progress_is_told_at_most_every_ten_seconds() {
    let mut story = Recording::default();
    story.begin(&["n"]).connect("n").plan("n", &fixtures::FRESH).start("n", StepId::LoadImage);
    for second in 1..=39 {
        story.wait(1_000).bytes("n", second * 1_000_000, 100_000_000);
    }
    let text = lines(&story.events);
    assert_eq!(text.matches("MB").count() - text.matches("agent sent").count(), 3 * 2, "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("loading the image: ")).count(), 3, "{text}");
}

#[test]
fn an_event_that_comes_twice_is_told_once() {
    let events = fixtures::success();
    let twice: Vec<Event> = events.iter().chain(&events).cloned().collect();
    assert_eq!(lines(&twice), lines(&events));
}

#[test]
fn what_a_host_prints_stays_on_its_line() {
    let mut story = Recording::default();
    story.begin(&["n"]);
    story.agent("n", EventKind::StepWarning { step: StepId::Initialise, message: "a\n\x1b[2Jb".to_owned() });
    assert!(lines(&story.events).ends_with("n: warning: a b\n"));
}

#[test]
fn services_are_counted_without_a_pace() {
    let progress =
        Progress { current: 9, total: Some(12), unit: Unit::Services, at_ms: 9_000, first: (0, 0) };
    assert_eq!(words::progress(&progress) + &left(&progress), "9 of 12 services");
}
