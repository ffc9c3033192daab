//! Log-in over a stream. sqlx can only dial sockets, so it dials one in a folder of our own, and what it says there
//! is passed on to the stream.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, Connection, MySqlConnection};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::UnixListener;

use crate::ports::{ByteStream, MetaDbError, MetaDbTarget};

/// For the log-in, and for each question.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes that the database may send over one stream; beyond, the stream ends.
const MAX_RECEIVED: u64 = 256 * 1024 * 1024;

/// Logs in, lets `work` ask, and logs out.
pub(super) async fn with<T>(
    stream: Box<dyn ByteStream>,
    target: &MetaDbTarget,
    work: impl AsyncFnOnce(&mut MySqlConnection) -> Result<T, MetaDbError>,
) -> Result<T, MetaDbError> {
    let unreachable = |reason: String| MetaDbError::Unreachable { address: address(target), reason };
    let folder = tempfile::Builder::new()
        .prefix("omsctl-metadb-")
        .permissions(PermissionsExt::from_mode(0o700))
        .tempdir()
        .map_err(|error| {
            unreachable(format!("no folder for a socket could be made on the bastion: {error}"))
        })?;
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).map_err(|error| {
        unreachable(format!("the socket {} cannot be opened on the bastion: {error}", path.display()))
    })?;
    let session = async {
        let mut connection = log_in(options(target).socket(&path), target).await?;
        let result = work(&mut connection).await;
        // The answers are there already; a log-out that fails or hangs spoils nothing.
        let _ = tokio::time::timeout(PATIENCE, connection.close()).await;
        result
    };
    let mut session = std::pin::pin!(session);
    tokio::select! {
        result = &mut session => result,
        // A stream that ended is told by whatever sqlx was waiting for.
        _ = splice(folder, listener, stream) => session.await,
    }
}

/// As in `oms_meta_host` and `oms_meta_port`.
pub(super) fn address(target: &MetaDbTarget) -> String {
    format!("{}:{}", target.host, target.port)
}

/// Exactly one connection: nobody else finds the socket open. Its folder goes at once, so that a killed controller leaves
/// none.
async fn splice(folder: TempDir, listener: UnixListener, stream: Box<dyn ByteStream>) -> io::Result<()> {
    let (mut socket, _) = listener.accept().await?;
    drop((listener, folder));
    let (receive, send) = tokio::io::split(stream);
    let mut limited = tokio::io::join(receive.take(MAX_RECEIVED), send);
    tokio::io::copy_bidirectional(&mut socket, &mut limited).await.map(|_| ())
}

/// No session setting beyond the character set: OceanBase and some proxies refuse the others, and a time zone that
/// differs from the one in which OMS writes would make every heartbeat look old.
fn options(target: &MetaDbTarget) -> MySqlConnectOptions {
    let options = MySqlConnectOptions::new()
        .username(&target.user)
        .ssl_mode(MySqlSslMode::Preferred)
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .statement_cache_capacity(0)
        .disable_statement_logging();
    let password = target.password.expose();
    // An account without password is asked without one, as the mysql client does it.
    if password.is_empty() { options } else { options.password(password) }
}

async fn log_in(options: MySqlConnectOptions, target: &MetaDbTarget) -> Result<MySqlConnection, MetaDbError> {
    let unreachable = |reason: String| MetaDbError::Unreachable { address: address(target), reason };
    match tokio::time::timeout(PATIENCE, options.connect()).await {
        Err(_) => Err(unreachable(format!(
            "it takes the connection and says nothing within {} s; is it a MySQL-protocol port?",
            PATIENCE.as_secs()
        ))),
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(sqlx::Error::Database(error))) => Err(MetaDbError::LogIn {
            address: address(target),
            user: target.user.clone(),
            reason: error.message().to_owned(),
        }),
        Ok(Err(sqlx::Error::Io(error))) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(unreachable("it ended the connection before the log-in".to_owned()))
        }
        Ok(Err(error)) if is_encryption(&error) => Err(unreachable(format!(
            "its TLS cannot be used ({error}); it must speak TLS 1.2 or newer with a certificate of X.509 version 3, \
             or offer none"
        ))),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
    }
}

fn is_encryption(error: &sqlx::Error) -> bool {
    // rustls tells its own errors as invalid data.
    matches!(error, sqlx::Error::Tls(_))
        || matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData)
}
