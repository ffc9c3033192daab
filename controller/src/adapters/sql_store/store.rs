//! The store itself: runs and events in, runs and events out.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_proto::{Event, NodeName, RunId, RunResult};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, QueryBuilder, Row, SqlitePool};

use super::database::{Database, on_either};
use super::dialect::{FINISH_RUN, SELECT_EVENTS, SELECT_RUNS};
use super::{StatePlace, StoreProblem, body, schema, server};
use crate::ports::{RunRecord, StateStore, StoreError};

/// How long a SQLite file may be held by another omsctl before that is an error.
const BUSY: Duration = Duration::from_secs(10);

/// Between two attempts to open a file that another omsctl is just making.
const RETRY: Duration = Duration::from_millis(20);

/// Rows that travel in one statement.
const ROWS_AT_ONCE: usize = 100;

/// A history that is open; several processes may have the same one open.
#[derive(Debug)]
pub struct SqlStore {
    pub(super) database: Database,
    place: String,
}

impl SqlStore {
    /// Opens the place, and makes file, folder and tables where they are missing.
    pub async fn open(place: &StatePlace) -> Result<Self, StoreError> {
        let opened = open_database(place).await;
        let place = place.to_string();
        match opened {
            Ok(database) => Ok(Self { database, place }),
            Err(problem) => Err(StoreError::Open { place, source: Box::new(problem) }),
        }
    }

    /// Waits until everything is written and leaves no connection open.
    pub async fn close(&self) {
        on_either!(&self.database, pool => pool.close().await);
    }

    async fn insert_run(&self, run: &RunRecord) -> Result<(), StoreProblem> {
        let dialect = self.database.dialect();
        on_either!(&self.database, pool => {
            let mut insert = QueryBuilder::new(dialect.insert_run);
            insert.push_values([run], |mut row, run| {
                row.push_bind(run.run.as_str())
                    .push_bind(&run.command)
                    .push_bind(&run.operator)
                    .push_bind(&run.started)
                    .push_bind(&run.finished)
                    .push_bind(run.result.map(result_name));
            });
            insert.push(dialect.keep_existing_run);
            insert.build().execute(pool).await?;
        });
        Ok(())
    }

    /// All of them or none.
    async fn insert_events(&self, rows: &[EventRow<'_>]) -> Result<(), StoreProblem> {
        let dialect = self.database.dialect();
        on_either!(&self.database, pool => {
            let mut transaction = pool.begin().await?;
            for rows in rows.chunks(ROWS_AT_ONCE) {
                let mut insert = QueryBuilder::new(dialect.insert_events);
                insert.push_values(rows, |mut columns, row| {
                    columns.push_bind(row.run).push_bind(row.node).push_bind(row.seq).push_bind(&row.body);
                });
                insert.push(dialect.keep_existing_event);
                insert.build().execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
        });
        Ok(())
    }

    async fn finish_run(&self, run: &RunId, finished: &str, result: RunResult) -> Result<(), StoreProblem> {
        let changed = on_either!(&self.database, pool => {
            let update = sqlx::query(FINISH_RUN).bind(finished).bind(result_name(result)).bind(run.as_str());
            update.execute(pool).await?.rows_affected()
        });
        if changed == 0 { Err(StoreProblem::NoSuchRun { run: run.to_string() }) } else { Ok(()) }
    }

    async fn select_runs(&self, limit: u32) -> Result<Vec<RunRecord>, StoreProblem> {
        let mut runs = Vec::new();
        on_either!(&self.database, pool => {
            for row in sqlx::query(SELECT_RUNS).bind(i64::from(limit)).fetch_all(pool).await? {
                let Some(run) = readable(RunId::new(row.try_get::<String, _>(0)?)) else { continue };
                runs.push(RunRecord {
                    run,
                    command: row.try_get(1)?,
                    operator: row.try_get(2)?,
                    started: row.try_get(3)?,
                    finished: row.try_get(4)?,
                    result: row.try_get::<Option<String>, _>(5)?.and_then(|name| readable(result_of(name))),
                });
            }
        });
        Ok(runs)
    }

    async fn select_events(&self, run: &RunId) -> Result<Vec<Event>, StoreProblem> {
        let mut events = Vec::new();
        on_either!(&self.database, pool => {
            for row in sqlx::query(SELECT_EVENTS).bind(run.as_str()).fetch_all(pool).await? {
                events.extend(readable(serde_json::from_str(&row.try_get::<String, _>(2)?)));
            }
        });
        Ok(events)
    }
}

impl StateStore for SqlStore {
    fn begin<'a>(&'a self, run: &'a RunRecord) -> BoxFuture<'a, Result<(), StoreError>> {
        async move { self.insert_run(run).await.map_err(|problem| self.write_error(problem)) }.boxed()
    }

    fn append<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            // Lossy events have no number and are not kept.
            let numbered = events.iter().filter(|event| event.seq > 0);
            let rows: Result<Vec<_>, _> = numbered.map(EventRow::new).collect();
            match rows {
                Ok(rows) if rows.is_empty() => Ok(()),
                Ok(rows) => self.insert_events(&rows).await.map_err(|problem| self.write_error(problem)),
                Err(problem) => Err(self.write_error(problem)),
            }
        }
        .boxed()
    }

