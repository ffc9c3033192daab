//! Whole tables, before something in them is changed.

use std::collections::BTreeMap;

use sqlx::MySqlConnection;

use super::names::table;
use super::questions::{Answer, MAX_ROWS, Questions};
use crate::ports::{MetaDbError, MetaDbNames, MetaDbTarget, TableRows};

/// Those that the manual names for a change of `cm_url` (`research/oms.md` 7.2); one that is not there has no rows.
pub(super) async fn read(
    connection: &mut MySqlConnection,
    target: &MetaDbTarget,
    names: &MetaDbNames,
) -> Result<Vec<TableRows>, MetaDbError> {
    let mut questions = Questions { connection, target };
    let tables = [(&names.rm, "cluster_info"), (&names.cm, "location_cm"), (&names.cm, "host")];
    let mut all = Vec::new();
    for (database, name) in tables.into_iter().chain([(&names.cm, "resource_group")]) {
        let sql = format!("SELECT * FROM {} LIMIT {MAX_ROWS}", table(database, name));
        let rows: Vec<BTreeMap<String, Option<String>>> =
            questions.ask_any([sql]).await?.iter().map(Answer::by_column).collect();
        all.push(TableRows { table: format!("{database}.{name}"), rows });
    }
    Ok(all)
}
