//! Story: a person at a terminal. Passwords are asked for and never shown, live lines stay in their place at any width,
//! and colour is left out for whoever does not want it.

use system_tests::rig::{DBA_PASSWORD, User};

use super::evidence::{assert_nothing_left, assert_registered};
use super::operator::Operator;
use super::pseudoterminal::Pseudoterminal;
use super::secrets::{Watch, files_with};
use super::stage::Stage;

/// What only live lines hold.
const LIVE: [&str; 12] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", "✓", "3 hosts: "];

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn passwords_are_asked_for_and_never_shown() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    // No key opens these hosts, and root is only a sudo away.
    let variables = [
        ("ansible_user", User::Dba.name()),
        ("ansible_become", "true"),
        ("ansible_ssh_private_key_file", ""),
    ];
    operator.inventory(&stage, &stage.host_lines(2), &variables);
    // Without a terminal nobody can be asked.
    operator.run(&["check", "-k"]).exits(2).tells(&["no terminal"]);

    let watch = Watch::begin(&[DBA_PASSWORD]);
    for (ssh, sudo, code, told) in [
        ("not-this-one", DBA_PASSWORD, 3, "password"),
        (DBA_PASSWORD, "not-this-one", 3, "sudo"),
        (DBA_PASSWORD, DBA_PASSWORD, 0, "node2"),
    ] {
        let mut terminal = Pseudoterminal::open(&operator, 80, "omsctl check -k -K", &[]);
        terminal.until_shows("SSH password: ");
        terminal.keys(&format!("{ssh}\r"));
        terminal.until_shows("sudo password: ");
        terminal.keys(&format!("{sudo}\r"));
        let screen = terminal.exits(code);
        assert!(screen.contains(told), "{screen}");
        for password in [ssh, sudo] {
            assert!(!holds(&terminal.bytes(), password), "a password was shown:\n{screen}");
        }
    }
    watch.saw_no_secret();
    assert_eq!(files_with(DBA_PASSWORD, &operator.home()), Vec::<String>::new());
    assert_nothing_left(&stage.nodes()[..2]);
}

#[test]
fn live_lines_stay_in_their_place() {
    let stage = Stage::empty();
    stage.timing(&[("schema", 3.0)]).unwrap();
    let operator = Operator::new(&stage);
    let mut wide = Pseudoterminal::open(&operator, 80, "omsctl apply", &[]);
    wide.until_shows("Make these changes? [y/N] ");
    wide.keys("y\r");
    wide.until_shows("waits for its turn");
    // A colleague reads along for a while, on a narrow terminal without colours.
    let other = Operator::new(&stage);
    let mut narrow = Pseudoterminal::open(&other, 48, "omsctl attach --read-only", &[("NO_COLOR", "1")]);
    narrow.until_shows("waits for its turn");

    // What is typed must not move the lines.
    narrow.keys("\u{3}");

    let screens = [narrow.exits(130), wide.exits(0)];

    assert!(screens[0].contains("To follow: omsctl attach"), "{}", screens[0]);
    assert!(screens[1].contains("3 hosts ready"), "{}", screens[1]);
    assert!(screens[1].contains("Make these changes? [y/N] y"), "what is typed is shown:\n{}", screens[1]);
    for screen in &screens {
        assert!(!LIVE.iter().any(|live| screen.contains(live)), "a live line was left:\n{screen}");
    }
    for terminal in [&wide, &narrow] {
        let live = |row: &String| LIVE.iter().any(|live| row.contains(live));
        let too_long: Vec<String> = terminal.wrapped().into_iter().filter(live).collect();
        assert!(too_long.is_empty(), "live lines that do not fit: {too_long:#?}");
        assert!(holds(&terminal.bytes(), "3 hosts: "), "it had no live lines");
    }
    assert!(holds(&wide.bytes(), "\x1b[32m"), "green is for what is good");
    let colours = ["\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];
    assert!(!colours.iter().any(|colour| holds(&narrow.bytes(), colour)), "NO_COLOR:\n{}", screens[0]);
    assert_registered(&stage, stage.usual());
}