    fn finish<'a>(
        &'a self,
        run: &'a RunId,
        finished: &'a str,
        result: RunResult,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let finish = self.finish_run(run, finished, result);
        async move { finish.await.map_err(|problem| self.write_error(problem)) }.boxed()
    }

    fn runs(&self, limit: u32) -> BoxFuture<'_, Result<Vec<RunRecord>, StoreError>> {
        async move { self.select_runs(limit).await.map_err(|problem| self.read_error(problem)) }.boxed()
    }

    fn events<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Event>, StoreError>> {
        async move { self.select_events(run).await.map_err(|problem| self.read_error(problem)) }.boxed()
    }
}

impl SqlStore {
    fn write_error(&self, problem: StoreProblem) -> StoreError {
        StoreError::Write { place: self.place.clone(), source: Box::new(problem) }
    }

    fn read_error(&self, problem: StoreProblem) -> StoreError {
        StoreError::Read { place: self.place.clone(), source: Box::new(problem) }
    }
}

/// One row of `omsctl_events`; the controller's own events have the node `""`.
struct EventRow<'a> {
    run: &'a str,
    node: &'a str,
    seq: i64,
    body: String,
}

impl<'a> EventRow<'a> {
    fn new(event: &'a Event) -> Result<Self, StoreProblem> {
        Ok(Self {
            run: event.run.as_str(),
            node: event.node.as_ref().map_or("", NodeName::as_str),
            seq: i64::try_from(event.seq).unwrap_or(i64::MAX),
            body: body::body(event)?,
        })
    }
}

async fn open_database(place: &StatePlace) -> Result<Database, StoreProblem> {
    let path = match place {
        StatePlace::Server(server) => {
            let database = Database::MySql(server::open(server).await?);
            return schema::prepare(&database).await.map(|()| database);
        }
        StatePlace::File(path) => path,
    };
    let until = Instant::now() + BUSY;
    loop {
        let opened = async {
            let database = Database::Sqlite(open_file(path).await?);
            schema::prepare(&database).await.map(|()| database)
        };
        match opened.await {
            // While another process turns a fresh file into WAL mode, SQLite says so at once and does not wait.
            Err(StoreProblem::Locked { .. }) if Instant::now() < until => tokio::time::sleep(RETRY).await,
            result => return result,
        }
    }
}

/// One connection: SQLite has one writer at a time anyway.
async fn open_file(path: &Path) -> Result<SqlitePool, StoreProblem> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let made = tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).await;
        made.map_err(|source| StoreProblem::Folder { folder: folder.to_owned(), source })?;
    }
    // Made here, so that nobody else may read it from the first moment; SQLite gives the files beside it its mode.
    let file =
        tokio::fs::OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).await;
    drop(file.map_err(|source| StoreProblem::File { source })?);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(BUSY * 2).connect_with(options);
    pool.await.map_err(StoreProblem::from)
}

fn result_name(result: RunResult) -> String {
    match serde_json::to_value(result) {
        Ok(Value::String(name)) => name,
        // The enum has no data, so its JSON is its name.
        other => format!("{other:?}"),
    }
}

fn result_of(name: String) -> Result<RunResult, serde_json::Error> {
    serde_json::from_value(Value::String(name))
}

/// A row that this omsctl cannot read, for instance from a newer one, is skipped and does not hide the others.
fn readable<T, E: std::fmt::Display>(result: Result<T, E>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!(%error, "a row of the history is not understood")).ok()
}
