//! What there is of an instance, as `cargo rig status` prints it.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use super::lifecycle::Rig;
use super::{META_USER, RigError};

/// One host of the report.
#[derive(Debug)]
struct HostReport {
    name: String,
    address: String,
    state: String,
    containers: String,
}

/// A report for people.
#[derive(Debug)]
pub struct Report {
    hosts: Vec<HostReport>,
    metadb: String,
    mariadb: Option<String>,
    balancer: String,
    folder: PathBuf,
    violations: String,
}

impl Rig {
    /// Looks at every part of the instance.
    pub fn report(&self) -> Result<Report, RigError> {
        let mut hosts = Vec::new();
        for node in self.nodes() {
            let is_running = node.is_running()?;
            let containers = node.docker(["ps", "--all", "--format", "{{.Names}} ({{.Status}})"])?;
            let state = match (is_running, containers.success()) {
                (false, _) => "off",
                (true, false) => "on, Docker does not answer",
                (true, true) => "on",
            };
            hosts.push(HostReport {
                name: node.name().to_owned(),
                address: node.address().to_owned(),
                state: state.to_owned(),
                containers: containers.stdout.trim().replace('\n', ", "),
            });
        }
        let violations = match self.violations() {
            Ok(found) if found.is_empty() => "none".to_owned(),
            Ok(found) => found
                .iter()
                .map(|record| format!("{} on {}", record.kind, record.host))
                .collect::<Vec<_>>()
                .join(", "),
            Err(error) => format!("unknown: {error}"),
        };
        Ok(Report {
            hosts,
            metadb: format!("{}:{} as {META_USER}", self.metadb().address(), self.metadb().port()),
            mariadb: self
                .mariadb()?
                .map(|server| format!("{}:{} as {META_USER}", server.address(), server.port())),
            balancer: self.balancer_address(),
            folder: self.state_folder().to_owned(),
            violations,
        })
    }

    /// The configuration that `ssh -F` takes to reach the hosts by name.
    pub fn ssh_config(&self) -> PathBuf {
        self.state_folder().join("ssh_config")
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for host in &self.hosts {
            writeln!(f, "{:8} {:15} {:4} {}", host.name, host.address, host.state, host.containers)?;
        }
        writeln!(f, "{:8} {}", "metadb", self.metadb)?;
        if let Some(mariadb) = &self.mariadb {
            writeln!(f, "{:8} {mariadb}", "mariadb")?;
        }
        writeln!(f, "{:8} {} (8088 and 8089 of any host that answers)", "vip", self.balancer)?;
        writeln!(f, "{:8} {}", "files", self.folder.display())?;
        write!(f, "{:8} {}", "judge", self.violations)
    }
}
