//! The MetaDB gets another password for the account by which OMS logs in, while hosts wait with their new files. Done twice
//! it is done once: what the MetaDB takes already is left alone.

use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport};
use tokio::time::{Instant, sleep};

use super::{LogIn, MetaDbReader};
use crate::ports::{Connection, MetaDbChange, MetaDbError};

/// A cluster of databases needs a moment until each of its servers knows the new one.
const LIMIT: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_millis(200);

/// The account, with the new password and perhaps the former one.
#[derive(Debug, Clone)]
pub struct Rotation {
    pub reader: MetaDbReader,
}

/// How the MetaDB came to take the new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Already,
    /// By this controller, just now.
    Changed,
}

impl Rotation {
    /// In the end the MetaDB takes the new password from that host: an account may be another one for each host.
    pub(super) async fn make(&self, connection: &dyn Connection) -> Result<Taken, ErrorReport> {
        match self.reader.log_in(connection).await {
            Ok(LogIn::Wanted) => return Ok(Taken::Already),
            Ok(LogIn::Former) => {}
            Err(error) => {
                // One of them was taken when this run began, so that the database may be between the two.
                let patience = if self.reader.former.is_some() { LIMIT } else { Duration::ZERO };
                let taken = self.is_taken(connection, patience).await;
                return taken.map(|()| Taken::Already).map_err(|_| self.report(&error));
            }
        }
        let password = self.reader.target.password.clone();
        let Some(former) = self.reader.with_former() else { return Ok(Taken::Already) };
        let changed = former.change(connection, &MetaDbChange::SetPassword { password }).await;
        // Whatever it said to that: another host may have been quicker, and an answer may be lost.
        let patience = if changed.is_ok() { LIMIT } else { Duration::ZERO };
        match (self.is_taken(connection, patience).await, changed) {
            (Ok(()), _) => Ok(Taken::Changed),
            (Err(_), Err(error)) | (Err(error), Ok(_)) => Err(self.report(&error)),
        }
    }

    async fn is_taken(&self, connection: &dyn Connection, patience: Duration) -> Result<(), MetaDbError> {
        let began = Instant::now();
        let wanted = MetaDbReader { former: None, ..self.reader.clone() };
        loop {
            match wanted.log_in(connection).await {
                Ok(_) => return Ok(()),
                Err(error) if began.elapsed() >= patience => return Err(error),
                Err(_) => sleep(INTERVAL).await,
            }
        }
    }

    fn report(&self, error: &MetaDbError) -> ErrorReport {
        let hint = match (error, &self.reader.former) {
            (MetaDbError::LogIn { .. }, None) => {
                "the MetaDB has another password still: `omsctl apply --former-metadb-password-file FILE` goes on"
            }
            (MetaDbError::LogIn { .. }, Some(_)) => {
                "see which password the MetaDB has for this account from this host, then run the same command again"
            }
            _ => "mend what the database says and run the same command again: it goes on where it was",
        };
        let user = &self.reader.target.user;
        ErrorReport::new(ErrorCode::Metadb, format!("the MetaDB does not take the new password of {user}"))
            .cause(error.to_string())
            .hint(hint)
    }
}
