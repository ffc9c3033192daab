//! The last proof of a host: the MetaDB shows it as online, with a fresh heartbeat.

use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport, Evidence};
use tokio::time::{Instant, sleep};

use super::MetaDbReader;
use crate::ports::{ClusterRow, Connection, MetaDbFacts};

/// A first heartbeat is expected well under two minutes after the supervisor runs (`research/oms.md` 5).
const LIMIT: Duration = Duration::from_mins(3);
/// A database cannot tell when a row comes, so it is asked.
const INTERVAL: Duration = Duration::from_millis(400);
/// A heartbeat older than this, in seconds, is from before.
const FRESH_S: i64 = 60;

/// What the MetaDB has to show for a host.
#[derive(Debug, Clone)]
pub struct Registration {
    pub reader: MetaDbReader,
    /// `OMS_HOST_IP`.
    pub address: String,
    pub heartbeat_database: String,
    /// `cm_location` and `cm_url` of its region.
    pub cm_url: (u8, String),
    /// Only a heartbeat counts that comes while it is waited for: an older one says nothing about the log-in of now.
    pub anew: bool,
}

impl Registration {
    /// Waits until the rows are there; the error says which one is missing.
    pub(super) async fn wait(&self, connection: &dyn Connection) -> Result<Evidence, ErrorReport> {
        let began = Instant::now();
        loop {
            let missing = match self.reader.read(connection).await {
                Ok(facts) => match self.judge(&facts, began.elapsed()) {
                    Ok(evidence) => return Ok(evidence),
                    Err(missing) => missing,
                },
                Err(error) => error.to_string(),
            };
            if began.elapsed() > LIMIT {
                return Err(ErrorReport::new(
                    ErrorCode::Metadb,
                    format!("{} is not registered", self.address),
                )
                .cause(missing)
                .hint("look at oms_drc_supervisor's log on the host, at OMS_HOST_IP and at cm_nodes"));
            }
            sleep(INTERVAL).await;
        }
    }

    fn judge(&self, facts: &MetaDbFacts, waited: Duration) -> Result<Evidence, String> {
        let host = facts.hosts.iter().find(|row| row.ip == self.address);
        let host = host.ok_or_else(|| format!("the table host has no row for {}", self.address))?;
        if host.status != "ONLINE" {
            return Err(format!("the table host says {} for {}", host.status, self.address));
        }
        let beats = facts.heartbeats.iter();
        let beat = beats.filter(|row| row.ip == self.address && row.database == self.heartbeat_database);
        let age = beat.map(|row| row.age_s).min();
        let age =
            age.ok_or_else(|| format!("{} has no heartbeat of {}", self.heartbeat_database, self.address))?;
        if age > FRESH_S {
            return Err(format!("the last heartbeat of {} is {age} s old", self.address));
        }
        // Databases cut seconds off.
        if self.anew && u64::try_from(age).is_ok_and(|age| age + 1 > waited.as_secs()) {
            return Err(format!("{} has sent no heartbeat since its services were restarted", self.address));
        }
        let (location, url) = &self.cm_url;
        let of_region = |row: &&ClusterRow| row.location() == Some(*location);
        match facts.clusters.iter().find(of_region) {
            Some(row) if row.has_url(url) => {}
            Some(row) => return Err(format!("cluster_info has {} for cm_location {location}", row.cm_url)),
            None => return Err(format!("cluster_info has no row for cm_location {location}")),
        }
        Ok(Evidence::from([
            ("cm_url".to_owned(), url.clone()),
            ("host_ip".to_owned(), self.address.clone()),
            ("host_status".to_owned(), host.status.clone()),
            ("heartbeat_age_s".to_owned(), age.to_string()),
        ]))
    }
}
