//! A region gets another `cm_url` (`research/oms.md` 7.2): while its hosts stand, the former one leaves `cluster_info`, of which
//! a copy is kept before.

use omsctl_proto::{ErrorCode, ErrorReport};

use super::MetaDbReader;
use crate::ports::{ClusterRow, Connection, MetaDbChange, MetaDbError, TableRows};

/// What the MetaDB is to say from now on.
#[derive(Debug, Clone)]
pub struct Moving {
    pub reader: MetaDbReader,
    /// `cm_location` and `cm_url` of each region that moves.
    pub regions: Vec<(u8, String)>,
}

/// What is there before.
#[derive(Debug, Clone)]
pub(super) struct Former {
    /// Every table that the change touches.
    pub(super) tables: Vec<TableRows>,
    /// The rows to go; none when an earlier run came so far.
    pub(super) rows: Vec<ClusterRow>,
}

impl Moving {
    /// Reads everything; changes nothing.
    pub(super) async fn look(&self, connection: &dyn Connection) -> Result<Former, ErrorReport> {
        let read = async {
            let facts = self.reader.read(connection).await?;
            let tables = self.reader.backup(connection).await?;
            Ok(Former { tables, rows: facts.clusters.into_iter().filter(|row| self.goes(row)).collect() })
        };
        read.await.map_err(|error| report(&error))
    }

    /// The rows that were looked at go, if they are still the same; how many there were.
    pub(super) async fn forget(
        &self,
        connection: &dyn Connection,
        rows: &[ClusterRow],
    ) -> Result<u64, ErrorReport> {
        let mut gone = 0;
        for row in rows {
            let change = MetaDbChange::ForgetCmUrl { code: row.code.clone(), cm_url: row.cm_url.clone() };
            gone += self.reader.change(connection, &change).await.map_err(|error| report(&error))?;
        }
        let facts = self.reader.read(connection).await.map_err(|error| report(&error))?;
        match facts.clusters.iter().find(|row| self.goes(row)) {
            None => Ok(gone),
            Some(row) => {
                let what = format!("cluster_info has {} for cm_location {} again", row.cm_url, row.code);
                Err(ErrorReport::new(ErrorCode::Metadb, what)
                    .hint("another person writes it; find out who, then run the same command again"))
            }
        }
    }

    fn goes(&self, row: &ClusterRow) -> bool {
        self.regions.iter().any(|(code, url)| row.location() == Some(*code) && !row.has_url(url))
    }
}

fn report(error: &MetaDbError) -> ErrorReport {
    ErrorReport::new(ErrorCode::Metadb, "the former cm_url could not be taken out of cluster_info")
        .cause(error.to_string())
        .hint("mend what the database says and run the same command again: it goes on where it was")
}
