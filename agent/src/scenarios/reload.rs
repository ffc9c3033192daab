//! A changed `config.yaml` on its way into a running OMS: what a run that dies in between leaves for the next one.

use std::path::PathBuf;

use omsctl_proto::{Action, EventKind, FormerText, Gate, StepId};

use super::setup::{CONFIG, CONTAINER, Setup, Talk, last, names, plan, step, write_config};

const CHANGED: &str = "oms_meta_password: \"canary-7f3a\"\ntsdb_enabled: true\n";
const RESTART: &str = "exec supervisorctl restart oms_console oms_drc_supervisor";

fn former(setup: &Setup) -> PathBuf {
    setup.machine.path("/data/oms/config.yaml.omsctl-former")
}

fn reload() -> Action {
    reload_with(false)
}

fn reload_with(log_in: bool) -> Action {
    let config_file = "/data/oms/config.yaml".to_owned();
    Action::ReloadConfig { container: CONTAINER.to_owned(), config_file, log_in }
}

fn restarts(setup: &Setup) -> usize {
    setup.machine.docker.calls().iter().filter(|call| *call == RESTART).count()
}

/// A run that wrote the file and died at the gate before the reload.
async fn die_before_the_reload(setup: &Setup) {
    let mut talk = Talk::open(&setup.machine).await;
    let steps =
        vec![step(None, write_config(CHANGED, FormerText::KeptForReload)), step(Some(Gate::Turn), reload())];
    talk.start_with(plan("r-2", steps), CHANGED).await;
    talk.until(|kind| matches!(kind, EventKind::GateWaiting { step: StepId::ReloadConfig, .. })).await;
    setup.machine.daemons.kill();
}

#[tokio::test(start_paused = true)]
async fn the_former_text_stays_until_the_reload_is_done() {
    use std::os::unix::fs::PermissionsExt;
    let setup = Setup::new();
    setup.roll_out("r-1").await;
    assert!(!former(&setup).exists());
    die_before_the_reload(&setup).await;
    assert_eq!(std::fs::read_to_string(former(&setup)).unwrap(), CONFIG);
    assert_eq!(std::fs::metadata(former(&setup)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(restarts(&setup), 0);
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(plan("r-3", vec![step(None, reload())])).await;
    let events = setup.see_through(&mut talk).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert_eq!(restarts(&setup), 1);
    assert!(!former(&setup).exists());
}

#[tokio::test(start_paused = true)]
async fn the_former_text_goes_without_a_reload_where_a_new_container_reads_the_file() {
    let setup = Setup::new();
    setup.roll_out("r-1").await;
    die_before_the_reload(&setup).await;
    let write = || plan("r-3", vec![step(None, write_config(CHANGED, FormerText::Removed))]);
    let mut talk = Talk::open(&setup.machine).await;
    talk.start_with(write(), CHANGED).await;
    let events = setup.see_through(&mut talk).await;
    assert!(names(&events).contains(&"step_done write_config changed".to_owned()), "{:?}", names(&events));
    assert!(!former(&setup).exists());
    assert_eq!(std::fs::read_to_string(setup.machine.path("/data/oms/config.yaml")).unwrap(), CHANGED);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_not_there_leaves_a_sign_too() {
    let setup = Setup::new();
    setup.roll_out("r-1").await;
    std::fs::remove_file(setup.machine.path("/data/oms/config.yaml")).unwrap();
    die_before_the_reload(&setup).await;
    assert_eq!(std::fs::read_to_string(former(&setup)).unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn another_log_in_restarts_the_cm_too() {
    let setup = Setup::new();
    setup.roll_out("r-1").await;
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(plan("r-2", vec![step(None, reload_with(true))])).await;
    let events = setup.see_through(&mut talk).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    let calls = setup.machine.docker.calls();
    let wanted = "exec supervisorctl restart oms_console oms_drc_cm oms_drc_supervisor";
    assert_eq!(calls.iter().filter(|call| *call == wanted).count(), 1, "{calls:?}");
    assert_eq!(restarts(&setup), 0);
}
