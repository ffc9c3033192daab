//! One contract for every kind of database. A MySQL-protocol server takes part where
//! `OMSCTL_TEST_MARIADB` names one.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use omsctl_proto::{ErrorCode, ErrorReport, Event, EventKind, NodeName, RunId, RunResult, StepId};
use tempfile::TempDir;

use super::database::Database;
use super::{SqlStore, StatePlace};
use crate::adapters::test_server::TestServer;
use crate::ports::{RunRecord, StateStore, StoreError};

fn nothing(_: &str) -> Option<OsString> {
    None
}

fn file_place(folder: &TempDir) -> StatePlace {
    StatePlace::File(folder.path().join("deep/state.db"))
}

async fn file_store(folder: &TempDir) -> SqlStore {
    SqlStore::open(&file_place(folder)).await.unwrap()
}

/// A database of its own on the server, and its place.
async fn server_database(name: &str) -> Option<(TestServer, String)> {
    let server = TestServer::from_environment()?;
    let database = server.fresh_database(name).await;
    Some((server, database))
}

fn server_place(server: &TestServer, database: &str) -> StatePlace {
    StatePlace::choose(Some(&format!("{}/{database}", server.url)), nothing).unwrap()
}

fn run_id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

fn record(run: &str, started: &str) -> RunRecord {
    RunRecord {
        run: run_id(run),
        command: "apply --limit 'n1,ü'".to_owned(),
        operator: "ann@bastion".to_owned(),
        started: started.to_owned(),
        finished: None,
        result: None,
    }
}

fn event(run: &str, node: &str, seq: u64, message: &str) -> Event {
    Event {
        v: Event::VERSION,
        run: run_id(run),
        node: (!node.is_empty()).then(|| NodeName::new(node).unwrap()),
        boot: "b".to_owned(),
        seq,
        t: "2026-11-22T17:40:00.000Z".to_owned(),
        mono_ms: 5,
        kind: EventKind::Notice { message: message.to_owned() },
    }
}

/// What every store does.
async fn contract(place: &StatePlace) {
    let store = SqlStore::open(place).await.unwrap();
    runs_are_listed_newest_first(&store).await;
    events_come_back_in_the_order_in_which_they_were_kept(&store).await;
    an_event_that_is_there_stays_as_it_was(&store).await;
    large_events_lose_the_ends_of_their_texts(&store).await;
    store.close().await;

    let again = SqlStore::open(place).await.unwrap();
    assert_eq!(again.runs(10).await.unwrap().len(), 3, "opening again keeps what is there");
    again.close().await;
}

async fn runs_are_listed_newest_first(store: &SqlStore) {
    let (old, new, same) =
        (record("r-1", "2026-01-01"), record("r-3", "2026-01-02"), record("r-2", "2026-01-02"));
    for run in [&old, &new, &same] {
        store.begin(run).await.unwrap();
    }
    store.begin(&record("r-1", "2027-01-01")).await.unwrap();
    store.finish(&old.run, "2026-01-03", RunResult::Unreachable).await.unwrap();
    let done =
        RunRecord { finished: Some("2026-01-03".to_owned()), result: Some(RunResult::Unreachable), ..old };
    assert_eq!(store.runs(10).await.unwrap(), [new.clone(), same.clone(), done]);
    assert_eq!(store.runs(2).await.unwrap(), [new, same]);

    let unknown = store.finish(&run_id("r-9"), "2026-01-03", RunResult::Done).await.unwrap_err();
    assert!(chain(&unknown).contains("does not hold the run r-9"), "{}", chain(&unknown));
}

async fn events_come_back_in_the_order_in_which_they_were_kept(store: &SqlStore) {
    let mut events =
        vec![event("r-1", "N1", 1, "é'\"\\"), event("r-1", "n1", 1, "b"), event("r-1", "", 1, "c")];
    events.extend((2..=250).rev().map(|seq| event("r-1", "n1", seq, "many")));
    store.append(&events).await.unwrap();
    store.append(&[event("r-1", "n1", 0, "lossy")]).await.unwrap();
    store.append(&[]).await.unwrap();
    assert_eq!(store.events(&run_id("r-1")).await.unwrap(), events);
    assert_eq!(store.events(&run_id("r-9")).await.unwrap(), []);
}

