//! `oms_tsdb_host`: where omsctl runs the time-series database, and what config.yaml says of it then. Its address and port
//! are those of `tsdb_url`, which is filled in when it is not written.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use omsctl_proto::NodeName;

use super::connection::connection;
use super::settings::{mount_path, oms_host_ip, restart_policy};
use super::variables::HostVariables;
use crate::ansible::AnsibleInventory;
use crate::model::{Connection, Tsdb, TsdbServer, TsdbService};
use crate::problem::{Place, Problem, ProblemCode, Problems, nearest};
use crate::sources::Sources;

/// Its host is named by the variable, or is the only one of this group.
const GROUP: &str = "tsdb";
/// As OMS's manual calls it (`research/oms.md` 8).
const CONTAINER: &str = "oms-influxdb";
const DATA: &str = "/data/oms_influxdb";
const PORT: u16 = 8086;
const USER: &str = "oms";

/// The server before config.yaml is read.
pub(super) struct TsdbDraft {
    host: NodeName,
    connection: Connection,
    selected: bool,
    archive: PathBuf,
    data: PathBuf,
    restart_policy: Option<String>,
    address: Option<IpAddr>,
    place: Place,
}

/// The name of the server's host, and where it is written; `None` when omsctl shall run none.
pub(super) fn host_name(
    sources: &Sources,
    inventory: &AnsibleInventory,
    hosts: &[String],
    problems: &mut Problems,
) -> Option<(String, Place)> {
    let mut named: Vec<(String, Place)> = Vec::new();
    for host in hosts {
        let Some(variables) = inventory.host_variables(host) else { continue };
        let mut of_host = HostVariables { host, variables, sources, vault: inventory.vault(), problems };
        let Some(at) = of_host.text(&["oms_tsdb_host"]) else { continue };
        if !named.iter().any(|(name, _)| *name == at.value) {
            named.push((at.value, at.place));
        }
    }
    match named.as_slice() {
        [] => alone_in_group(inventory, problems),
        [(name, place)] => known(inventory, name, place, problems),
        [(first, _), (second, place), ..] => {
            let problem = Problem::error(
                ProblemCode::VariableConflict,
                "OMS has one time-series database for all hosts",
            )
            .at(place)
            .key("oms_tsdb_host")
            .found(format!("{first} and {second}"));
            problems.push(problem.hint("set oms_tsdb_host once, below [oms:vars]"));
            None
        }
    }
}

fn known(
    inventory: &AnsibleInventory,
    name: &str,
    place: &Place,
    problems: &mut Problems,
) -> Option<(String, Place)> {
    if inventory.host_variables(name).is_some() {
        return Some((name.to_owned(), place.clone()));
    }
    let problem = Problem::error(ProblemCode::VariableValue, "`oms_tsdb_host` is no host of the inventory")
        .at(place)
        .key("oms_tsdb_host")
        .found(name)
        .nearest(nearest(name, inventory.host_names()).map(str::to_owned));
    problems.push(problem.hint("write a section [tsdb] and the host below it"));
    None
}

fn alone_in_group(inventory: &AnsibleInventory, problems: &mut Problems) -> Option<(String, Place)> {
    let members = inventory.hosts_in_group(GROUP)?;
    let (first, rest) = members.split_first()?;
    let place = inventory.place_of(first)?.clone();
    if rest.is_empty() {
        return Some(((*first).to_owned(), place));
    }
    let problem =
        Problem::error(ProblemCode::VariableConflict, "OMS has one time-series database for all hosts")
            .at(&place)
            .key(GROUP)
            .found(members.join(", "));
    problems.push(problem.hint("leave one host in the group [tsdb], or name it with oms_tsdb_host"));
    None
}

