//! What the MetaDB shows of a host, and what is wrong with it. Ages are the database's own.

use std::net::IpAddr;

use serde::Serialize;

use super::situation::is_address;
use crate::ports::MetaDbFacts;

/// A host without a heartbeat for so long is down to OMS (`research/oms.md` 5).
pub(super) const HEARTBEAT_LIMIT_S: i64 = 540;

/// What the MetaDB shows of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registered {
    pub status: String,
    /// Seconds by the database's clock; `None` without a heartbeat.
    pub heartbeat_age_s: Option<i64>,
}

/// The host's row with the youngest of its heartbeats; `None` when it is not listed.
pub(super) fn find(metadb: &MetaDbFacts, address: IpAddr) -> Option<Registered> {
    let row = metadb.hosts.iter().find(|row| is_address(&row.ip, address))?;
    let ages = metadb.heartbeats.iter().filter(|beat| is_address(&beat.ip, address)).map(|beat| beat.age_s);
    Some(Registered { status: row.status.clone(), heartbeat_age_s: ages.min() })
}

/// Why the host does not count as registered.
pub(super) fn trouble(registered: Option<&Registered>) -> Option<String> {
    let Some(registered) = registered else {
        return Some("the MetaDB does not list the host".to_owned());
    };
    if !registered.status.eq_ignore_ascii_case("online") {
        return Some(format!("the MetaDB shows the host as {}", registered.status));
    }
    match registered.heartbeat_age_s {
        None => Some("the MetaDB has no heartbeat of the host".to_owned()),
        Some(age) if age > HEARTBEAT_LIMIT_S => {
            Some(format!("the last heartbeat of the host is {age} s old"))
        }
        Some(_) => None,
    }
}
