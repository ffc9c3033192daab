//! A dump of OMS's databases: what is asked for, and what a host keeps of it. Data only.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Digest, RunId, SecretName, WantedImage};

/// The databases of a cluster as a host shall keep them before another version of OMS changes them
/// (`research/oms.md` 7.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpSpec {
    /// The run that changes the version: it names the folder, and the containers that are set aside.
    pub run: RunId,
    /// Options of MySQL's command line programs, with the log-in.
    pub login: SecretName,
    /// The image whose `mysql` and `mysqldump` are used, by its id in the host's store.
    pub programs: String,
    /// The version that the databases belong to, where the MetaDB tells it.
    pub version: Option<String>,
    /// The image that comes after.
    pub next: WantedImage,
    /// By name, with the tables that the dump has to hold.
    pub databases: BTreeMap<String, BTreeSet<String>>,
    /// Those of them whose table [`HEARTBEAT_SEQUENCE`] keeps its newest row only, from before the dump on.
    pub purge: BTreeSet<String>,
}

/// The table that grows for ever; its name is written so by OMS.
pub const HEARTBEAT_SEQUENCE: &str = "heatbeat_sequence";

/// A whole dump on its host: what was not proved has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpFacts {
    pub run: RunId,
    /// RFC 3339, the host's clock.
    pub taken: String,
    /// When the databases were filled from it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<String>,
    pub version: Option<String>,
    pub programs: String,
    pub next: WantedImage,
    pub databases: Vec<DumpedDatabase>,
}

/// One file of a dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpedDatabase {
    pub database: String,
    /// Its name in the folder of the dump.
    pub file: String,
    pub bytes: u64,
    pub sha256: Digest,
    pub tables: BTreeSet<String>,
}
