//! What is read, table by table (`research/oms.md` 5). Knows no stream and no log-in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::Value;
use sqlx::MySqlConnection;

use super::grants;
use super::names::table;
use super::questions::{Answer, MAX_ROWS, Questions};
use crate::ports::{
    ClusterRow, Grant, HeartbeatRow, HostRow, MetaDbError, MetaDbFacts, MetaDbNames, MetaDbTarget, SessionRow,
};

/// Everything that the port promises; a missing table is empty.
pub(super) async fn read(
    connection: &mut MySqlConnection,
    target: &MetaDbTarget,
    names: &MetaDbNames,
) -> Result<MetaDbFacts, MetaDbError> {
    let mut questions = Questions { connection, target };
    let mut facts = server(&mut questions).await?;
    facts.databases = databases(&mut questions, names).await?;
    // Only databases that are there: asked for one that is not, MySQL may answer that it is forbidden.
    let there = facts.databases.clone();
    if there.contains(&names.cm) {
        facts.hosts = hosts(&mut questions, &names.cm).await?;
        facts.resource_groups = resource_groups(&mut questions, &names.cm).await?;
    }
    if there.contains(&names.rm) {
        facts.clusters = clusters(&mut questions, &names.rm).await?;
        facts.oms_version = oms_version(&mut questions, &names.rm).await?;
        facts.ha_config = ha_config(&mut questions, &names.rm).await?;
        facts.ha_enabled = facts.ha_config.as_deref().and_then(ha_enabled);
    }
    for database in names.heartbeats.iter().filter(|name| there.contains(*name)) {
        facts.heartbeats.extend(heartbeats(&mut questions, database).await?);
    }
    facts.grants = grants(&mut questions).await;
    facts.sessions = sessions(&mut questions).await?;
    Ok(facts)
}

async fn server(questions: &mut Questions<'_>) -> Result<MetaDbFacts, MetaDbError> {
    let sql = "SELECT VERSION(), TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)), \
               @@time_zone, @@system_time_zone";
    let rows = questions.ask(sql.to_owned()).await?;
    let text = |column| rows.first().and_then(|row| row.text(column)).unwrap_or_default();
    let microseconds = rows.first().and_then(|row| row.number(1)).unwrap_or_default();
    let time_zone = match text(2) {
        zone if zone == "SYSTEM" => text(3),
        zone => zone,
    };
    Ok(MetaDbFacts {
        server_version: text(0),
        utc_ms: u64::try_from(microseconds).unwrap_or_default() / 1000,
        time_zone,
        ..MetaDbFacts::default()
    })
}

/// Those of the names that exist, as they were asked for: where the server ignores case, so does this.
async fn databases(
    questions: &mut Questions<'_>,
    names: &MetaDbNames,
) -> Result<BTreeSet<String>, MetaDbError> {
    let asked: Vec<&str> =
        [&names.rm, &names.cm].into_iter().chain(&names.heartbeats).map(String::as_str).collect();
    let case = questions.ask("SELECT @@lower_case_table_names".to_owned()).await?;
    let ignores_case = case.first().and_then(|row| row.number(0)).is_some_and(|number| number != 0);
    let places = vec!["?"; asked.len()].join(", ");
    let sql = format!("SELECT schema_name FROM information_schema.schemata WHERE schema_name IN ({places})");
    let found: Vec<String> =
        questions.ask_with(sql, &asked).await?.iter().filter_map(|row| row.text(0)).collect();
    let exists = |name: &&str| {
        found
            .iter()
            .any(|other| *name == other || (ignores_case && name.to_lowercase() == other.to_lowercase()))
    };
    Ok(asked.into_iter().filter(exists).map(str::to_owned).collect())
}

async fn hosts(questions: &mut Questions<'_>, database: &str) -> Result<Vec<HostRow>, MetaDbError> {
    let from = table(database, "host");
    let forms = ["ip, host_status, resource_group_id", "ip, host_status", "ip"]
        .map(|columns| format!("SELECT {columns} FROM {from} ORDER BY ip LIMIT {MAX_ROWS}"));
    let rows = questions.ask_any(forms).await?;
    let host = |row: &Answer| {
        Some(HostRow {
            ip: row.text(0)?,
            status: row.text(1).unwrap_or_default(),
            resource_group: row.number(2),
        })
    };
    Ok(rows.iter().filter_map(host).collect())
}

async fn resource_groups(
    questions: &mut Questions<'_>,
    database: &str,
) -> Result<BTreeMap<i64, String>, MetaDbError> {
    let from = table(database, "resource_group");
    let rows = questions.ask_any([format!("SELECT id, name FROM {from} LIMIT {MAX_ROWS}")]).await?;
    Ok(rows.iter().filter_map(|row| Some((row.number(0)?, row.text(1)?))).collect())
}

async fn clusters(questions: &mut Questions<'_>, database: &str) -> Result<Vec<ClusterRow>, MetaDbError> {
    let from = table(database, "cluster_info");
    let forms = ["region, cm_url, code, is_default_cm", "region, cm_url, code", "region, cm_url"]
        .map(|columns| format!("SELECT {columns} FROM {from} LIMIT {MAX_ROWS}"));
    let rows = questions.ask_any(forms).await?;
    let cluster = |row: &Answer| ClusterRow {
        region: row.text(0).unwrap_or_default(),
        cm_url: row.text(1).unwrap_or_default(),
        code: row.text(2).unwrap_or_default(),
        is_default: row.text(3).is_some_and(|text| is_true(&text)),
    };
    Ok(rows.iter().map(cluster).collect())
}

