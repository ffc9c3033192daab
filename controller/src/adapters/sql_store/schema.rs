//! Makes the tables, once and for ever: running it again changes nothing, and a newer layout is left alone.

use sqlx::Row;

use super::StoreProblem;
use super::database::{Database, on_either};
use super::dialect::{CREATE_SCHEMA, INSERT_SCHEMA, SELECT_SCHEMA};

/// The layout of the tables that this omsctl reads and writes.
pub(super) const KNOWN: i64 = 1;

/// Leaves the tables there in the layout that this omsctl knows.
pub(super) async fn prepare(database: &Database) -> Result<(), StoreProblem> {
    let create = database.dialect().create;
    on_either!(database, pool => {
        sqlx::query(CREATE_SCHEMA).execute(pool).await?;
        let row = sqlx::query(SELECT_SCHEMA).fetch_one(pool).await?;
        let found = row.try_get::<Option<String>, _>(0)?.and_then(|text| text.parse::<i64>().ok());
        match found {
            Some(found) if found > KNOWN => return Err(StoreProblem::Newer { found, known: KNOWN }),
            Some(_) => return Ok(()),
            None => {}
        }
        for statement in create {
            sqlx::query(*statement).execute(pool).await?;
        }
        match sqlx::query(INSERT_SCHEMA).execute(pool).await {
            // Another omsctl was first.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(()),
            result => result.map(|_| ()).map_err(StoreProblem::from),
        }
    })
}
