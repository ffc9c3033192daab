//! The judge's side of the MetaDB: what the stand-in wrote down, and what a test sets from outside.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{MetaDbServer, RigError, sql};

const TABLES: &str = "CREATE DATABASE IF NOT EXISTS omsctl_judge DEFAULT CHARACTER SET utf8mb4;
USE omsctl_judge;
CREATE TABLE IF NOT EXISTS record (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME(3) NOT NULL,
  host VARCHAR(64) NOT NULL, container VARCHAR(64) NOT NULL, kind VARCHAR(64) NOT NULL, violation TINYINT NOT NULL,
  detail TEXT);
CREATE TABLE IF NOT EXISTS timing (name VARCHAR(64) PRIMARY KEY, seconds DOUBLE NOT NULL);
CREATE TABLE IF NOT EXISTS setting (name VARCHAR(64) PRIMARY KEY, value VARCHAR(255) NOT NULL);
CREATE TABLE IF NOT EXISTS fault (id BIGINT AUTO_INCREMENT PRIMARY KEY, step VARCHAR(64) NOT NULL,
  host VARCHAR(64) NOT NULL, mode VARCHAR(16) NOT NULL, times_left INT NOT NULL);
CREATE TABLE IF NOT EXISTS seat (id INT PRIMARY KEY, host VARCHAR(64) NOT NULL);
INSERT IGNORE INTO seat (id, host) VALUES (1, '');";

/// A step of an initialisation, as the rig names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Container start, before supervisord (faults only).
    Start,
    /// Step 1, the check of config.yaml.
    Check,
    /// Step 2, the MetaDB's schemas; a fault here is met before the step is entered.
    Schema,
    /// Inside step 2, while the host holds it (faults only).
    SchemaInside,
    /// Step 3, the components' files.
    Config,
    /// Step 4, the restart.
    Restart,
    /// Step 5, the resource group.
    Resource,
}

impl Step {
    /// Steps that take time.
    pub const TIMED: [Self; 5] = [Self::Check, Self::Schema, Self::Config, Self::Restart, Self::Resource];
    /// All steps.
    pub const ALL: [Self; 7] = [
        Self::Start,
        Self::Check,
        Self::Schema,
        Self::SchemaInside,
        Self::Config,
        Self::Restart,
        Self::Resource,
    ];

    /// Its name in the tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Check => "check",
            Self::Schema => "schema",
            Self::SchemaInside => "schema_inside",
            Self::Config => "config",
            Self::Restart => "restart",
            Self::Resource => "resource",
        }
    }
}

/// How a step goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultMode {
    /// It fails.
    Fail,
    /// It hangs until the fault is taken away.
    Hang,
}

/// What a test breaks on purpose.
#[derive(Debug, Clone)]
pub struct Fault<'a> {
    /// Where in the initialisation.
    pub step: Step,
    /// The host's address, or `*`.
    pub host: &'a str,
    /// How.
    pub mode: FaultMode,
    /// How often; `None` for always.
    pub times: Option<u32>,
}

/// One thing that the stand-in saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// In the order of writing.
    pub id: u64,
    /// The MetaDB's clock, UTC, as `2026-11-22 18:00:00.123`.
    pub at: String,
    /// `OMS_HOST_IP` of the container.
    pub host: String,
    /// The first 12 digits of the container's ID.
    pub container: String,
    /// What happened, see `tests/rig/README.md`.
    pub kind: String,
    /// Whether OMS's manual forbids it.
    pub violation: bool,
    /// More about it.
    pub detail: Value,
}

impl MetaDbServer {
    /// Makes the judge's tables with quick timings; what is there stays.
    pub(super) fn prepare_judge(&self) -> Result<(), RigError> {
        self.query(TABLES)?;
        let rows: Vec<String> = Step::TIMED.iter().map(|step| format!("('{}', 0.2)", step.name())).collect();
        self.query(&format!(
            "INSERT IGNORE INTO omsctl_judge.timing (name, seconds) VALUES {}",
            rows.join(",")
        ))
        .map(drop)
    }

    pub(super) fn records(&self) -> Result<Vec<Record>, RigError> {
        let columns = "id, at, host, container, kind, violation, detail";
        let rows = self.query(&format!("SELECT {columns} FROM omsctl_judge.record ORDER BY at, id"))?;
        rows.into_iter().map(record).collect()
    }

    pub(super) fn set_timing(&self, seconds: &BTreeMap<&str, f64>) -> Result<(), RigError> {
        for (name, seconds) in seconds {
            if !Step::TIMED.iter().any(|step| step.name() == *name) || !(0.0..3600.0).contains(seconds) {
                let names = Step::TIMED.map(Step::name).join(", ");
                return Err(RigError::Usage(format!(
                    "no timing `{name}={seconds}`: steps are {names}, in seconds"
                )));
            }
            let name = sql::literal(name);
            self.query(&format!(
                "REPLACE INTO omsctl_judge.timing (name, seconds) VALUES ({name}, {seconds})"
            ))?;
        }
        Ok(())
    }

    pub(super) fn set(&self, name: &str, value: &str) -> Result<(), RigError> {
        let row = format!("({}, {})", sql::literal(name), sql::literal(value));
        self.query(&format!("REPLACE INTO omsctl_judge.setting (name, value) VALUES {row}")).map(drop)
    }

    pub(super) fn add_fault(&self, fault: &Fault<'_>) -> Result<(), RigError> {
        let mode = match fault.mode {
            FaultMode::Fail => "fail",
            FaultMode::Hang => "hang",
        };
        let times = fault.times.map_or(-1, i64::from);
        let row = format!("('{}', {}, '{mode}', {times})", fault.step.name(), sql::literal(fault.host));
        self.query(&format!("INSERT INTO omsctl_judge.fault (step, host, mode, times_left) VALUES {row}"))
            .map(drop)
    }

    pub(super) fn clear_faults(&self) -> Result<(), RigError> {
        self.query("DELETE FROM omsctl_judge.fault").map(drop)
    }
}

fn record(row: Vec<Option<String>>) -> Result<Record, RigError> {
    let text = format!("{row:?}");
    let mut fields = row.into_iter().map(Option::unwrap_or_default);
    let mut next = || fields.next().unwrap_or_default();
    let (id, at, host, container, kind) = (next(), next(), next(), next(), next());
    let violation = next() == "1";
    let detail = serde_json::from_str(&next()).unwrap_or(Value::Null);
    let id = id.parse().map_err(|_| RigError::Unreadable { what: "a record of the judge", text })?;
    Ok(Record { id, at, host, container, kind, violation, detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_row_of_the_judge() {
        let row = [
            "7",
            "2026-11-22 18:00:00.123",
            "10.77.1.11",
            "0123456789ab",
            "schema_overlap",
            "1",
            r#"{"a":1}"#,
        ];
        let read = record(row.iter().map(|field| Some((*field).to_owned())).collect()).unwrap();
        assert_eq!((read.id, read.violation, read.kind.as_str()), (7, true, "schema_overlap"));
        assert_eq!(read.detail["a"], 1);
        assert!(record(vec![None]).is_err());
    }
}
