//! Another password of the MetaDB's account: one that the MetaDB does not have yet is set on all hosts or on none.

use omsctl_proto::{Action, CheckStatus, InitState, MetaDbProof, StepId};

use crate::plan::fixture::{Cluster, digest, name, steps_of};
use crate::plan::{Plan, passed, preflight};
use crate::ports::{HostRow, MetaDbError};

const BEHIND_THE_GATE: [&str; 3] = ["password:reload_config", "await_services", "await_healthy"];

/// Three hosts run with the former password, which the MetaDB has too; the files say another one.
fn cluster() -> Cluster {
    let mut cluster = Cluster::ready(3);
    for node in ["n1", "n2", "n3"] {
        give_former(&mut cluster, node);
        cluster.observed.by_former.insert(name(node));
    }
    cluster.goal.with_former = true;
    cluster
}

fn give_former(cluster: &mut Cluster, node: &str) {
    let text = cluster.rendered().replace("canary-password", "former-password");
    cluster.write_config(node, text);
}

fn refused() -> MetaDbError {
    MetaDbError::LogIn {
        address: "10.0.0.200:2883".to_owned(),
        user: "root@oms".to_owned(),
        reason: "Access denied".to_owned(),
    }
}

fn assert_logs_in_anew(plan: &Plan, node: &str) {
    let steps = plan.node(&name(node)).unwrap();
    let reload = steps.step(StepId::ReloadConfig).unwrap();
    assert!(matches!(reload.action, Action::ReloadConfig { log_in: true, .. }), "{reload:?}");
    assert_eq!(steps.proof, MetaDbProof::LoggedIn);
}

#[test]
fn every_host_has_its_file_before_the_metadb_changes_and_nobody_takes_turns() {
    let mut cluster = cluster();
    let plan = cluster.plan().unwrap();
    for node in ["n1", "n2", "n3"] {
        assert_eq!(steps_of(&plan, node)[0], "write_config");
        assert_eq!(steps_of(&plan, node)[1..], BEHIND_THE_GATE);
        assert_logs_in_anew(&plan, node);
    }
    assert!(plan.warnings.iter().any(|text| text.contains("locked out")), "{:?}", plan.warnings);
    let rows = preflight(&cluster.deployment, &cluster.observed, &cluster.goal);
    assert!(passed(&rows), "{rows:?}");
    cluster.walk(&plan);
    cluster.observed.by_former.clear();
    assert_eq!(cluster.plan().unwrap().changes(), 0);
}

#[test]
fn a_host_that_has_the_file_already_waits_for_the_metadb_with_the_others() {
    let mut cluster = cluster();
    let text = cluster.rendered();
    cluster.write_config("n2", text);
    // Its services may have died of the password that is not there yet.
    cluster.container("n2").services.insert("oms_drc_cm".to_owned(), "FATAL".to_owned());
    assert_eq!(cluster.steps("n2"), BEHIND_THE_GATE);
    assert_logs_in_anew(&cluster.plan().unwrap(), "n2");
}

#[test]
fn an_account_of_its_own_for_one_host_is_a_change_for_all() {
    let mut cluster = cluster();
    cluster.observed.by_former.remove(&name("n1"));
    assert_eq!(cluster.steps("n1")[1..], BEHIND_THE_GATE);
}

#[test]
fn a_stopped_container_is_started_behind_the_gate() {
    let mut cluster = cluster();
    cluster.container("n3").running = false;
    let steps = cluster.steps("n3");
    assert_eq!(steps[..3], ["write_config", "password:start_container", "reload_config"]);
}

#[test]
fn what_the_metadb_has_already_is_brought_to_the_hosts_by_turns() {
    let mut cluster = cluster();
    cluster.observed.by_former.clear();
    let steps = ["turn:write_config", "reload_config", "await_services", "await_healthy"];
    assert_eq!(cluster.steps("n1"), steps);
    assert!(cluster.plan().unwrap().warnings.is_empty());
}

#[test]
fn it_is_done_on_all_hosts_or_on_none() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut Cluster), words: &str) {
        let mut cluster = cluster();
        cluster.goal.keep_going = true;
        change(&mut cluster);
        let refused = cluster.refused();
        let begins = "the password of the MetaDB cannot be changed now: ";
        assert!(refused.contains(&format!("{begins}{words}")), "{refused}");
    }
    check(|cluster| cluster.limit(&["n2", "n3"]), "n1 is outside --limit and would be locked out");
    check(|cluster| cluster.unreachable("n2"), "n2 does not answer and would be locked out");
    check(
        |cluster| cluster.goal.leave_out = [name("n2")].into(),
        "n2 is left out and would be locked out: a check failed",
    );
    check(Cluster::add_host, "n4 has no container yet");
    check(
        |cluster| *cluster = super::tsdb::on(cluster.clone(), "db"),
        "the time-series database does not serve yet",
    );
    check(
        |cluster| cluster.container("n1").initialisation.state = InitState::Failed,
        "OMS is not initialised on n1 yet",
    );
    check(
        |cluster| cluster.container("n1").initialisation.state = InitState::Running,
        "OMS is being initialised on n1",
    );
    check(
        |cluster| cluster.container("n3").image_id = digest("another"),
        "n3 differs in more than a running OMS takes over",
    );
    check(
        |cluster| {
            cluster.goal.join_metadb = true;
            let other =
                HostRow { ip: "10.9.9.9".to_owned(), status: "ONLINE".to_owned(), resource_group: None };
            cluster.metadb().hosts.push(other);
        },
        "10.9.9.9 of the same MetaDB are in no line of this inventory",
    );
}

#[test]
fn a_password_that_the_metadb_refuses_is_told_with_the_way_out() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut Cluster), words: &str) {
        let mut cluster = cluster();
        cluster.goal.with_former = false;
        cluster.observed.by_former.clear();
        cluster.observed.metadb = Some(Err(refused()));
        for node in ["n1", "n2", "n3"] {
            cluster.observed.logins.insert(name(node), Err(refused()));
        }
        change(&mut cluster);
        let rows = preflight(&cluster.deployment, &cluster.observed, &cluster.goal);
        let failed = rows.iter().find(|row| row.name == "metadb_login" && row.status == CheckStatus::Fail);
        let told = [failed.unwrap().fix.clone(), cluster.refused()];
        for text in told {
            assert!(text.contains(words) && !text.contains("canary"), "{text}");
        }
    }
    check(|_| {}, "`omsctl apply --former-metadb-password-file FILE`");
    check(
        |cluster| cluster.goal.with_former = true,
        "the MetaDB takes neither the password of config.yaml nor",
    );
}

#[test]
fn a_log_in_that_never_worked_is_no_new_password() {
    let mut cluster = Cluster::fresh(1);
    cluster.observed.logins.insert(name("n1"), Err(refused()));
    let rows = preflight(&cluster.deployment, &cluster.observed, &cluster.goal);
    let row = rows.iter().find(|row| row.name == "metadb_login").unwrap();
    assert!(row.fix.contains("see to oms_meta_user") && !row.fix.contains("--former"), "{}", row.fix);
}
