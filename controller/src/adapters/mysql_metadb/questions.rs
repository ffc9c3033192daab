//! One question at a time: text in, rows of text out, within a time and a number of rows.

use std::collections::BTreeMap;
use std::time::Duration;

use omsctl_proto::Secret;
use sqlx::mysql::{MySqlDatabaseError, MySqlRow};
use sqlx::{AssertSqlSafe, Column, MySqlConnection, Row};
use zeroize::Zeroizing;

use super::connection::{PATIENCE, address};
use crate::ports::{MetaDbError, MetaDbTarget};

/// Rows of one answer.
pub(super) const MAX_ROWS: usize = 10_000;

/// The database says that it has no such database (1049), table (1146) or column (1054).
const ABSENT: [u16; 3] = [1049, 1054, 1146];

/// One row; columns are read as text whatever their type, since that differs between the versions of OMS.
pub(super) struct Answer(MySqlRow);

impl Answer {
    /// `None` for NULL.
    pub(super) fn text(&self, column: usize) -> Option<String> {
        let bytes: Option<Vec<u8>> = self.0.try_get_unchecked(column).ok().flatten();
        bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The whole row by the names of its columns.
    pub(super) fn by_column(&self) -> BTreeMap<String, Option<String>> {
        let columns = self.0.columns().iter();
        columns.map(|column| (column.name().to_owned(), self.text(column.ordinal()))).collect()
    }

    /// `None` for what is not a whole number.
    pub(super) fn number(&self, column: usize) -> Option<i64> {
        self.text(column).and_then(|text| text.trim().parse().ok())
    }
}

/// Dropping a database with its tables takes longer than a question.
const DATABASES: Duration = Duration::from_mins(5);

const UNTOLD: &str =
    "it does not understand the statement; its words are kept back, since they repeat a secret";

/// The connection with what is needed to ask and to tell what went wrong.
pub(super) struct Questions<'a> {
    pub(super) connection: &'a mut MySqlConnection,
    pub(super) target: &'a MetaDbTarget,
}

impl Questions<'_> {
    /// In the text protocol, so that every value comes as text. `sql` holds no value of anybody's, only names that
    /// went through [`super::names::table`].
    pub(super) async fn ask(&mut self, sql: String) -> Result<Vec<Answer>, MetaDbError> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *self.connection);
        let answered = tokio::time::timeout(PATIENCE, rows).await;
        self.answer(answered)
    }

    /// The same with values. Placeholders are filled by the database.
    pub(super) async fn ask_with(
        &mut self,
        sql: String,
        values: &[&str],
    ) -> Result<Vec<Answer>, MetaDbError> {
        let query = values.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| query.bind(*value));
        let answered = tokio::time::timeout(PATIENCE, query.fetch_all(&mut *self.connection)).await;
        self.answer(answered)
    }

    /// Changes rows; how many. Placeholders are filled by the database.
    pub(super) async fn change(&mut self, sql: String, values: &[&str]) -> Result<u64, MetaDbError> {
        let query = values.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| query.bind(*value));
        let changed = tokio::time::timeout(PATIENCE, query.execute(&mut *self.connection)).await;
        self.understood(changed, PATIENCE).map(|done| done.rows_affected())
    }

    /// Changes what there is of databases, which takes longer than rows do; how many rows it says that were.
    pub(super) async fn change_databases(&mut self, sql: String) -> Result<u64, MetaDbError> {
        let changed = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *self.connection);
        let changed = tokio::time::timeout(DATABASES, changed).await;
        self.understood(changed, DATABASES).map(|done| done.rows_affected())
    }

    /// Changes something by a statement in which a secret is; what the database says of it is told only when that is not
    /// repeated.
    pub(super) async fn change_secretly(
        &mut self,
        sql: Zeroizing<String>,
        secret: &Secret,
    ) -> Result<u64, MetaDbError> {
        let changed = sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(&mut *self.connection);
        let changed = tokio::time::timeout(PATIENCE, changed).await;
        self.understood(changed, PATIENCE).map(|done| done.rows_affected()).map_err(|error| match error {
            MetaDbError::Question { address, reason } if may_repeat(&reason, secret) => {
                MetaDbError::Question { address, reason: UNTOLD.to_owned() }
            }
            other => other,
        })
    }

    /// The answer to the first form of the question for which the database has the tables and columns; nothing
    /// where it has them for none.
    pub(super) async fn ask_any<const N: usize>(
        &mut self,
        forms: [String; N],
    ) -> Result<Vec<Answer>, MetaDbError> {
        for sql in forms {
            let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *self.connection);
            match tokio::time::timeout(PATIENCE, rows).await {
                Ok(Err(error)) if is_absent(&error) => {}
                answered => return self.answer(answered),
            }
        }
        Ok(Vec::new())
    }

    fn answer<E>(
        &self,
        answered: Result<Result<Vec<MySqlRow>, sqlx::Error>, E>,
    ) -> Result<Vec<Answer>, MetaDbError> {
        self.understood(answered, PATIENCE).map(|rows| rows.into_iter().map(Answer).collect())
    }

    fn understood<T, E>(
        &self,
        answered: Result<Result<T, sqlx::Error>, E>,
        limit: Duration,
    ) -> Result<T, MetaDbError> {
        let reason = match answered {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(sqlx::Error::Database(error))) => error.message().to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", limit.as_secs()),
        };
        Err(MetaDbError::Question { address: address(self.target), reason })
    }
}

/// A statement that is not understood comes back in part.
fn may_repeat(reason: &str, secret: &Secret) -> bool {
    reason.contains("near '") || (!secret.expose().is_empty() && reason.contains(secret.expose()))
}

fn is_absent(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    error.is_some_and(|error| ABSENT.contains(&error.number()))
}