/// The newest of `oms_version`; versions are compared part by part, since 4.2.10 is newer than 4.2.9.
async fn oms_version(questions: &mut Questions<'_>, database: &str) -> Result<Option<String>, MetaDbError> {
    let from = table(database, "oms_version");
    let rows = questions.ask_any([format!("SELECT version FROM {from} LIMIT {MAX_ROWS}")]).await?;
    let versions = rows.iter().filter_map(|row| row.text(0)).map(|text| text.trim().to_owned());
    Ok(versions.filter(|text| !text.is_empty()).max_by_key(|text| version_parts(text)))
}

async fn ha_config(questions: &mut Questions<'_>, database: &str) -> Result<Option<String>, MetaDbError> {
    let from = table(database, "oms_normal_config");
    let sql = format!("SELECT cfg_value FROM {from} WHERE cfg_name = 'ha.config' LIMIT 1");
    let rows = questions.ask_any([sql]).await?;
    Ok(rows.first().and_then(|row| row.text(0)))
}

fn ha_enabled(config: &str) -> Option<bool> {
    match serde_json::from_str::<Value>(config).ok()?.get("enable")? {
        Value::Bool(enabled) => Some(*enabled),
        Value::String(text) => Some(is_true(text)),
        Value::Number(number) => Some(number.as_i64() != Some(0)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Nothing depends on it but a row of `check`, so that a database that does not tell is no failure.
async fn grants(questions: &mut Questions<'_>) -> Option<Vec<Grant>> {
    let rows = questions.ask("SHOW GRANTS".to_owned()).await.ok()?;
    let lines: Vec<String> = rows.iter().filter_map(|row| row.text(0)).collect();
    grants::parse(&lines).filter(|grants| !grants.is_empty())
}

/// The process list, but for clients without an address: those are the server's own.
async fn sessions(questions: &mut Questions<'_>) -> Result<Vec<SessionRow>, MetaDbError> {
    let sql = format!("SELECT HOST, DB, TIME FROM information_schema.PROCESSLIST LIMIT {MAX_ROWS}");
    let rows = questions.ask_any([sql]).await?;
    let session = |row: &Answer| {
        Some(SessionRow {
            client: without_port(&row.text(0)?),
            database: row.text(1),
            age_s: row.number(2).unwrap_or_default(),
        })
    };
    Ok(rows.iter().filter_map(session).collect())
}

/// `10.0.0.1:4711` and `[fd00::1]:4711`, as the process list has them; a name or an address without port stays.
fn without_port(client: &str) -> String {
    let address = client.parse::<SocketAddr>().map(|socket| socket.ip().to_canonical().to_string());
    address.unwrap_or_else(|_| client.rsplit_once(':').map_or(client, |(host, _)| host).to_owned())
}

/// Ages by the database's clock on both sides, in the time zone of a session that set none, as OMS's own.
async fn heartbeats(questions: &mut Questions<'_>, database: &str) -> Result<Vec<HeartbeatRow>, MetaDbError> {
    let from = table(database, "heart_beat");
    let sql = format!(
        "SELECT host_ip, TIMESTAMPDIFF(SECOND, gmt_modified, NOW()) FROM {from} \
         WHERE task_name = 'supervisor' ORDER BY host_ip LIMIT {MAX_ROWS}"
    );
    let rows = questions.ask_any([sql]).await?;
    let heartbeat = |row: &Answer| {
        Some(HeartbeatRow { database: database.to_owned(), ip: row.text(0)?, age_s: row.number(1)? })
    };
    Ok(rows.iter().filter_map(heartbeat).collect())
}

/// As MySQL drivers write booleans into numbers, bits and texts.
fn is_true(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "y" | "on" | "\u{1}")
}

/// The numbers in it, in order; then the text, so that the answer does not depend on the order of the rows.
fn version_parts(text: &str) -> (Vec<u64>, String) {
    let parts = text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok());
    (parts.collect(), text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let check = |older: &str, newer: &str| {
            assert!(version_parts(older) < version_parts(newer), "{older} {newer}");
        };
        check("4.2.9", "4.2.10");
        check("4.2.2_CE", "4.2.11-ce-bp1");
        check("feature_4.2.2", "feature_4.2.10");
    }

    #[test]
    fn clients_are_told_without_their_ports() {
        for (client, address) in [
            ("10.0.0.1:4711", "10.0.0.1"),
            ("[fd00::1]:4711", "fd00::1"),
            ("[::ffff:10.0.0.1]:4711", "10.0.0.1"),
            ("node1.example.com:4711", "node1.example.com"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(without_port(client), address);
        }
    }

    #[test]
    fn booleans_are_recognised_in_every_dress() {
        for text in ["1", "true", "TRUE", "y", " 1 ", "\u{1}"] {
            assert!(is_true(text), "{text:?}");
        }
        for text in ["0", "false", "", "\0", "2"] {
            assert!(!is_true(text), "{text:?}");
        }
    }
}
