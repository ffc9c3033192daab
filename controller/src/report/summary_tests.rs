//! The last words for every ending.

use omsctl_proto::{CheckStatus, ErrorCode, Event, EventKind};

use super::super::fixtures::{self, Recording, dead, outcome};
use super::*;

fn text(events: &[Event]) -> String {
    summary(&Tally::of(events), Style::PLAIN)
}

#[test]
fn success_ends_with_the_console_and_one_clear_line() {
    assert_eq!(
        text(&fixtures::success()),
        "\
node1  ready, 7 steps changed
node2  ready, 7 steps changed
node3  ready, 7 steps changed

Console: http://10.0.0.11:8089
Whoever opens it first sets the admin password (OMS 4.2.1 and later): do it now.
HA is still off. To turn it on, in the console:
System Management > System Parameters > ha.config, set enable to true.

done: 3 hosts ready, 21 steps changed, 49 s
"
    );
}

#[test]
fn a_restart_says_nothing_of_passwords() {
    let mut events = fixtures::success();
    for event in &mut events {
        if let EventKind::RolloutStarted { command, .. } = &mut event.kind {
            "omsctl --limit node1 restart --yes".clone_into(command);
        }
    }
    let text = text(&events);
    assert!(!text.contains("password") && !text.contains("HA is"), "{text}");
    assert!(text.ends_with("done: 3 hosts ready, 21 steps changed, 49 s\n"), "{text}");
}

#[test]
fn what_travelled_of_the_image_stands_beside_what_it_weighs() {
    let mut events = fixtures::success();
    let mut sent = 365_500_000_u64;
    for event in &mut events {
        if let EventKind::StepDone { step: StepId::LoadImage, evidence, .. } = &mut event.kind {
            evidence.insert("from_bastion_bytes".to_owned(), sent.to_string());
            evidence.insert("archive_bytes".to_owned(), "365500000".to_owned());
            sent = 0;
        }
    }
    let text = text(&events);
    assert!(
        text.contains("\nImage: 365.5 MB sent from here for 3 hosts, of 1.0 GB, 3.0x less.\n\n"),
        "{text}"
    );
}

#[test]
fn nothing_to_do_is_one_line() {
    assert_eq!(text(&fixtures::nothing_to_do()), "nothing to do: 3 hosts are as the files say (0.9 s)\n");
}

#[test]
fn equal_failures_are_told_once() {
    assert_eq!(
        text(&fixtures::two_failed()),
        "\
node1  ready, 7 steps changed
node2  failed while loading the image
node3  failed while loading the image

node2 and node3: failed while loading the image
  docker load refused the archive
  unexpected EOF
  What to do: The archive is truncated: copy it to the bastion again and compare its checksum.

failed: 1 of 3 hosts ready, 2 failed, 11 steps changed, 19 s. What happened: omsctl show 20261122t174000-3f9a2c
"
    );
}

#[test]
fn an_unreachable_host_is_left_for_the_next_time() {
    assert_eq!(
        text(&fixtures::one_unreachable()),
        "\
node1  ready, 7 steps changed
node2  ready, 7 steps changed
node3  unreachable

node3: unreachable
  no connection to node3.example:22
  connection timed out after 10 s
  What to do: Check that the host is up and that its sshd answers.

not finished: 2 of 3 hosts ready, 1 unreachable, 14 steps changed, 32 s. The next omsctl apply does what is left.
"
    );
}

#[test]
fn a_host_behind_a_lost_holder_says_whom_it_waits_for() {
    let mut story = Recording::default();
    story.begin(&["node1", "node2"]);
    for host in ["node1", "node2"] {
        story.connect(host).plan(host, &fixtures::FRESH).reach_gate(host);
    }
    story.open("node1");
    story.finish(
        RunResult::Unreachable,
        4,
        vec![
            outcome("node1", NodeResult::Unreachable, Some(dead())),
            outcome("node2", NodeResult::Waiting, None),
        ],
    );
    let text = text(&story.events);
    assert!(text.contains("node2  waiting before initialising OMS, node1 is in front of it\n"), "{text}");
    assert!(text.contains("not finished: 0 of 2 hosts ready, 1 unreachable, 1 waiting,"), "{text}");
}