async fn an_event_that_is_there_stays_as_it_was(store: &SqlStore) {
    let first = event("r-2", "n1", 1, "first");
    store.append(std::slice::from_ref(&first)).await.unwrap();
    let second = event("r-2", "n1", 2, "second");
    store.append(&[event("r-2", "n1", 1, "other"), second.clone()]).await.unwrap();
    assert_eq!(store.events(&run_id("r-2")).await.unwrap(), [first, second]);
}

async fn large_events_lose_the_ends_of_their_texts(store: &SqlStore) {
    let error = ErrorReport::new(ErrorCode::Docker, "it failed").cause("é".repeat(2_000_000));
    let kind = EventKind::StepFailed { step: StepId::LoadImage, error, elapsed_ms: 1 };
    store.append(&[Event { kind, ..event("r-3", "n1", 1, "") }]).await.unwrap();
    let kept = store.events(&run_id("r-3")).await.unwrap();
    let EventKind::StepFailed { error, .. } = &kept[0].kind else { panic!("{kept:?}") };
    assert_eq!(error.causes[0].chars().count(), 2001);

    let many = vec!["x".to_owned(); 400_000];
    let error = ErrorReport { causes: many, ..ErrorReport::new(ErrorCode::Docker, "it failed") };
    let kind = EventKind::StepFailed { step: StepId::LoadImage, error, elapsed_ms: 1 };
    let refused = store.append(&[Event { kind, ..event("r-3", "n1", 2, "") }]).await.unwrap_err();
    assert!(chain(&refused).contains("event 2 of n1"), "{}", chain(&refused));
}

fn chain(error: &StoreError) -> String {
    ErrorReport::from_error(ErrorCode::State, error).one_line()
}

async fn sqlite_run(store: &SqlStore, statement: &'static str) {
    let Database::Sqlite(pool) = &store.database else { panic!("not SQLite") };
    sqlx::raw_sql(statement).execute(pool).await.unwrap();
}

#[tokio::test]
async fn sqlite_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract(&file_place(&folder)).await;
}

#[tokio::test]
async fn a_mysql_protocol_server_keeps_the_contract() {
    let Some((server, database)) = server_database("contract").await else { return };
    contract(&server_place(&server, &database)).await;
    server.drop_database(&database).await;
}

#[tokio::test]
async fn nobody_else_may_read_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = file_store(&folder).await;
    store.begin(&record("r-1", "2026-01-01")).await.unwrap();
    let mode = |path: &str| {
        let path = folder.path().join(path);
        std::fs::metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode()
            & 0o777
    };
    assert_eq!(mode("deep"), 0o700);
    for file in ["deep/state.db", "deep/state.db-wal", "deep/state.db-shm"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[tokio::test]
async fn what_fails_in_sqlite_is_told_with_place_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let store = file_store(&folder).await;
    let check = async |prepare: &'static str, undo: &'static str, expected: &str| {
        sqlite_run(&store, prepare).await;
        let rows: Vec<_> = (1..2000).map(|seq| event("r-1", "n1", seq, &"x".repeat(200))).collect();
        let error = store.append(&rows).await.unwrap_err();
        let text = chain(&error);
        assert!(text.contains("state.db cannot be written") && text.contains(expected), "{text}");
        sqlite_run(&store, undo).await;
        assert_eq!(store.events(&run_id("r-1")).await.unwrap(), [], "all or nothing");
    };
    check("PRAGMA max_page_count=20", "PRAGMA max_page_count=1000000", "the disk is full").await;
    check("PRAGMA query_only=1", "PRAGMA query_only=0", "it can only be read").await;

    let other = file_store(&folder).await;
    sqlite_run(&store, "PRAGMA busy_timeout=1").await;
    sqlite_run(&other, "BEGIN IMMEDIATE").await;
    let error = store.append(&[event("r-1", "n1", 1, "x")]).await.unwrap_err();
    assert!(chain(&error).contains("holds it locked"), "{}", chain(&error));
}

