//! Asks the MetaDB by way of a host: the bastion needs no route to it, and "log-in from every host" is a real one.

use std::sync::Arc;

use omsctl_proto::{ConnectReply, ErrorCode, ErrorReport, read_frame};

use crate::ports::{
    AgentCommand, ByteStream, Connection, MetaDb, MetaDbError, MetaDbFacts, MetaDbNames, MetaDbTarget,
};

/// The database and the log-in of this cluster.
#[derive(Clone)]
pub struct MetaDbReader {
    pub database: Arc<dyn MetaDb>,
    pub target: MetaDbTarget,
    pub names: MetaDbNames,
}

impl std::fmt::Debug for MetaDbReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MetaDbReader").field("target", &self.target).finish_non_exhaustive()
    }
}

impl MetaDbReader {
    /// Logs in from that host, and out again.
    pub async fn log_in(&self, connection: &dyn Connection) -> Result<(), ErrorReport> {
        let stream = self.dial(connection).await?;
        self.database.log_in(stream, &self.target).await.map_err(|error| report_metadb_error(&error))
    }

    /// Reads from that host.
    pub async fn read(&self, connection: &dyn Connection) -> Result<MetaDbFacts, ErrorReport> {
        let stream = self.dial(connection).await?;
        self.database
            .read(stream, &self.target, &self.names)
            .await
            .map_err(|error| report_metadb_error(&error))
    }

    async fn dial(&self, connection: &dyn Connection) -> Result<Box<dyn ByteStream>, ErrorReport> {
        let command = AgentCommand::Connect { host: self.target.host.clone(), port: self.target.port };
        let mut stream = connection.run_agent(command).await?;
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

fn unreachable_metadb(target: &MetaDbTarget, reason: String) -> ErrorReport {
    let address = format!("{}:{}", target.host, target.port);
    report_metadb_error(&MetaDbError::Unreachable { address, reason })
}

/// With what to do.
pub fn report_metadb_error(error: &MetaDbError) -> ErrorReport {
    let hint = match error {
        MetaDbError::Unreachable { .. } => {
            "oms_meta_host and oms_meta_port in config.yaml must be reachable from every host: look at the database, \
             the firewall between, and ob_tcp_invited_nodes"
        }
        MetaDbError::LogIn { .. } => {
            "look at oms_meta_user (OceanBase: user@tenant#cluster through OBProxy) and oms_meta_password in config.yaml"
        }
        MetaDbError::Question { .. } => {
            "the user needs all privileges on the databases that config.yaml names"
        }
    };
    ErrorReport::new(ErrorCode::Metadb, error.to_string()).hint(hint)
}
