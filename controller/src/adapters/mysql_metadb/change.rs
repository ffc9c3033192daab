//! The few things that omsctl changes in the MetaDB, each one statement with its values apart, but for a password.

use sqlx::MySqlConnection;

use super::names::{quoted, table};
use super::questions::Questions;
use crate::ports::{MetaDbChange, MetaDbError, MetaDbNames, MetaDbTarget};

/// Makes the change; the number of rows that it touched.
pub(super) async fn change(
    connection: &mut MySqlConnection,
    target: &MetaDbTarget,
    names: &MetaDbNames,
    change: &MetaDbChange,
) -> Result<u64, MetaDbError> {
    let mut questions = Questions { connection, target };
    match change {
        MetaDbChange::SetPassword { password } => {
            super::password::set(questions.connection, target, password).await
        }
        MetaDbChange::RemoveHost { ip } => {
            let from = table(&names.cm, "host");
            questions.change(format!("DELETE FROM {from} WHERE ip = ?"), &[ip]).await
        }
        MetaDbChange::ForgetCmUrl { code, cm_url } => {
            let from = table(&names.rm, "cluster_info");
            questions
                .change(format!("DELETE FROM {from} WHERE code = ? AND cm_url = ?"), &[code, cm_url])
                .await
        }
        MetaDbChange::DropDatabase { name } => {
            questions.change_databases(format!("DROP DATABASE IF EXISTS {}", quoted(name))).await
        }
        MetaDbChange::SetHaConfig { former, text } => {
            let of = table(&names.rm, "oms_normal_config");
            let sql = format!("UPDATE {of} SET cfg_value = ? WHERE cfg_name = 'ha.config' AND cfg_value = ?");
            questions.change(sql, &[text, former]).await
        }
    }
}
