//! Opens a MySQL-protocol state store: password file, name, log-in. Knows no table.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use omsctl_proto::Secret;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{ConnectOptions, Connection, MySqlPool};
use tokio::io::AsyncReadExt;

use super::{ServerPlace, StoreProblem};
use crate::adapters::resolver::Resolver;

/// For a log-in, and for a free connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of a password file.
const MAX_PASSWORD_FILE: u64 = 4096;

/// Logs in at the first address that answers.
pub(super) async fn open(place: &ServerPlace) -> Result<MySqlPool, StoreProblem> {
    let password = match &place.password_file {
        Some(path) => Some(read_password(path).await?),
        None => None,
    };
    let host = place.options.get_host().to_owned();
    let mut result = Err(StoreProblem::Name { host: host.clone(), reason: "it has no address".to_owned() });
    let addresses = Resolver::new().resolve(&host).await;
    for address in addresses.map_err(|reason| StoreProblem::Name { host: host.clone(), reason })? {
        result = log_in(place, address, password.as_ref()).await;
        // A server that answered and refused is the right one.
        if !matches!(result, Err(StoreProblem::NoAnswer { .. } | StoreProblem::Database { .. })) {
            break;
        }
    }
    result
}

async fn log_in(
    place: &ServerPlace,
    address: IpAddr,
    password: Option<&Secret>,
) -> Result<MySqlPool, StoreProblem> {
    let options = connect_options(place, address, password);
    // A single connection first: the pool would try a refused one again and again until its time is up.
    match tokio::time::timeout(PATIENCE, options.connect()).await {
        Err(_) => return Err(StoreProblem::NoAnswer { seconds: PATIENCE.as_secs() }),
        Ok(connection) => connection?.close().await?,
    }
    Ok(MySqlPoolOptions::new().max_connections(2).acquire_timeout(PATIENCE).connect_lazy_with(options))
}

/// Without the session settings that sqlx makes by default and that OceanBase and some proxies refuse.
fn connect_options(place: &ServerPlace, address: IpAddr, password: Option<&Secret>) -> MySqlConnectOptions {
    let options = MySqlConnectOptions::clone(&place.options)
        .host(&address.to_string())
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .disable_statement_logging();
    match password {
        Some(password) => options.password(password.expose()),
        None => options,
    }
}

async fn read_password(path: &Path) -> Result<Secret, StoreProblem> {
    let failed = |source| StoreProblem::PasswordFile { path: path.to_owned(), source };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut text = String::new();
    file.take(MAX_PASSWORD_FILE + 1).read_to_string(&mut text).await.map_err(failed)?;
    // From here on it is overwritten when dropped.
    let text = Secret::new(text);
    let password = text.expose().trim_end_matches(['\n', '\r']);
    if text.expose().len() as u64 > MAX_PASSWORD_FILE || password.contains('\n') {
        return Err(StoreProblem::PasswordText { path: path.to_owned(), limit: MAX_PASSWORD_FILE });
    }
    Ok(Secret::new(password))
}
