//! The database in which OMS keeps its cluster: read, and changed in few places, by the controller through a byte stream
//! from some host.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use omsctl_proto::Secret;

use super::ByteStream;

/// Where the database is and who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaDbTarget {
    /// As in `oms_meta_host`; only for messages, since the stream is connected already.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Secret,
}

/// The names of the databases of a cluster; one heartbeat database a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaDbNames {
    pub rm: String,
    pub cm: String,
    pub heartbeats: Vec<String>,
}

/// What the MetaDB holds. A missing database or table is empty here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetaDbFacts {
    pub server_version: String,
    /// Milliseconds since 1970 by the database's clock.
    pub utc_ms: u64,
    /// `@@time_zone`, and `@@system_time_zone` where that is `SYSTEM`.
    pub time_zone: String,
    /// Those of the asked-for databases that exist.
    pub databases: BTreeSet<String>,
    /// `host` of the CM database.
    pub hosts: Vec<HostRow>,
    /// Of all heartbeat databases.
    pub heartbeats: Vec<HeartbeatRow>,
    /// `cluster_info` of the RM database.
    pub clusters: Vec<ClusterRow>,
    /// `resource_group` of the CM database: id to name.
    pub resource_groups: BTreeMap<i64, String>,
    /// The newest of `oms_version` of the RM database.
    pub oms_version: Option<String>,
    /// `enable` of `ha.config` in `oms_normal_config`.
    pub ha_enabled: Option<bool>,
    /// The whole of `ha.config`, as it is written there.
    pub ha_config: Option<String>,
    /// Of the account that reads; `None` when the database does not tell them in a form that is understood.
    pub grants: Option<Vec<Grant>>,
    /// Of the account that reads, and of others where it may see them.
    pub sessions: Vec<SessionRow>,
}

/// What one database holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseContent {
    /// Views are none.
    pub tables: BTreeSet<String>,
    /// Rows and indexes, as the database estimates them.
    pub bytes: u64,
}

/// One line of `SHOW GRANTS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// Of names such as `CREATE`, in upper case; `ALL PRIVILEGES` stands alone.
    Privileges {
        privileges: BTreeSet<String>,
        /// The databases: a pattern with `%` and `_`, or all of them.
        on: Option<String>,
    },
    /// What a role may is not seen here.
    Role,
}

/// A row of the process list. Behind a proxy that does not say for whom it speaks, `client` is the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The client's address, without its port.
    pub client: String,
    pub database: Option<String>,
    /// Seconds since its state changed last.
    pub age_s: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRow {
    pub ip: String,
    pub status: String,
    pub resource_group: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatRow {
    pub database: String,
    pub ip: String,
    /// Seconds between `gmt_modified` and now, both by the database's clock.
    pub age_s: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRow {
    pub region: String,
    pub cm_url: String,
    /// `cm_location`.
    pub code: String,
    pub is_default: bool,
}

impl ClusterRow {
    /// `cm_location` as a number.
    pub fn location(&self) -> Option<u8> {
        self.code.trim().parse().ok()
    }

    /// As [`same_url`].
    pub fn has_url(&self, url: &str) -> bool {
        same_url(&self.cm_url, url)
    }
}

/// `http://VIP:8088/` and `VIP:8088` are one address.
pub fn same_url(one: &str, other: &str) -> bool {
    bare(one) == bare(other)
}

fn bare(url: &str) -> String {
    let url = url.trim();
    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
    url.trim_end_matches('/').to_ascii_lowercase()
}

/// All rows of a table as they are, for whoever has to put them back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TableRows {
    /// `database.table`.
    pub table: String,
    /// Column to value; NULL is `None`.
    pub rows: Vec<BTreeMap<String, Option<String>>>,
}

/// One thing to change in the MetaDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetaDbChange {
    /// `host` of the CM database loses the rows of this address (`research/oms.md` 7.4).
    RemoveHost { ip: String },
    /// `ha.config` in `oms_normal_config` of the RM database, when it is still the former text (`research/oms.md` 6;
    /// writing it is not documented by the vendor).
    SetHaConfig { former: String, text: String },
    /// `cluster_info` of the RM database loses the row of this region with this `cm_url` (`research/oms.md` 7.2).
    ForgetCmUrl { code: String, cm_url: String },
    /// The account that logs in has this password from now on.
    SetPassword { password: Secret },
    /// This database goes with everything in it, when it is there.
    DropDatabase { name: String },
}

/// Why the database could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetaDbError {
    /// In the words of the host that tried.
    #[error("no connection to {address}: {reason}")]
    Unreachable { address: String, reason: String },
    #[error("{address} refuses the log-in of {user}: {reason}")]
    LogIn { address: String, user: String, reason: String },
    #[error("a question to {address} failed: {reason}")]
    Question { address: String, reason: String },
}

/// The database, over whatever stream leads to it.
pub trait MetaDb: Send + Sync {
    /// Logs in and out again.
    fn log_in<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
    ) -> BoxFuture<'a, Result<(), MetaDbError>>;

    /// Logs in and reads; changes nothing.
    fn read<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
    ) -> BoxFuture<'a, Result<MetaDbFacts, MetaDbError>>;

    /// Logs in and reads what OMS's databases hold, by their names; one that is not there holds nothing.
    fn contents<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
    ) -> BoxFuture<'a, Result<BTreeMap<String, DatabaseContent>, MetaDbError>>;

    /// Logs in and reads the tables that a change of `cm_url` touches, whole (`research/oms.md` 7.2).
    fn backup<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
    ) -> BoxFuture<'a, Result<Vec<TableRows>, MetaDbError>>;

    /// Logs in and changes one thing; how many rows that were. Done twice it is done once.
    fn change<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
        change: &'a MetaDbChange,
    ) -> BoxFuture<'a, Result<u64, MetaDbError>>;
}