#[tokio::test]
async fn what_cannot_be_opened_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let check = async |path: &Path, expected: &str| {
        let error = SqlStore::open(&StatePlace::File(path.to_owned())).await.unwrap_err();
        assert!(chain(&error).contains(expected), "{}", chain(&error));
        assert!(chain(&error).contains(&*path.to_string_lossy()), "{}", chain(&error));
    };
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no database, but quite some text. ".repeat(100)).unwrap();
    check(&text, "not a database of omsctl").await;
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("no database"), "and is left alone");
    check(folder.path(), "the file cannot be made or opened").await;
    check(&text.join("state.db"), "cannot be made").await;
}

#[tokio::test]
async fn a_newer_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = file_store(&folder).await;
    sqlite_run(&store, "INSERT INTO omsctl_schema VALUES (7)").await;
    store.close().await;
    let error = SqlStore::open(&file_place(&folder)).await.unwrap_err();
    assert!(chain(&error).contains("newer omsctl (layout 7, this one knows 1)"), "{}", chain(&error));
}

#[tokio::test]
async fn two_at_once_may_make_the_same_store() {
    let folder = tempfile::tempdir().unwrap();
    let place = file_place(&folder);
    let opened = futures::future::join_all((0..8).map(|_| SqlStore::open(&place))).await;
    for store in opened {
        store.unwrap().begin(&record("r-1", "2026-01-01")).await.unwrap();
    }
}

#[tokio::test]
async fn a_row_from_the_future_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = file_store(&folder).await;
    store.append(&[event("r-1", "n1", 1, "x")]).await.unwrap();
    sqlite_run(
        &store,
        "INSERT INTO omsctl_events (run, node, seq, body) VALUES ('r-1', 'n1', 2, 'garbage');
         INSERT INTO omsctl_runs VALUES ('r-1', 'apply', 'ann', 't', 't', 'teleported')",
    )
    .await;
    assert_eq!(store.events(&run_id("r-1")).await.unwrap().len(), 1);
    assert_eq!(store.runs(5).await.unwrap()[0].result, None);
}

#[tokio::test]
async fn the_password_of_a_server_comes_from_its_file() {
    let Some((server, database)) = server_database("password").await else { return };
    let user = format!("u{}", std::process::id());
    server.run(&format!("CREATE USER {user} IDENTIFIED BY 'can ary''s'")).await;
    server.run(&format!("GRANT ALL ON {database}.* TO {user}")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let address = format!("{}/{database}", server.url.replace("//root@", &format!("//{user}@")));
    let open = async |file: Option<&Path>| {
        let place = StatePlace::choose(Some(&address), |_| file.map(Into::into)).unwrap();
        SqlStore::open(&place).await.map_err(|error| chain(&error))
    };
    let missing = open(Some(&file)).await.unwrap_err();
    assert!(missing.contains("password cannot be read") && missing.contains("No such file"), "{missing}");

    std::fs::write(&file, "can ary's\n").unwrap();
    open(Some(&file)).await.unwrap();
    std::fs::write(&file, "wrong").unwrap();
    for refused in [open(Some(&file)).await.unwrap_err(), open(None).await.unwrap_err()] {
        assert!(refused.contains("refuses the log-in") && refused.contains("OMSCTL_STATE"), "{refused}");
    }
    std::fs::write(&file, "two\nlines").unwrap();
    assert!(open(Some(&file)).await.unwrap_err().contains("does not hold one line"));
    server.run(&format!("DROP USER {user}")).await;
    server.drop_database(&database).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    let open = async |text: &str| {
        let place = StatePlace::choose(Some(text), nothing).unwrap();
        chain(&SqlStore::open(&place).await.unwrap_err())
    };
    let refused = open("mysql://ops@127.0.0.1:1/omsctl").await;
    assert!(refused.contains("mysql://ops@127.0.0.1:1/omsctl cannot be opened"), "{refused}");
    assert!(refused.contains("Connection refused"), "{refused}");
    if let Some(server) = TestServer::from_environment() {
        let absent = open(&format!("{}/omsctl_no_such_thing", server.url)).await;
        assert!(absent.contains("Create it and grant"), "{absent}");
    }
}
