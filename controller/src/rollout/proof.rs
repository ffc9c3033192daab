//! The last word about a host is the MetaDB's: it shows the host online, or it shows it no longer.

use omsctl_proto::{ErrorCode, ErrorReport, Evidence};

use super::{MetaDbReader, Registration};
use crate::ports::{Connection, MetaDbChange, MetaDbError};

/// What the MetaDB has to show in the end.
#[derive(Debug, Clone)]
pub enum Proof {
    Registered(Registration),
    Removed(Removal),
}

impl Proof {
    pub(super) async fn obtain(&self, connection: &dyn Connection) -> Result<Evidence, ErrorReport> {
        match self {
            Self::Registered(registration) => registration.wait(connection).await,
            Self::Removed(removal) => removal.make(connection).await,
        }
    }
}

/// A host that the MetaDB shall not list any more.
#[derive(Debug, Clone)]
pub struct Removal {
    pub reader: MetaDbReader,
    /// `OMS_HOST_IP`.
    pub address: String,
}

impl Removal {
    /// Takes the rows away and looks that they are gone; the evidence keeps what was there.
    ///
    /// # Errors
    /// What the database said, or that the row came back: then OMS still runs on that host.
    pub async fn make(&self, connection: &dyn Connection) -> Result<Evidence, ErrorReport> {
        self.try_to(connection).await.map_err(|error| self.report(&error)).and_then(|(evidence, stays)| {
            let still = || {
                ErrorReport::new(ErrorCode::Metadb, format!("{} is in the table host again", self.address))
                    .hint("OMS runs there still, or another person adds it: stop it, then run this again")
            };
            if stays { Err(still()) } else { Ok(evidence) }
        })
    }

    async fn try_to(&self, connection: &dyn Connection) -> Result<(Evidence, bool), MetaDbError> {
        let before = self.reader.read(connection).await?;
        let mut evidence = Evidence::from([("host_ip".to_owned(), self.address.clone())]);
        let rows = before.hosts.iter().filter(|row| row.ip == self.address);
        for row in rows {
            evidence.insert("former_host_status".to_owned(), row.status.clone());
            let group =
                row.resource_group.map(|group| ("former_resource_group_id".to_owned(), group.to_string()));
            evidence.extend(group);
        }
        let change = MetaDbChange::RemoveHost { ip: self.address.clone() };
        let removed = self.reader.change(connection, &change).await?;
        evidence.insert("rows_removed".to_owned(), removed.to_string());
        let after = self.reader.read(connection).await?;
        Ok((evidence, after.hosts.iter().any(|row| row.ip == self.address)))
    }

    fn report(&self, error: &MetaDbError) -> ErrorReport {
        ErrorReport::new(
            ErrorCode::Metadb,
            format!("{} could not be taken out of the table host", self.address),
        )
        .cause(error.to_string())
        .hint("mend what the database says and run the command again: it goes on where it was")
    }
}
