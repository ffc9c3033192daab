//! A walk from its first step to its terminal event.

use std::time::Duration;

use omsctl_proto::{
    Action, CancelMode, ErrorCode, EventKind, Gate, InitState, Initialiser, Milestone, Order, StepId,
};

use super::setup::{CONFIG, CONTAINER, Setup, Talk, last, names, plan, step};
use crate::fakes::{Daemon, InitScript, Verdict};

#[tokio::test(start_paused = true)]
async fn a_first_rollout_changes_what_is_missing_and_proves_it() {
    let setup = Setup::new();
    let events = setup.roll_out("r-1").await;
    assert_eq!(
        names(&events),
        [
            "plan_accepted",
            "step_started make_directories",
            "step_done make_directories changed",
            "step_started write_config",
            "step_done write_config changed",
            "step_started load_image",
            "content_wanted load_image",
            "step_done load_image changed",
            "step_started create_container",
            "step_done create_container changed",
            "step_started await_services",
            "step_done await_services unchanged",
            "gate_waiting initialise",
            "gate_passed initialise",
            "step_started initialise",
            "step_milestone initialise schema_entered",
            "step_milestone initialise schema_over",
            "step_done initialise changed",
            "step_started await_healthy",
            "step_done await_healthy unchanged",
            "node_done",
        ]
    );
    assert!(events.iter().map(|event| event.seq).eq(1..=21));
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert_eq!(setup.judge.initialised(), ["n1/oms"]);
    assert_eq!(setup.judge.offences(), Vec::<String>::new());
    let config = setup.machine.path("/data/oms/config.yaml");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), CONFIG);
    assert!(!config.with_file_name("config.yaml.omsctl-former").exists());
}

#[tokio::test(start_paused = true)]
async fn a_second_rollout_changes_nothing() {
    let setup = Setup::new();
    setup.roll_out("r-1").await;
    let calls = setup.machine.docker.calls();
    let events = setup.roll_out("r-2").await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: false });
    assert_eq!(setup.machine.docker.calls(), calls);
}

