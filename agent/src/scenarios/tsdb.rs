//! The time-series database on one host: brought up with its user and a proof, found again, set aside when it differs.

use omsctl_proto::{
    Action, ErrorCode, ErrorReport, Event, EventKind, SecretName, TsdbFacts, TsdbLogIn, TsdbRequest,
    TsdbSpec, WireSecret,
};

use super::setup::{CONFIG, Setup, Talk, last, plan, step};

const NAME: &str = "oms-influxdb";

/// The secret of [`Talk::start`] serves as the password.
fn spec(setup: &Setup) -> TsdbSpec {
    TsdbSpec {
        container: NAME.to_owned(),
        image: setup.wanted(),
        data: "/data/oms_influxdb".to_owned(),
        port: 8086,
        restart_policy: None,
        username: "oms".to_owned(),
        password: SecretName::new("config").unwrap(),
    }
}

/// A host that has the image.
fn with_image() -> Setup {
    let setup = Setup::new();
    setup.machine.docker.add_image(setup.image());
    setup
}

async fn serve(setup: &Setup, run: &str, tsdb: TsdbSpec) -> Vec<Event> {
    let mut talk = Talk::open(&setup.machine).await;
    let action = Action::ServeTsdb { tsdb, set_aside: format!("{NAME}-{run}") };
    talk.start(plan(run, vec![step(None, action)])).await;
    setup.see_through(&mut talk).await
}

async fn found(setup: &Setup, password: &str) -> TsdbFacts {
    let request = TsdbRequest {
        container: NAME.to_owned(),
        port: 8086,
        username: "oms".to_owned(),
        password: WireSecret(omsctl_proto::Secret::new(password)),
    };
    Talk::open(&setup.machine).await.facts_with(Some(request)).await.tsdb.unwrap()
}

fn failure(events: &[Event]) -> &ErrorReport {
    let EventKind::NodeFailed { error, .. } = last(events) else { panic!("{events:?}") };
    assert_eq!(error.code, ErrorCode::Tsdb, "{error:?}");
    error
}

#[tokio::test(start_paused = true)]
async fn it_is_brought_up_once_with_its_user_and_its_proof() {
    let setup = with_image();
    assert_eq!(found(&setup, CONFIG).await.container, None);
    let events = serve(&setup, "r-1", spec(&setup)).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert!(!serde_json::to_string(&events).unwrap().contains("canary"));
    assert!(!setup.kept_text().contains("canary"));
    assert!(setup.machine.path("/data/oms_influxdb").is_dir());
    let users = setup.machine.docker.tsdb_users();
    assert_eq!(users.keys().collect::<Vec<_>>(), ["oms"]);

    let seen = found(&setup, CONFIG.trim_end()).await;
    assert!(matches!(seen.log_in, TsdbLogIn::Refused { .. }), "another password: {seen:?}");
    let events = serve(&setup, "r-2", spec(&setup)).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: false });
    let runs = setup.machine.docker.calls().iter().filter(|call| call.starts_with("run ")).count();
    assert_eq!(runs, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_one_is_started_and_one_that_differs_is_set_aside() {
    let setup = with_image();
    serve(&setup, "r-1", spec(&setup)).await;
    setup.machine.docker.stop_all();
    serve(&setup, "r-2", spec(&setup)).await;
    assert_eq!(setup.machine.docker.calls().last().unwrap(), "start oms-influxdb");
    let events = serve(&setup, "r-3", TsdbSpec { port: 9086, ..spec(&setup) }).await;
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    let calls = setup.machine.docker.calls();
    assert!(calls.contains(&"rename oms-influxdb".to_owned()), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kept_and_who_is_not_let_in_fail_with_a_way_out() {
    let setup = with_image();
    setup.machine.docker.tsdb_forgets();
    let events = serve(&setup, "r-1", spec(&setup)).await;
    assert!(failure(&events).one_line().contains("not found again"), "{events:?}");

    let other = TsdbSpec { username: "other".to_owned(), ..spec(&setup) };
    let events = serve(&setup, "r-2", other).await;
    let error = failure(&events);
    assert!(error.one_line().contains("does not let other in"), "{error:?}");
    assert!(error.hint.as_ref().unwrap().contains("SET PASSWORD FOR"));
}