#[test]
fn refusals_say_that_nothing_was_changed() {
    for (result, exit, line) in [
        (RunResult::Refused, 3, "refused: nothing was changed anywhere\n"),
        (RunResult::Busy, 5, "refused: another rollout holds the hosts; nothing was changed\n"),
    ] {
        let mut story = Recording::default();
        story.begin(&["node1"]).finish(result, exit, vec![outcome("node1", NodeResult::Waiting, None)]);
        assert!(text(&story.events).ends_with(line), "{}", text(&story.events));
    }
}

#[test]
fn a_question_answered_with_no_is_short() {
    let mut story = Recording::default();
    story.begin(&["node1"]).connect("node1").finish(RunResult::Interrupted, 130, vec![]);
    assert_eq!(text(&story.events), "stopped: nothing was changed anywhere\n");
}

#[test]
fn only_the_hosts_of_the_limit_are_counted() {
    let mut story = Recording::default();
    story.begin(&["node1", "node2"]).connect("node1").connect("node2");
    story.wait(700).finish(RunResult::Unchanged, 0, vec![outcome("node2", NodeResult::Unchanged, None)]);
    assert_eq!(text(&story.events), "nothing to do: 1 host is as the files say (0.7 s)\n");
}

#[test]
fn what_a_program_printed_is_kept_line_by_line_and_harmless() {
    let error = ErrorReport::new(ErrorCode::Container, "docker run failed").cause("one\ntwo\x1b[2J");
    let mut story = Recording::default();
    story.begin(&["n"]);
    story.finish(RunResult::Failed, 1, vec![outcome("n", NodeResult::Failed, Some(error))]);
    assert!(text(&story.events).contains("n: failed\n  docker run failed\n  one\n  two\n\nfailed: "));
}

#[test]
fn a_refused_run_says_what_did_not_pass_once() {
    let mut story = Recording::default();
    story.begin(&["node1", "node2"]);
    for host in ["node1", "node2"] {
        let docker = ["it answers", "it is stopped", "systemctl start docker"];
        let check = fixtures::check(Some(host), "docker", CheckStatus::Fail, docker);
        story.controller(EventKind::Check { check });
    }
    story.finish(RunResult::Refused, 3, vec![]);
    assert_eq!(
        text(&story.events),
        "\
failed   docker on node1 and node2
         expected  it answers
         found     it is stopped
         to do     systemctl start docker

refused: nothing was changed anywhere
"
    );
}

#[test]
fn an_interrupted_run_says_what_goes_on_and_how_to_continue() {
    let mut story = Recording::default();
    story.begin(&["node1", "node2"]);
    story.connect("node1").plan("node1", &fixtures::FRESH).prepare("node1");
    story.finish(RunResult::Interrupted, 130, vec![outcome("node1", NodeResult::Waiting, None)]);
    let told = text(&story.events);
    let end = "\
The agent on node1 goes on up to its next gate.
To follow: omsctl attach 20261122t174000-3f9a2c
To continue: omsctl apply
";
    assert!(told.contains("interrupted: 0 of 1 host ready") && told.ends_with(end), "{told}");
}

#[test]
fn hosts_of_another_rollout_are_told_once_with_the_choices() {
    let mut story = Recording::default();
    story.begin(&["node1", "node2"]);
    story.connect("node1").connect("node2");
    let held = ErrorReport::new(ErrorCode::Busy, "another omsctl holds this host")
        .cause("run r-1 of ann@bastion, since ten")
        .hint("follow it: omsctl attach r-1");
    let waits = |node| outcome(node, NodeResult::Waiting, Some(held.clone()));
    story.finish(RunResult::Busy, 5, vec![waits("node1"), waits("node2")]);
    assert_eq!(
        text(&story.events),
        "\
node1  not begun: another omsctl holds this host
node2  not begun: another omsctl holds this host

node1 and node2: not begun
  another omsctl holds this host
  run r-1 of ann@bastion, since ten
  What to do: follow it: omsctl attach r-1

refused: another rollout holds the hosts; nothing was changed
"
    );
}

#[test]
fn ha_that_is_on_is_not_mentioned() {
    let mut events = fixtures::success();
    let Some(EventKind::RolloutFinished { consoles, ha_enabled, .. }) =
        events.last_mut().map(|event| &mut event.kind)
    else {
        panic!("the last event is the terminal one")
    };
    consoles.clear();
    *ha_enabled = true;
    let text = text(&events);
    assert!(!text.contains("HA") && !text.contains("Console"), "{text}");
}
