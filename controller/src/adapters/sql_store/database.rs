//! The two kinds of database behind one name. Knows no table.

use sqlx::{MySqlPool, SqlitePool};

use super::dialect::{Dialect, MYSQL, SQLITE};

/// Open connections, of either kind.
#[derive(Debug)]
pub(super) enum Database {
    Sqlite(SqlitePool),
    MySql(MySqlPool),
}

impl Database {
    pub(super) fn dialect(&self) -> &'static Dialect {
        match self {
            Self::Sqlite(_) => &SQLITE,
            Self::MySql(_) => &MYSQL,
        }
    }
}

/// Compiles the expression once for each kind of database, with `$pool` being the pool of that kind: the code is
/// written once and stays typed, which `sqlx::Any` would give up.
macro_rules! on_either {
    ($database:expr, $pool:ident => $body:expr) => {
        match $database {
            $crate::adapters::sql_store::database::Database::Sqlite($pool) => $body,
            $crate::adapters::sql_store::database::Database::MySql($pool) => $body,
        }
    };
}

pub(super) use on_either;
