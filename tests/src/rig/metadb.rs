//! The database beside the hosts: OceanBase (seekdb) or MariaDB, with the account that config.yaml names.

use std::time::Duration;

use super::engine::{docker_ok, inspect};
use super::instance::Instance;
use super::process::Program;
use super::{RigError, sql, until};

/// The account that config.yaml names; it may do everything.
pub const META_USER: &str = "oms";
/// Its password, with what breaks careless quoting.
pub const META_PASSWORD: &str = "Oms#0123'x\"\\y";

const START_PATIENCE: Duration = Duration::from_mins(2);
const SYSTEM: [&str; 6] = ["information_schema", "mysql", "oceanbase", "performance_schema", "sys", "test"];

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetaDbKind {
    /// An OceanBase server, as OMS recommends.
    #[default]
    Seekdb,
    /// MariaDB: the MySQL family, starts quicker.
    Mariadb,
}

impl MetaDbKind {
    fn name(self) -> &'static str {
        match self {
            Self::Seekdb => "seekdb",
            Self::Mariadb => "mariadb",
        }
    }
}

/// A database server of the rig.
#[derive(Debug, Clone)]
pub struct MetaDbServer {
    kind: MetaDbKind,
    container: String,
    address: String,
    port: u16,
}

impl MetaDbServer {
    /// The MetaDB: the container `metadb`.
    pub(super) fn metadb(instance: &Instance, kind: MetaDbKind) -> Self {
        let container = instance.container("metadb");
        Self { kind, container, address: instance.metadb_address(), port: 2881 }
    }

    /// The MySQL-family database for omsctl's own history: the container `mariadb`.
    pub(super) fn mariadb(instance: &Instance) -> Self {
        let container = instance.container("mariadb");
        Self { kind: MetaDbKind::Mariadb, container, address: instance.mariadb_address(), port: 3306 }
    }

    /// The MetaDB of an instance that is up, whichever kind it is.
    pub(super) fn find(instance: &Instance) -> Result<Option<Self>, RigError> {
        let kind = inspect(
            "container",
            &instance.container("metadb"),
            "{{index .Config.Labels \"omsctl.rig.kind\"}}",
        )?;
        Ok(kind.map(|kind| {
            let kind = if kind == "mariadb" { MetaDbKind::Mariadb } else { MetaDbKind::Seekdb };
            Self::metadb(instance, kind)
        }))
    }

    /// Which server it is.
    pub fn kind(&self) -> MetaDbKind {
        self.kind
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its port: 2881 of the MetaDB, 3306 of the other.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The container on this machine's Docker.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Makes or starts the server, waits for it and makes the account.
    pub(super) fn up(&self, instance: &Instance, image: &str, progress: fn(&str)) -> Result<(), RigError> {
        let role = self.container.strip_prefix(&format!("{}-", instance.prefix)).unwrap_or("metadb");
        let template = "{{.Config.Image}} {{index .Config.Labels \"omsctl.rig.kind\"}}";
        let wanted = format!("{image} {}", self.kind.name());
        match inspect("container", &self.container, template)? {
            Some(found) if found == wanted => docker_ok(["start", &self.container]).map(drop)?,
            found => {
                progress(&format!("{role}: making it ({}) at {}", self.kind.name(), self.address));
                if found.is_some() {
                    instance.remove(role)?;
                }
                self.create(instance, role, image)?;
            }
        }
        until(&format!("{role} answers, see docker logs {}", self.container), START_PATIENCE, || {
            self.query("SELECT 1").ok()
        })?;
        let (user, password) = (sql::literal(META_USER), sql::literal(META_PASSWORD));
        self.query(&format!(
            "CREATE USER IF NOT EXISTS {user}@'%' IDENTIFIED BY {password}; GRANT ALL PRIVILEGES ON *.* TO {user}@'%';
             SET GLOBAL time_zone = '+00:00';"
        ))
        .map(drop)
    }

    fn create(&self, instance: &Instance, role: &str, image: &str) -> Result<(), RigError> {
        let volume = instance.volume(&format!("{role}-data"))?;
        let mut arguments = vec!["run".to_owned(), "--detach".to_owned()];
        arguments.extend(instance.common_arguments(role, &self.address));
        arguments.push(format!("--label=omsctl.rig.kind={}", self.kind.name()));
        arguments.push(format!("--volume={volume}:/var/lib/metadb"));
        arguments.extend([image.to_owned(), format!("run-{}", self.kind.name()), self.port.to_string()]);
        docker_ok(arguments).map(drop)
    }

    /// Runs statements as the server's root; answers the rows of those that have any. `None` is NULL.
    pub fn query(&self, statements: &str) -> Result<Vec<Vec<Option<String>>>, RigError> {
        let port = format!("--port={}", self.port);
        let way = match self.kind {
            MetaDbKind::Seekdb => vec!["--host=127.0.0.1", &port],
            MetaDbKind::Mariadb => vec!["--socket=/run/mysqld/mysqld.sock"],
        };
        let output = Program::new("docker")
            .args(["exec", "-i", &self.container, "mariadb", "--user=root", "--batch", "--skip-column-names"])
            .args(["--default-character-set=utf8mb4", "--connect-timeout=5"])
            .args(way)
            .input(statements)
            .run()?;
        Ok(sql::rows(&output.stdout))
    }

    /// Drops every database that is not the server's own.
    pub fn reset(&self) -> Result<(), RigError> {
        let names = self.query("SHOW DATABASES")?;
        let drops: Vec<String> = names
            .iter()
            .filter_map(|row| row.first()?.as_deref())
            .filter(|name| !SYSTEM.contains(&name.to_lowercase().as_str()))
            .map(|name| format!("DROP DATABASE {};", sql::name(name)))
            .collect();
        if drops.is_empty() { Ok(()) } else { self.query(&drops.concat()).map(drop) }
    }

    /// Stops the server: connections are closed.
    pub fn stop(&self) -> Result<(), RigError> {
        docker_ok(["kill", &self.container]).map(drop)
    }

    /// Starts the server again and waits until it answers.
    pub fn start(&self) -> Result<(), RigError> {
        docker_ok(["start", &self.container])?;
        until("the database answers", START_PATIENCE, || self.query("SELECT 1").ok()).map(drop)
    }
}