/// Everything that the inventory says of it.
pub(super) fn read(
    sources: &Sources,
    inventory: &AnsibleInventory,
    (name, place): (&str, Place),
    (hosts, selected): (&[String], &BTreeSet<String>),
    problems: &mut Problems,
) -> Option<TsdbDraft> {
    let variables = inventory.host_variables(name)?;
    let mut of_host = HostVariables { host: name, variables, sources, vault: inventory.vault(), problems };
    let connection = connection(&mut of_host);
    let own = of_host.local_file(&["oms_tsdb_archive"]);
    let data = mount_path(&mut of_host, "oms_tsdb_dir");
    let restart_policy = restart_policy(&mut of_host);
    let address = oms_host_ip(&mut of_host)
        .or_else(|| connection.address.parse().ok().filter(|address: &IpAddr| !address.is_loopback()));
    let node = NodeName::new(name).ok()?;
    // Written for the OMS hosts, it is as good.
    let of_group = |name: &'static str, problems: &mut Problems| {
        let host = hosts.first()?;
        let variables = inventory.host_variables(host)?;
        let mut of_host = HostVariables { host, variables, sources, vault: inventory.vault(), problems };
        of_host.text(&[name]).map(|_| ())?;
        match name {
            "oms_tsdb_dir" => mount_path(&mut of_host, name),
            _ => of_host.local_file(&[name]),
        }
    };
    let before = problems.0.len();
    let archive = own.or_else(|| of_group("oms_tsdb_archive", problems));
    let data = data.or_else(|| of_group("oms_tsdb_dir", problems)).unwrap_or_else(|| PathBuf::from(DATA));
    let written = variables.contains_key("oms_tsdb_archive") || problems.0.len() > before;
    let Some(archive) = archive else {
        if !written {
            let problem = Problem::error(
                ProblemCode::VariableMissing,
                "no image is named for the time-series database",
            );
            problems.push(
                problem
                    .at(&place)
                    .key("oms_tsdb_archive")
                    .allowed("an archive of InfluxDB 1.x on this machine (tar, tar.gz, tar.zst)")
                    .hint("`docker save influxdb:1.8` makes one where there is internet"),
            );
        }
        return None;
    };
    let selected = selected.contains(name);
    Some(TsdbDraft { host: node, connection, selected, archive, data, restart_policy, address, place })
}

impl TsdbDraft {
    /// What config.yaml leaves out follows from the server; what contradicts it is told.
    pub(super) fn fill(&self, tsdb: &mut Tsdb, problems: &mut Problems) {
        let told = |key: &'static str, message: String| {
            Problem::error(ProblemCode::Tsdb, message).at(&self.place).key(key)
        };
        if tsdb.enabled == Some(false) {
            let message =
                format!("`tsdb_enabled` is false, and {} shall run the time-series database", self.host);
            problems.push(
                told("tsdb_enabled", message)
                    .hint("leave tsdb_enabled out of config.yaml, or oms_tsdb_host and the group tsdb out of the inventory"),
            );
        }
        tsdb.enabled.get_or_insert(true);
        tsdb.service.get_or_insert(TsdbService::Influxdb);
        tsdb.username.get_or_insert_with(|| USER.to_owned());
        if let Some(user) = tsdb.username.as_ref().filter(|user| !fits(user)) {
            let problem =
                told("tsdb_username", "the user of the time-series database cannot be made".to_owned());
            problems.push(problem.found(user).allowed("letters, digits, `_`, `.` and `-`"));
        }
        match (&tsdb.url, self.address) {
            (None, Some(IpAddr::V6(address))) => tsdb.url = Some(format!("[{address}]:{PORT}")),
            (None, Some(address)) => tsdb.url = Some(format!("{address}:{PORT}")),
            (None, None) => {
                let message = format!("nobody knows the address at which OMS finds {}", self.host);
                problems.push(told("tsdb_url", message).hint(format!(
                    "set oms_host_ip on the line of {}, or tsdb_url: ADDRESS:8086",
                    self.host
                )));
                // Only so that it is not told once more as missing.
                tsdb.url = Some(format!("{}:{PORT}", self.host));
            }
            (Some(url), Some(address)) => {
                let written =
                    url.rsplit_once(':').and_then(|(host, _)| host.trim_matches(['[', ']']).parse().ok());
                if written.is_some_and(|written: IpAddr| written != address) {
                    let message = format!(
                        "`tsdb_url` is not the address of {}, which shall run the database",
                        self.host
                    );
                    problems.push(told("tsdb_url", message).found(url).allowed(format!("{address}:{PORT}")));
                }
            }
            (Some(_), None) => {}
        }
    }

    /// With what config.yaml says; `None` where that is told to be wrong.
    pub(super) fn finish(self, tsdb: &Tsdb) -> Option<TsdbServer> {
        let port = tsdb.url.as_ref()?.rsplit_once(':')?.1.parse().ok()?;
        Some(TsdbServer {
            host: self.host,
            connection: self.connection,
            selected: self.selected,
            archive: self.archive,
            container_name: CONTAINER.to_owned(),
            data: self.data,
            restart_policy: self.restart_policy,
            port,
            username: tsdb.username.clone()?,
            password: tsdb.password.clone()?,
        })
    }
}

/// A name that HTTP's log-in can carry.
fn fits(user: &str) -> bool {
    user.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-'))
}
