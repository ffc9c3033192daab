//! Which tables OMS's databases have, and how large they are: what a dump has to hold.

use std::collections::BTreeMap;

use sqlx::MySqlConnection;

use super::questions::Questions;
use crate::ports::{DatabaseContent, MetaDbError, MetaDbNames, MetaDbTarget};

/// OMS has some hundred tables; whoever tells more is not believed.
const MAX_TABLES: u32 = 20_000;

/// Each database by itself, under the name that was asked for.
pub(super) async fn read(
    connection: &mut MySqlConnection,
    target: &MetaDbTarget,
    names: &MetaDbNames,
) -> Result<BTreeMap<String, DatabaseContent>, MetaDbError> {
    let mut questions = Questions { connection, target };
    let mut contents = BTreeMap::new();
    for database in [&names.rm, &names.cm].into_iter().chain(&names.heartbeats) {
        // Values of this protocol come in the types of their columns: as text both are read alike.
        let sql = format!(
            "SELECT CAST(TABLE_NAME AS CHAR), CAST(COALESCE(DATA_LENGTH, 0) + COALESCE(INDEX_LENGTH, 0) AS CHAR) \
             FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA = ? LIMIT {MAX_TABLES}"
        );
        let mut content = DatabaseContent::default();
        for row in questions.ask_with(sql, &[database]).await? {
            content.tables.extend(row.text(0));
            let bytes = row.number(1).and_then(|bytes| u64::try_from(bytes).ok());
            content.bytes = content.bytes.saturating_add(bytes.unwrap_or_default());
        }
        contents.insert(database.clone(), content);
    }
    Ok(contents)
}
