//! Asks the MetaDB by way of a host: the bastion needs no route to it, and "log-in from every host" is a real one.

use std::collections::BTreeMap;
use std::sync::Arc;

use omsctl_proto::{ConnectReply, Secret, read_frame};

use crate::ports::{
    AgentCommand, ByteStream, Connection, DatabaseContent, MetaDb, MetaDbChange, MetaDbError, MetaDbFacts,
    MetaDbNames, MetaDbTarget, TableRows,
};

/// The database and the log-in of this cluster.
#[derive(Clone)]
pub struct MetaDbReader {
    pub database: Arc<dyn MetaDb>,
    pub target: MetaDbTarget,
    pub names: MetaDbNames,
    /// What the account's password was before, when the MetaDB may not know the one of `target` yet.
    pub former: Option<Secret>,
}

/// By which password the MetaDB lets the account in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogIn {
    Wanted,
    /// Only the former one.
    Former,
}

impl std::fmt::Debug for MetaDbReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MetaDbReader").field("target", &self.target).finish_non_exhaustive()
    }
}

impl MetaDbReader {
    /// Logs in from that host, and out again; by the former password where the other one is refused. The error is about the
    /// one that is wanted.
    pub async fn log_in(&self, connection: &dyn Connection) -> Result<LogIn, MetaDbError> {
        let refused = match self.enter(connection).await {
            Ok(()) => return Ok(LogIn::Wanted),
            Err(error) => error,
        };
        match (&refused, self.with_former()) {
            (MetaDbError::LogIn { .. }, Some(former)) => {
                former.enter(connection).await.map(|()| LogIn::Former).map_err(|_| refused)
            }
            _ => Err(refused),
        }
    }

    /// The same account by its former password.
    pub fn with_former(&self) -> Option<Self> {
        let password = self.former.clone()?;
        Some(Self { target: MetaDbTarget { password, ..self.target.clone() }, former: None, ..self.clone() })
    }

    async fn enter(&self, connection: &dyn Connection) -> Result<(), MetaDbError> {
        let stream = self.dial(connection).await?;
        self.database.log_in(stream, &self.target).await
    }

    /// Reads from that host.
    pub async fn read(&self, connection: &dyn Connection) -> Result<MetaDbFacts, MetaDbError> {
        let stream = self.dial(connection).await?;
        self.database.read(stream, &self.target, &self.names).await
    }

    /// What the databases hold, seen from that host.
    pub async fn contents(
        &self,
        connection: &dyn Connection,
    ) -> Result<BTreeMap<String, DatabaseContent>, MetaDbError> {
        let stream = self.dial(connection).await?;
        self.database.contents(stream, &self.target, &self.names).await
    }

    /// Changes one thing from that host; how many rows that were.
    pub async fn change(
        &self,
        connection: &dyn Connection,
        change: &MetaDbChange,
    ) -> Result<u64, MetaDbError> {
        let stream = self.dial(connection).await?;
        self.database.change(stream, &self.target, &self.names, change).await
    }

    /// Reads the tables that a change of `cm_url` touches, from that host.
    pub async fn backup(&self, connection: &dyn Connection) -> Result<Vec<TableRows>, MetaDbError> {
        let stream = self.dial(connection).await?;
        self.database.backup(stream, &self.target, &self.names).await
    }

    async fn dial(&self, connection: &dyn Connection) -> Result<Box<dyn ByteStream>, MetaDbError> {
        let command = AgentCommand::Connect { host: self.target.host.clone(), port: self.target.port };
        let started = connection.run_agent(command).await;
        let mut stream = started.map_err(|error| unreachable_metadb(&self.target, error.one_line()))?;
        match read_frame::<ConnectReply, _>(&mut stream).await {
            Ok(Some(ConnectReply::Connected { .. })) => Ok(stream),
            Ok(Some(ConnectReply::Failed { error })) => {
                Err(unreachable_metadb(&self.target, error.one_line()))
            }
            Ok(None) => Err(unreachable_metadb(&self.target, "the agent closed the channel".to_owned())),
            Err(error) => Err(unreachable_metadb(&self.target, error.to_string())),
        }
    }
}

fn unreachable_metadb(target: &MetaDbTarget, reason: String) -> MetaDbError {
    MetaDbError::Unreachable { address: format!("{}:{}", target.host, target.port), reason }
}
