//! Screens of all widths and with many hosts.

use omsctl_proto::{Event, EventKind};

use super::super::fixtures::{self, Recording, name};
use super::*;

fn drawn(events: &[Event], rows: usize, columns: usize, style: Style) -> Vec<String> {
    let since_ms = BTreeMap::from([(name("node1"), 72_000)]);
    let frame = Frame { columns, rows, style, turn: 0, elapsed_ms: 48_000, since_ms: &since_ms };
    screen(&Tally::of(events), &frame)
}

#[test]
fn a_finished_run_shows_how_it_ended() {
    assert_eq!(
        drawn(&fixtures::two_failed(), 24, 80, Style::PLAIN),
        [
            "node1 +   8/8  ready",
            "node2 x   2/8  failed: docker load refused the archive: unexpected EOF",
            "node3 x   2/8  failed: docker load refused the archive: unexpected EOF",
            "3 hosts: 1 ready, 2 failed  12 of 24 steps  48 s",
        ]
    );
    assert_eq!(
        drawn(&fixtures::one_unreachable(), 24, 80, Style::PLAIN)[2..],
        [
            "node3 x        unreachable: no connection to node3.example:22: connection timed",
            "3 hosts: 2 ready, 1 unreachable  16 of 16 steps  48 s",
        ]
    );
}

#[test]
fn a_long_step_shows_its_time_and_unicode_its_glyphs() {
    let style = Style { colour: false, unicode: true };
    assert_eq!(
        drawn(&fixtures::at_the_gate(), 24, 80, style)[..2],
        [
            "node1 ⠋   6/8  initialising OMS, schema step  1 min 12 s",
            "node2 ·   5/8  waits for its turn: node1 is in the schema step",
        ]
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let long = "oms-production-frankfurt-rack-17-node-0001.example.com";
    let mut story = Recording::default();
    story.begin(&[long, "b"]).connect(long).plan(long, &fixtures::FRESH).prepare(long).fail_image(long);
    for columns in [1, 11, 20, 40, 80, 200] {
        for style in [Style::PLAIN, Style { colour: true, unicode: true }] {
            for line in drawn(&story.events, 24, columns, style) {
                let width = console::measure_text_width(&line);
                assert!(width < columns.max(11), "{width} of {columns}: {line}");
            }
        }
    }
    let line = &drawn(&story.events, 24, 80, Style::PLAIN)[0];
    assert!(line.starts_with("oms-production-frankfur~ x   2/8  failed loading the image: docker"), "{line}");
}

#[test]
fn two_hundred_hosts_fit_on_one_screen_with_the_busy_ones_shown() {
    let hosts: Vec<String> = (1..=200).map(|number| format!("node{number:03}")).collect();
    let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let mut story = Recording::default();
    story.begin(&names);
    for host in &names[..150] {
        story.controller(EventKind::HostPlanned { host: name(host), steps: vec![] });
    }
    for host in &names[190..] {
        story.connect(host).plan(host, &fixtures::FRESH).start(host, StepId::MakeDirectories);
    }
    let lines = drawn(&story.events, 24, 80, Style::PLAIN);
    assert_eq!(lines.len(), 23);
    assert!(lines[0].starts_with("node151 |        connecting"), "{}", lines[0]);
    assert_eq!(lines[20], "node200 |   1/8  making directories");
    assert_eq!(lines[21], "  and 179 more hosts");
    assert_eq!(lines[22], "200 hosts: 150 ready  0 of 80 steps  48 s");
}

#[test]
fn colour_is_only_around_what_it_means() {
    let style = Style { colour: true, unicode: false };
    let lines = drawn(&fixtures::two_failed(), 24, 80, style);
    assert_eq!(lines[0], "node1 +   8/8  \x1b[32mready\x1b[0m");
}