#[tokio::test(start_paused = true)]
async fn facts_show_what_the_rollout_made() {
    let setup = Setup::new();
    let mut talk = Talk::open(&setup.machine).await;
    let before = talk.facts().await;
    assert!(before.container.is_none() && before.config.is_none());
    setup.roll_out("r-1").await;
    let after = talk.facts().await;
    assert_eq!(before.host_id, after.host_id);
    assert_eq!(after.config.unwrap().0.expose(), CONFIG);
    let container = after.container.unwrap();
    assert_eq!(container.initialisation.state, InitState::Succeeded);
    assert_eq!(container.config_inside.as_ref(), Some(&after.files["/data/oms/config.yaml"].fingerprint));
    assert!(container.health.unwrap().healthy);
    assert_eq!(container.services["nginx"], "RUNNING");
    assert_eq!(after.runs.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_holds_the_walk_and_a_cancel_ends_it_there() {
    let setup = Setup::new();
    let mut talk = Talk::open(&setup.machine).await;
    let folders = |name: &str| Action::MakeDirectories { paths: vec![format!("/data/{name}")] };
    let steps = vec![step(None, folders("one")), step(Some(Gate::Turn), folders("two"))];
    talk.start(plan("r-1", steps)).await;
    talk.until(|kind| matches!(kind, EventKind::GateWaiting { gate: Gate::Turn, .. })).await;
    talk.order(Order::OpenGate { gate: Gate::Schema, waiting: u64::MAX }).await;
    talk.order(Order::Cancel { mode: CancelMode::AfterStep, by: "ann".to_owned() }).await;
    let events = talk.until(|kind| matches!(kind, EventKind::NodeAborted { .. })).await;
    assert_eq!(names(&events), ["node_aborted"]);
    assert!(setup.machine.path("/data/one").is_dir());
    assert!(!setup.machine.path("/data/two").exists());
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_nobody_opens_for_a_day_ends_the_run() {
    let setup = Setup::new();
    let mut talk = Talk::open(&setup.machine).await;
    let folder = Action::MakeDirectories { paths: vec!["/data/one".to_owned()] };
    talk.start(plan("r-1", vec![step(Some(Gate::Turn), folder)])).await;
    let events = talk.until(|kind| matches!(kind, EventKind::NodeAborted { .. })).await;
    let EventKind::NodeAborted { reason, .. } = last(&events) else { panic!("aborted") };
    assert!(reason.contains("24 hours"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_is_told_and_nothing_follows() {
    let setup = Setup::new();
    setup.machine.docker.set_daemon(Daemon::Silent);
    let events = setup.roll_out("r-1").await;
    let EventKind::NodeFailed { step, error } = last(&events) else { panic!("failed") };
    // config.yaml is proved in the container, so Docker is asked for it.
    assert_eq!((*step, error.code), (StepId::WriteConfig, ErrorCode::Docker));
    assert!(error.hint.as_ref().unwrap().contains("systemctl start docker"));
    assert!(names(&events).contains(&"step_failed write_config".to_owned()));
    assert_eq!(setup.machine.docker.calls(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_failed_initialisation_leaves_the_schema_step_and_starts_over_next_time() {
    let setup = Setup::new();
    let script = InitScript { verdict: Verdict::FailsIn(2), ..InitScript::default() };
    setup.machine.docker.set_script(script);
    let events = setup.roll_out("r-1").await;
    let EventKind::NodeFailed { error, .. } = last(&events) else { panic!("failed") };
    assert_eq!(error.message, "The initialisation failed in step 2.");
    assert!(error.causes.contains(&"[Failed] Step 2: Initialize the MetaDB".to_owned()));
    assert!(error.hint.as_ref().unwrap().contains("/data/oms/oms_logs/docker_init.log."));
    assert!(names(&events).contains(&"step_milestone initialise schema_over".to_owned()));
    setup.machine.docker.set_script(InitScript::default());
    let events = setup.roll_out("r-2").await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert_eq!(setup.judge.offences(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_container_that_initialises_itself_is_in_the_schema_step_from_its_start() {
    let setup = Setup::with(Initialiser::Container);
    let events = setup.roll_out("r-1").await;
    let names = names(&events);
    let place =
        |name: &str| names.iter().position(|found| found == name).unwrap_or_else(|| panic!("{names:?}"));
    assert!(place("gate_passed create_container") < place("step_milestone create_container schema_entered"));
    assert!(place("step_done create_container changed") < place("step_milestone initialise schema_over"));
    let entered = |kind: &EventKind| {
        matches!(kind, EventKind::StepMilestone { milestone: Milestone::SchemaEntered, .. })
    };
    assert_eq!(events.iter().filter(|event| entered(&event.kind)).count(), 1);
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert_eq!(setup.judge.offences(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn another_container_of_that_name_is_only_set_aside_when_planned() {
    let setup = Setup::new();
    setup.roll_out("r-1").await;
    let mut spec = setup.spec();
    spec.restart_policy = Some("always".to_owned());
    let create = |set_aside: Option<&str>| Action::CreateContainer {
        container: spec.clone(),
        set_aside: set_aside.map(str::to_owned),
    };
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(plan("r-2", vec![step(None, create(None))])).await;
    let events = setup.see_through(&mut talk).await;
    let EventKind::NodeFailed { error, .. } = last(&events) else { panic!("failed") };
    assert_eq!(error.causes, ["restart policy: have no, want always"]);
    talk.start(plan("r-3", vec![step(None, create(Some("oms-r-3")))])).await;
    let events = setup.see_through(&mut talk).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    let calls = setup.machine.docker.calls();
    assert_eq!(calls[calls.len() - 3..], ["stop oms", "rename oms", "run oms"]);
    let facts = talk.facts().await;
    assert_eq!(facts.container.unwrap().restart_policy, "always");
    let config_file = "/data/oms/config.yaml".to_owned();
    let reload = Action::ReloadConfig { container: CONTAINER.to_owned(), config_file, log_in: false };
    talk.start(plan("r-4", vec![step(None, reload)])).await;
    let events = setup.see_through(&mut talk).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
}

#[tokio::test(start_paused = true)]
async fn secrets_are_nowhere_when_the_run_is_over() {
    let setup = Setup::new();
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(setup.plan("r-1")).await;
    talk.until(|kind| matches!(kind, EventKind::ContentWanted { .. })).await;
    assert!(setup.kept_text().contains("canary"), "they are in memory while the run walks");
    talk.order(Order::Cancel { mode: CancelMode::AfterStep, by: "ann".to_owned() }).await;
    let events = talk.until(|kind| matches!(kind, EventKind::NodeAborted { .. })).await;
    let seq = events.last().unwrap().seq;
    talk.order(Order::Acknowledge { seq }).await;
    while setup.machine.daemons.alive() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(!setup.kept_text().contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn limits_that_the_daemon_gives_every_container_are_no_difference() {
    let setup = Setup::new();
    setup.machine.docker.set_default_ulimits(&["nofile=1024:4096"]);
    let events = setup.roll_out("r-1").await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    let facts = Talk::open(&setup.machine).await.facts().await;
    assert_eq!(facts.container.unwrap().ulimits, ["nofile=1024:4096", "nproc=65535:65535"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_after_a_failed_self_initialisation_is_not_judged_by_the_former_failure() {
    let setup = Setup::with(Initialiser::Container);
    let script = |verdict, begins_after| InitScript { begins_after, verdict, ..InitScript::default() };
    setup.machine.docker.set_script(script(Verdict::FailsIn(2), Duration::ZERO));
    let events = setup.roll_out("r-1").await;
    assert!(matches!(last(&events), EventKind::NodeFailed { step: StepId::Initialise, .. }));
    let former = std::time::SystemTime::now() - Duration::from_hours(1);
    for entry in std::fs::read_dir(setup.machine.path("/data/oms/oms_logs")).unwrap() {
        let log = std::fs::File::options().append(true).open(entry.unwrap().path()).unwrap();
        log.set_modified(former).unwrap();
    }
    // Docker's own output of the failed start and its log are both still there.
    setup.machine.docker.set_script(script(Verdict::Succeeds, Duration::from_secs(30)));
    let mut talk = Talk::open(&setup.machine).await;
    let started = talk.facts().await.container.unwrap().started;
    let container = CONTAINER.to_owned();
    let logs = "/data/oms/oms_logs".to_owned();
    let restart = Action::RestartContainer { name: container.clone(), started };
    let initialise = Action::Initialise { container, by: Initialiser::Container, logs };
    talk.start(plan("r-2", vec![step(Some(Gate::Schema), restart), step(None, initialise)])).await;
    let events = setup.see_through(&mut talk).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert_eq!(setup.judge.initialised(), ["n1/oms"]);
    assert_eq!(setup.judge.offences(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_container_is_restarted_once_for_the_start_that_the_plan_saw() {
    let setup = Setup::new();
    setup.roll_out("r-1").await;
    let mut talk = Talk::open(&setup.machine).await;
    let before = talk.facts().await.container.unwrap();
    let restart = Action::RestartContainer { name: CONTAINER.to_owned(), started: before.started.clone() };
    let check = async |talk: &mut Talk, run: &str, changed: bool| {
        talk.start(plan(run, vec![step(None, restart.clone())])).await;
        let events = setup.see_through(talk).await;
        assert_eq!(*last(&events), EventKind::NodeDone { changed }, "{run}");
    };
    check(&mut talk, "r-2", true).await;
    let after = talk.facts().await.container.unwrap();
    assert_eq!(after.id, before.id);
    assert_ne!(after.started, before.started);
    check(&mut talk, "r-3", false).await;
    assert_eq!(talk.facts().await.container.unwrap().started, after.started);
}
