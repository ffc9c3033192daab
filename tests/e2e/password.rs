//! Story: the MetaDB's account gets another password. The DBA has changed it before, or omsctl changes it there while every host
//! waits with its new file; nobody is locked out, and the passwords show up nowhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use system_tests::rig::{META_PASSWORD, META_USER, until};

use super::evidence::{
    assert_lawful, assert_nothing_left, assert_registered, config_inside, container_ids, is_healthy,
    judge_mark, judged_since, one_at_a_time, snapshot,
};
use super::operator::Operator;
use super::running::Signal;
use super::secrets::{CANARY, Watch, files_on, files_with};
use super::stage::{Stage, USUAL};

/// With what breaks careless quoting; its beginning is the second canary.
const NEW: &str = "Rot#4567'y\"\\z;-- ";
const NEW_CANARY: &str = "Rot#4567";

/// The account as the MetaDB has it; with its former password again when a story is over, however it ends.
struct Account<'a>(&'a Stage);

impl Account<'_> {
    /// As the DBA does it.
    fn set(&self, password: &str) {
        let password = password.replace('\\', r"\\").replace('\'', "''");
        self.0.metadb_query(&format!("ALTER USER {META_USER} IDENTIFIED BY '{password}'")).unwrap();
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        self.set(META_PASSWORD);
    }
}

fn in_yaml(password: &str) -> String {
    format!("'{}'", password.replace('\'', "''"))
}

/// config.yaml with the new password, and the file with that one.
fn files(stage: &Stage, operator: &Operator, former: &str) -> String {
    operator.config(stage, &[("oms_meta_password", &in_yaml(NEW))]);
    let path = operator.write("former", format!("{former}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn apply(former: &str) -> [&str; 6] {
    ["apply", "--yes", "--former-metadb-password-file", former, "--format", "json"]
}

#[track_caller]
fn assert_changed(stage: &Stage, operator: &Operator) {
    for node in stage.usual() {
        assert_eq!(config_inside(node)["oms_meta_password"], NEW, "{}", node.name());
        assert!(is_healthy(node, "http"), "{}", node.name());
    }
    assert_registered(stage, stage.usual());
    operator.plan().exits(0).plans(&[]);
    assert_lawful(stage);
    assert_nothing_left(stage.usual());
}

#[test]
fn what_the_dba_has_changed_is_brought_to_one_host_after_the_other() {
    let (stage, operator) = Stage::cluster();
    let (ids, mark) = (container_ids(stage.usual()), judge_mark(&stage));
    let account = Account(&stage);
    account.set(NEW);
    until("OMS is ill of it", Duration::from_secs(20), || (!is_healthy(stage.host(1), "http")).then_some(()))
        .unwrap();
    files(&stage, &operator, META_PASSWORD);

    let steps: &[&str] = &["write_config", "reload_config", "await_services", "await_healthy"];
    let planned = operator.plan().exits(0).plans(&[("node1", steps), ("node2", steps), ("node3", steps)]);
    let why = planned.why("node2", "write_config");
    assert!(why.contains("oms_meta_password differs") && why.contains("oms_drc_cm"), "{why}");
    operator.apply().exits(0).tells(&["the DBA may remove the former one"]);

    assert_eq!(container_ids(stage.usual()), ids, "containers stay");
    let records = judged_since(&stage, mark);
    let kinds = ["config_written", "console_started", "cm_started", "supervisor_started"];
    assert_eq!(one_at_a_time(&records, &kinds).len(), USUAL, "{records:#?}");
    assert_eq!(records.iter().filter(|record| record.kind == "cm_started").count(), USUAL, "{records:#?}");
    assert_changed(&stage, &operator);
}

#[test]
fn the_metadb_and_all_hosts_change_together_or_not_at_all() {
    let (stage, operator) = Stage::cluster();
    let _account = Account(&stage);
    let before = snapshot(&stage);
    let former = files(&stage, &operator, META_PASSWORD);
    operator.apply().exits(3).tells(&["--former-metadb-password-file FILE"]);

    let wrong = files(&stage, &operator, "not-this-one");
    operator.run(&apply(&wrong)).exits(3).tells(&["the MetaDB takes neither"]);
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o644)).unwrap();
    operator.run(&apply(&wrong)).exits(2).tells(&["can be read or changed by others", "chmod 600"]);
    files(&stage, &operator, NEW);
    operator.run(&apply(&former)).exits(2).tells(&["is the one in config.yaml"]);
    files(&stage, &operator, META_PASSWORD);

    let limited = operator.run(&[apply(&former).as_slice(), &["--limit", "node1"]].concat()).exits(3);
    limited.tells(&["node2 is outside --limit and would be locked out"]);
    stage.host(3).cut().unwrap();
    let away = operator.run(&apply(&former));
    stage.host(3).heal().unwrap();
    away.exits(3).tells(&["node3 does not answer and would be locked out"]);
    assert_eq!(snapshot(&stage), before, "nothing was changed");

    let planned = operator.run(&["plan", "--former-metadb-password-file", &former, "--format", "json"]);
    let steps: &[&str] = &["write_config", "reload_config", "await_services", "await_healthy"];
    planned.exits(0).plans(&[("node1", steps), ("node2", steps), ("node3", steps)]);

    let watch = Watch::begin(&[CANARY, NEW_CANARY]);
    let changed = operator.run(&apply(&former)).exits(0);
    watch.saw_no_secret();
    let run = changed.json()["run"].as_str().unwrap().to_owned();
    changed.tells(&["Whatever else uses this account needs it too"]);
    let shown =
        operator.run(&["show", &run]).exits(0).tells(&["the MetaDB has the new password, set by way of"]);
    for canary in [CANARY, NEW_CANARY] {
        assert!(!shown.stdout.contains(canary) && !shown.stderr.contains(canary), "{}", shown.stdout);
        assert_eq!(files_with(canary, &operator.home()), [""; 0], "{canary}");
        for node in stage.usual() {
            assert_eq!(files_on(node, canary), "", "{canary} on {}", node.name());
        }
    }
    // Nobody keeps the former one beside the file.
    let left = stage.host(1).exec(["sh", "-c", "ls /data/oms | grep former; exit 0"]).unwrap();
    assert_eq!(left.stdout, "");
    assert_changed(&stage, &operator);
    // Once more is nothing more.
    let again = operator.run(&apply(&former)).exits(0);
    assert_eq!(again.json()["result"], "unchanged", "{}", again.stdout);
}

#[test]
fn a_change_whose_controller_is_killed_is_carried_on() {
    for word in ["config.yaml written", "the MetaDB has the new password"] {
        let (stage, operator) = Stage::cluster();
        let _account = Account(&stage);
        let former = files(&stage, &operator, META_PASSWORD);
        let mut changing = operator.start(&apply(&former)[..4]);
        changing.until_told(word);
        changing.signal(Signal::Kill);
        operator.run(&apply(&former)).exits(0);
        assert_changed(&stage, &operator);
    }
}
