//! What may be typed, and what it means.

use std::path::PathBuf;

use super::super::{
    AdoptRequest, AgentsRequest, ApplyRequest, AttachRequest, Command, Format, HistoryRequest, InitRequest,
    InventoryRequest, InventoryView, ManRequest, PlanRequest, RenderRequest, SchemaName, SshConfigRequest,
    StatusRequest, TypedHost,
};
use super::*;

fn typed(line: &str) -> Result<Request, Stopped> {
    parse(line.split(' ').map(OsString::from))
}

fn check(line: &str, expected: &Command) {
    assert_eq!(&typed(line).unwrap().command, expected, "{line}");
}

#[test]
fn what_begins_becomes_its_request() {
    check("omsctl init", &Command::Init(InitRequest::default()));
    check("omsctl init n1 n2", &Command::Init(InitRequest { hosts: vec!["n1".into(), "n2".into()] }));
    check(
        "omsctl adopt root@10.0.0.1:2222 --output there --container oms_422 --gone 10.0.0.9",
        &Command::Adopt(AdoptRequest {
            hosts: vec![TypedHost {
                node: omsctl_proto::NodeName::new("10.0.0.1").unwrap(),
                address: "10.0.0.1".to_owned(),
                user: Some("root".to_owned()),
                port: Some(2222),
            }],
            output: "there".into(),
            container: Some("oms_422".to_owned()),
            gone: vec!["10.0.0.9".parse().unwrap()],
        }),
    );
    check(
        "omsctl adopt -i hosts.yml",
        &Command::Adopt(AdoptRequest { hosts: vec![], output: ".".into(), container: None, gone: vec![] }),
    );
}

#[test]
fn a_plan_and_an_apply_become_their_requests() {
    check("omsctl check", &Command::Check { fix: false });
    check("omsctl check --fix", &Command::Check { fix: true });
    check("omsctl plan", &Command::Plan(PlanRequest::default()));
    check(
        "omsctl plan --move-cm-url",
        &Command::Plan(PlanRequest { move_cm_url: true, ..PlanRequest::default() }),
    );
    check("omsctl apply", &Command::Apply(ApplyRequest::default()));
    let former_metadb_password_file = Some(PathBuf::from("f"));
    check(
        "omsctl apply --former-metadb-password-file f",
        &Command::Apply(ApplyRequest {
            former_metadb_password_file: former_metadb_password_file.clone(),
            ..ApplyRequest::default()
        }),
    );
    check(
        "omsctl plan --former-metadb-password-file f",
        &Command::Plan(PlanRequest { former_metadb_password_file, ..PlanRequest::default() }),
    );
    check(
        "omsctl apply --forks 2 --max-failures 1 --keep-going --join-metadb --move-cm-url --wait 90m --take-over --give-up n1 --relay off --bandwidth 20MiB/s --detach",
        &Command::Apply(ApplyRequest {
            forks: std::num::NonZeroUsize::new(2),
            max_failures: std::num::NonZeroUsize::new(1),
            keep_going: true,
            bandwidth: std::num::NonZeroU64::new(20 << 20),
            direct: true,
            join_metadb: true,
            move_cm_url: true,
            former_metadb_password_file: None,
            wait: Some(std::time::Duration::from_mins(90)),
            take_over: true,
            give_up: [omsctl_proto::NodeName::new("n1").unwrap()].into(),
            detach: true,
            background: None,
        }),
    );
}

