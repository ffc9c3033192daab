//! OMS's own logs on a host (`research/oms.md` 4.6), as they are asked for and shown. Data only.

use serde::{Deserialize, Serialize};

/// The three folders of a host in which OMS writes logs; nothing outside of them is ever read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFolders {
    pub logs: String,
    pub store: String,
    pub run: String,
}

/// Which part of OMS writes a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogPart {
    Init,
    Cm,
    Console,
    Supervisor,
    Nginx,
    /// Of Stores.
    Store,
    /// Of other components of links.
    Run,
    /// Of a newer agent.
    #[serde(other)]
    Unknown,
}

/// A log that is being written; what was rotated away is not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFile {
    pub path: String,
    pub part: LogPart,
    pub bytes: u64,
}

/// Logs of a host, those to look at first first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogList {
    pub files: Vec<LogFile>,
    /// Rotated ones, and those beyond the limit.
    pub left_off: u64,
}

/// A piece of a log, in whole lines where a line ends in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogText {
    pub text: String,
    /// Where the next piece begins; that is where this one began when there is nothing more.
    pub next: u64,
}

/// What is asked of a container for people to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "look_at", rename_all = "snake_case")]
pub enum ContainerLook {
    /// What the runtime knows of it, as it says it.
    Inspection,
    /// The last lines that it printed.
    Output { lines: u32 },
    #[serde(other)]
    Unknown,
}
