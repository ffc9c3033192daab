//! The SQL that differs between SQLite and the MySQL family. Text only.

/// What must be written differently for each kind of database.
pub(super) struct Dialect {
    /// Idempotent; in the order in which they are run.
    pub(super) create: &'static [&'static str],
    /// Before the values of a row that may be there already.
    pub(super) insert_run: &'static str,
    pub(super) insert_events: &'static str,
    /// After the values: leaves a row alone that is there already, and nothing else. (`INSERT IGNORE` of MySQL would
    /// also cut texts that are too long.)
    pub(super) keep_existing_run: &'static str,
    pub(super) keep_existing_event: &'static str,
}

pub(super) const SQLITE: Dialect = Dialect {
    create: &[
        "CREATE TABLE IF NOT EXISTS omsctl_runs (
            run TEXT NOT NULL PRIMARY KEY,
            command TEXT NOT NULL,
            operator TEXT NOT NULL,
            started TEXT NOT NULL,
            finished TEXT,
            result TEXT)",
        // `position` is the row's number in SQLite, so it grows with every insert.
        "CREATE TABLE IF NOT EXISTS omsctl_events (
            position INTEGER PRIMARY KEY,
            run TEXT NOT NULL,
            node TEXT NOT NULL,
            seq INTEGER NOT NULL,
            body TEXT NOT NULL,
            UNIQUE (run, node, seq))",
    ],
    insert_run: INSERT_RUN,
    insert_events: INSERT_EVENTS,
    keep_existing_run: " ON CONFLICT (run) DO NOTHING",
    keep_existing_event: " ON CONFLICT (run, node, seq) DO NOTHING",
};

/// Names compare byte for byte (`_bin`) as in SQLite: `N1` and `n1` are two hosts.
pub(super) const MYSQL: Dialect = Dialect {
    create: &[
        "CREATE TABLE IF NOT EXISTS omsctl_runs (
            run VARCHAR(40) NOT NULL,
            command VARCHAR(1000) NOT NULL,
            operator VARCHAR(255) NOT NULL,
            started VARCHAR(40) NOT NULL,
            finished VARCHAR(40),
            result VARCHAR(40),
            PRIMARY KEY (run)
        ) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "CREATE TABLE IF NOT EXISTS omsctl_events (
            position BIGINT NOT NULL AUTO_INCREMENT,
            run VARCHAR(40) NOT NULL,
            node VARCHAR(253) NOT NULL,
            seq BIGINT NOT NULL,
            body MEDIUMTEXT NOT NULL,
            PRIMARY KEY (run, node, seq),
            UNIQUE KEY omsctl_events_position (position)
        ) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    ],
    insert_run: INSERT_RUN,
    insert_events: INSERT_EVENTS,
    keep_existing_run: " ON DUPLICATE KEY UPDATE run = omsctl_runs.run",
    keep_existing_event: " ON DUPLICATE KEY UPDATE seq = omsctl_events.seq",
};

const INSERT_RUN: &str = "INSERT INTO omsctl_runs (run, command, operator, started, finished, result) ";
const INSERT_EVENTS: &str = "INSERT INTO omsctl_events (run, node, seq, body) ";

/// Which layout of the tables is there: one row, the highest that a writer knew.
pub(super) const CREATE_SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS omsctl_schema (version INTEGER NOT NULL PRIMARY KEY)";
pub(super) const SELECT_SCHEMA: &str = "SELECT CAST(MAX(version) AS CHAR(20)) FROM omsctl_schema";
pub(super) const INSERT_SCHEMA: &str = "INSERT INTO omsctl_schema (version) VALUES (1)";

pub(super) const FINISH_RUN: &str = "UPDATE omsctl_runs SET finished = ?, result = ? WHERE run = ?";
pub(super) const SELECT_RUNS: &str = "SELECT run, command, operator, started, finished, result
    FROM omsctl_runs ORDER BY started DESC, run DESC LIMIT ?";
pub(super) const SELECT_EVENTS: &str =
    "SELECT node, seq, body FROM omsctl_events WHERE run = ? ORDER BY position";
