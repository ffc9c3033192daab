//! Why the state store failed, in words that say what to do. The source below a `StoreError`.

use std::io;
use std::path::PathBuf;

use sqlx::mysql::MySqlDatabaseError;
use sqlx::sqlite::SqliteError;

/// What lies behind a [`crate::ports::StoreError`], with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StoreProblem {
    #[error("the folder {folder} cannot be made; make it, or name another place with --state")]
    Folder {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "the file cannot be made or opened; make its folder writable, or name another place with --state"
    )]
    File {
        #[source]
        source: io::Error,
    },
    #[error("the password file {path} cannot be read; OMSCTL_STATE_PASSWORD_FILE names it")]
    PasswordFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the password file {path} does not hold one line of at most {limit} bytes")]
    PasswordText { path: PathBuf, limit: u64 },
    #[error(
        "the name {host} cannot be resolved ({reason}); use an address, or mend /etc/hosts or the name server"
    )]
    Name { host: String, reason: String },
    #[error(
        "the server does not answer within {seconds} s; see that it runs and that the bastion may reach it"
    )]
    NoAnswer { seconds: u64 },
    #[error(
        "the server refuses the log-in: {words}. The password is read from the file that OMSCTL_STATE_PASSWORD_FILE names"
    )]
    LogIn { words: String },
    #[error("the database is not there or not for this user: {words}. Create it and grant all rights on it")]
    NoDatabase { words: String },
    #[error(
        "it was written by a newer omsctl (layout {found}, this one knows {known}); use that omsctl, or another \
         place with --state"
    )]
    Newer { found: i64, known: i64 },
    #[error("it is not a database of omsctl; name another place with --state, or move the file away")]
    NotADatabase {
        #[source]
        source: sqlx::Error,
    },
    #[error("the disk is full; make room and repeat the command, hosts keep what they did")]
    Full {
        #[source]
        source: sqlx::Error,
    },
    #[error("it can only be read; make it writable, or name another place with --state")]
    ReadOnly {
        #[source]
        source: sqlx::Error,
    },
    #[error("another process holds it locked; wait for that, or name another place with --state")]
    Locked {
        #[source]
        source: sqlx::Error,
    },
    #[error("event {seq} of {node} has {size} bytes, and at most {limit} are kept; this is a bug of omsctl")]
    EventTooLarge { node: String, seq: u64, size: usize, limit: usize },
    #[error("event {seq} of {node} is no JSON; this is a bug of omsctl")]
    EventText {
        node: String,
        seq: u64,
        #[source]
        source: serde_json::Error,
    },
    #[error("it does not hold the run {run}; was it begun in another store?")]
    NoSuchRun { run: String },
    #[error("the database says")]
    Database {
        #[source]
        source: sqlx::Error,
    },
}

impl From<sqlx::Error> for StoreProblem {
    fn from(source: sqlx::Error) -> Self {
        let sqlx::Error::Database(error) = &source else { return Self::Database { source } };
        if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
            return match error.number() {
                1045 | 1698 => Self::LogIn { words: error.message().to_owned() },
                1044 | 1049 | 1142 => Self::NoDatabase { words: error.message().to_owned() },
                1021 | 1114 => Self::Full { source },
                1290 | 1792 | 1836 => Self::ReadOnly { source },
                1205 | 1213 => Self::Locked { source },
                _ => Self::Database { source },
            };
        }
        let code = error.try_downcast_ref::<SqliteError>().and_then(|_| error.code());
        // An extended result code of SQLite holds the primary one in its lowest byte.
        match code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff) {
            Some(5 | 6) => Self::Locked { source },
            Some(8) => Self::ReadOnly { source },
            Some(11 | 26) => Self::NotADatabase { source },
            Some(13) => Self::Full { source },
            _ => Self::Database { source },
        }
    }
}