#[test]
fn what_shows_becomes_its_request() {
    check("omsctl attach", &Command::Attach(AttachRequest::default()));
    check(
        "omsctl attach r-1 --read-only --bandwidth 500kB/s",
        &Command::Attach(AttachRequest {
            run: Some(omsctl_proto::RunId::new("r-1").unwrap()),
            read_only: true,
            bandwidth: std::num::NonZeroU64::new(500_000),
        }),
    );
    check("omsctl agents --reap", &Command::Agents(AgentsRequest { reap: true }));
    check("omsctl status", &Command::Status(StatusRequest { watch: false }));
    check("omsctl status --watch", &Command::Status(StatusRequest { watch: true }));
    check("omsctl history", &Command::History(HistoryRequest { last: 20 }));
    check("omsctl inventory", &Command::Inventory(InventoryRequest { view: InventoryView::Graph }));
    check("omsctl inventory --list", &Command::Inventory(InventoryRequest { view: InventoryView::List }));
    check(
        "omsctl --format json inventory",
        &Command::Inventory(InventoryRequest { view: InventoryView::List }),
    );
    check("omsctl ssh-config n1", &Command::SshConfig(SshConfigRequest { host: "n1".to_owned() }));
    check(
        "omsctl config render n1 --reveal",
        &Command::ConfigRender(RenderRequest {
            host: Some(omsctl_proto::NodeName::new("n1").unwrap()),
            reveal: true,
        }),
    );
    check("omsctl schema", &Command::Schema(SchemaName::Events));
    check("omsctl schema events", &Command::Schema(SchemaName::Events));
    check("omsctl man", &Command::Man(ManRequest::default()));
    check("omsctl completion zsh", &Command::Completion(Shell::Zsh));
}

#[test]
fn options_for_every_command_stand_before_after_and_between() {
    let request =
        typed("omsctl -i a -v -c one --format json --vault-password-file p config -i b render -vv -i c -c two --yes -k -K -J --vault-pass-file q --limit x")
            .unwrap();
    let globals = request.globals;
    assert_eq!(globals.inventories, ["a", "b", "c"].map(PathBuf::from));
    assert_eq!(globals.config, Some(PathBuf::from("two")), "the later one counts");
    assert_eq!(globals.format, Format::Json);
    assert_eq!(globals.vault_password_files, ["p", "q"].map(PathBuf::from));
    assert!(globals.ask_vault_pass);
    assert_eq!(globals.verbosity, 3);
    assert_eq!(globals.limit.as_deref(), Some("x"));
    assert!(globals.yes && globals.ask_pass && globals.ask_become_pass && !globals.accept_new);
}

#[test]
fn wrong_words_are_exit_2_and_say_what_is_right() {
    for (line, says) in [
        ("omsctl aply", "apply"),
        ("omsctl apply --fork 2", "--forks"),
        ("omsctl apply --forks 0", "--forks"),
        ("omsctl apply --format xml", "jsonl"),
        ("omsctl show ../etc", "lower-case"),
        ("omsctl show", "RUN"),
        ("omsctl adopt 2001:db8::1", "brackets"),
        ("omsctl inventory --list --graph", "--graph"),
        ("omsctl config", "render"),
        ("omsctl completion klingon", "zsh"),
        ("omsctl", "apply"),
    ] {
        let stopped = typed(line).unwrap_err();
        assert_eq!(stopped.exit, Exit::Usage, "{line}");
        assert!(stopped.text.contains(says), "{line}: {}", stopped.text);
    }
}

#[test]
fn help_and_version_are_answers() {
    for line in ["omsctl --help", "omsctl -h", "omsctl apply --help", "omsctl --version"] {
        let stopped = typed(line).unwrap_err();
        assert_eq!(stopped.exit, Exit::Done, "{line}");
        assert!(stopped.text.ends_with('\n'));
    }
}

#[test]
fn the_first_page_is_for_a_newcomer() {
    let mut command = Arguments::command().term_width(100);
    insta::assert_snapshot!(command.render_long_help().to_string());
    assert!(typed("omsctl --help").unwrap_err().text.contains("Begin here:"));
}

#[test]
fn what_adopt_says_of_itself() {
    let stopped = typed("omsctl adopt --help").unwrap_err();
    let (own, _) = stopped.text.split_once("Options for every command").unwrap();
    let (_, more) = stopped.text.split_once("Looks at hosts").unwrap();
    insta::assert_snapshot!(format!("{own}[…]\n\nLooks at hosts{more}"));
    assert!(more.lines().all(|line| line.chars().count() <= 96));
}

#[test]
fn the_typed_line_is_kept_as_it_was() {
    let words = ["omsctl", "apply", "--limit", "oms:!node 3"].map(OsString::from);
    assert_eq!(parse(words).unwrap().typed, "omsctl apply --limit 'oms:!node 3'");
}

#[test]
fn completions_know_the_commands() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        assert!(completion(shell).contains("max-failures"), "{shell}");
    }
}

#[test]
fn clap_finds_no_contradiction() {
    Arguments::command().debug_assert();
}
