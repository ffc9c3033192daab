//! The MetaDB as OMS's supervisors fill it: a host's rows come a while after its container is initialised, and its
//! heartbeat follows the container. It is asked over whatever stream the controller got from a host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_agent::fakes::{FakeDatabases, FakeMachine};
use omsctl_agent::ports::{ContainerRuntime, Look};
use omsctl_controller::ports::{
    ByteStream, ClusterRow, DatabaseContent, Grant, HeartbeatRow, HostRow, MetaDb, MetaDbChange, MetaDbError,
    MetaDbFacts, MetaDbNames, MetaDbTarget, SessionRow, TableRows,
};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::Instant;

use crate::bastion::{CM_URL, PASSWORD};
use crate::fleet::CONTAINER;

/// How often a supervisor beats.
pub(crate) const BEAT: Duration = Duration::from_secs(2);
/// From the end of the initialisation to the first row.
const REGISTERS_AFTER: Duration = Duration::from_secs(2);

struct Row {
    initialised: Instant,
    beat: Instant,
}

impl Row {
    fn is_shown(&self) -> bool {
        self.initialised.elapsed() >= REGISTERS_AFTER
    }
}

/// What a host's supervisor knows: the password of when its services started last, and its connection. One that is there
/// outlives a change of the password, as on real servers.
#[derive(Default)]
struct Session {
    /// The container and how often its services were restarted.
    of: (String, usize),
    password: String,
    connected: bool,
}

/// The one database of a fleet.
pub(crate) struct FakeMetaDb {
    rows: Mutex<BTreeMap<String, Row>>,
    log_ins: Mutex<BTreeSet<String>>,
    version: Mutex<String>,
    ha_config: Mutex<String>,
    /// What the programs of OMS's image see of it.
    pub(crate) databases: Arc<Mutex<FakeDatabases>>,
    /// The first initialisation writes it, as OMS does; later ones leave what is there.
    pub(crate) cm_url: Mutex<Option<String>>,
    /// In the order in which they went.
    pub(crate) dropped: Mutex<Vec<String>>,
    /// Of the account by which everybody logs in.
    pub(crate) password: Mutex<String>,
    supervisors: Mutex<BTreeMap<String, Session>>,
    /// What the process list shows.
    pub(crate) sessions: Mutex<Vec<SessionRow>>,
}

impl FakeMetaDb {
    /// Of the OMS that initialises it.
    pub(crate) fn of_version(version: &str) -> Self {
        Self {
            rows: Mutex::default(),
            log_ins: Mutex::default(),
            version: Mutex::new(version.to_owned()),
            cm_url: Mutex::default(),
            dropped: Mutex::default(),
            ha_config: Mutex::new("{\"enable\":false}".to_owned()),
            databases: Arc::new(Mutex::new(FakeDatabases { tables: tables(), ..FakeDatabases::default() })),
            sessions: Mutex::default(),
            password: Mutex::new(PASSWORD.to_owned()),
            supervisors: Mutex::default(),
        }
    }

    /// Every supervisor that runs beats once.
    pub(crate) async fn beat(&self, machines: &[FakeMachine]) {
        for machine in machines {
            let Ok(Some(container)) = machine.docker.container(CONTAINER).await else { continue };
            let inside = machine.docker.inside(CONTAINER, Look::Initialisation).await;
            if !inside.is_ok_and(|inside| inside.init_flag) {
                continue;
            }
            let mut variables = container.facts.environment.iter();
            let address = variables.find_map(|pair| pair.strip_prefix("OMS_HOST_IP=")).unwrap();
            let config = machine.path("/data/oms/config.yaml");
            let config = std::fs::read_to_string(config).unwrap_or_default();
            let restarts = machine.docker.calls().iter().filter(|call| is_restart(call)).count();
            if !self.is_connected(address, (container.facts.id.clone(), restarts), &config) {
                continue;
            }
            let url = config.lines().find_map(|line| line.strip_prefix("cm_url: "));
            let url = url.map_or(CM_URL.to_owned(), |url| url.trim_matches('"').to_owned());
            self.cm_url.lock().unwrap().get_or_insert(url);
            if let Some(version) = version_of(&container.facts.image_reference) {
                version.clone_into(&mut self.version.lock().unwrap());
            }
            let now = Instant::now();
            let mut rows = self.rows.lock().unwrap();
            rows.entry(address.to_owned()).or_insert(Row { initialised: now, beat: now }).beat = now;
        }
    }

    fn is_connected(&self, address: &str, of: (String, usize), config: &str) -> bool {
        let mut supervisors = self.supervisors.lock().unwrap();
        let session = supervisors.entry(address.to_owned()).or_default();
        if session.of != of {
            let password = config.lines().find_map(|line| line.strip_prefix("oms_meta_password: "));
            let password = password.unwrap_or_default().trim_matches('"').to_owned();
            *session = Session { of, password, connected: false };
        }
        session.connected |= session.password == *self.password.lock().unwrap();
        session.connected
    }

    /// The machines from which somebody logged in.
    pub(crate) fn log_ins(&self) -> Vec<String> {
        self.log_ins.lock().unwrap().iter().cloned().collect()
    }

    /// The database says its first word: by way of which machine it is asked.
    async fn greet(&self, stream: Box<dyn ByteStream>, target: &MetaDbTarget) -> Result<(), MetaDbError> {
        let address = format!("{}:{}", target.host, target.port);
        let mut machine = String::new();
        let read = BufReader::new(stream).read_line(&mut machine).await;
        if read.is_err() || !machine.ends_with('\n') {
            return Err(MetaDbError::Question { address, reason: "the connection broke off".to_owned() });
        }
        if target.password.expose() != *self.password.lock().unwrap() {
            let reason = "wrong password".to_owned();
            return Err(MetaDbError::LogIn { address, user: target.user.clone(), reason });
        }
        self.log_ins.lock().unwrap().insert(machine.trim().to_owned());
        Ok(())
    }

    /// Whether there are rows of this address.
    pub(crate) fn shows(&self, address: &str) -> bool {
        self.rows.lock().unwrap().get(address).is_some_and(Row::is_shown)
    }

    fn facts(&self, names: &MetaDbNames) -> MetaDbFacts {
        let rows = self.rows.lock().unwrap();
        let shown = || rows.iter().filter(|(_, row)| row.is_shown());
        let used = !rows.is_empty();
        let dropped = self.dropped.lock().unwrap();
        let databases = [names.rm.clone(), names.cm.clone()].into_iter().chain(names.heartbeats.clone());
        let cluster = self.cm_url.lock().unwrap().clone().map(|cm_url| ClusterRow {
            region: "cn-jiangsu".to_owned(),
            cm_url,
            code: "1".to_owned(),
            is_default: true,
        });
        let host =
            |ip: &String| HostRow { ip: ip.clone(), status: "ONLINE".to_owned(), resource_group: Some(1) };
        let heartbeat = |(ip, row): (&String, &Row)| HeartbeatRow {
            database: names.heartbeats[0].clone(),
            ip: ip.clone(),
            age_s: i64::try_from(row.beat.elapsed().as_secs()).unwrap(),
        };
        let now = omsctl_agent::fakes::now().duration_since(UNIX_EPOCH).unwrap();
        let ha_config = self.ha_config.lock().unwrap().clone();
        MetaDbFacts {
            server_version: "5.7.25-OceanBase".to_owned(),
            utc_ms: u64::try_from(now.as_millis()).unwrap(),
            time_zone: "+00:00".to_owned(),
            databases: databases.filter(|name| used && !dropped.contains(name)).collect(),
            hosts: shown().map(|(ip, _)| host(ip)).collect(),
            heartbeats: shown().map(heartbeat).collect(),
            clusters: cluster.into_iter().collect(),
            resource_groups: BTreeMap::from([(1, "1".to_owned())]),
            oms_version: used.then(|| self.version.lock().unwrap().clone()),
            ha_enabled: Some(ha_config.contains("\"enable\":true")),
            ha_config: Some(ha_config),
            grants: Some(vec![Grant::Privileges {
                privileges: ["ALL PRIVILEGES".to_owned()].into(),
                on: None,
            }]),
            sessions: self.sessions.lock().unwrap().clone(),
        }
    }
}

impl MetaDb for FakeMetaDb {
    fn log_in<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
    ) -> BoxFuture<'a, Result<(), MetaDbError>> {
        self.greet(stream, target).boxed()
    }

    fn read<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
    ) -> BoxFuture<'a, Result<MetaDbFacts, MetaDbError>> {
        async move {
            self.greet(stream, target).await?;
            Ok(self.facts(names))
        }
        .boxed()
    }

    fn contents<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
    ) -> BoxFuture<'a, Result<BTreeMap<String, DatabaseContent>, MetaDbError>> {
        async move {
            self.greet(stream, target).await?;
            let databases = self.databases.lock().unwrap();
            let of = |name: &String| databases.tables.get(name).into_iter().flatten().cloned().collect();
            let names = [&names.rm, &names.cm].into_iter().chain(&names.heartbeats);
            Ok(names.map(|name| (name.clone(), DatabaseContent { tables: of(name), bytes: 1000 })).collect())
        }
        .boxed()
    }

    fn backup<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
    ) -> BoxFuture<'a, Result<Vec<TableRows>, MetaDbError>> {
        async move {
            self.greet(stream, target).await?;
            let url = self.cm_url.lock().unwrap().clone();
            let row = |url| BTreeMap::from([("cm_url".to_owned(), Some(url))]);
            Ok(vec![TableRows {
                table: format!("{}.cluster_info", names.rm),
                rows: url.into_iter().map(row).collect(),
            }])
        }
        .boxed()
    }

    fn change<'a>(
        &'a self,
        stream: Box<dyn ByteStream>,
        target: &'a MetaDbTarget,
        names: &'a MetaDbNames,
        change: &'a MetaDbChange,
    ) -> BoxFuture<'a, Result<u64, MetaDbError>> {
        async move {
            self.greet(stream, target).await?;
            let mut rows = self.rows.lock().unwrap();
            match change {
                MetaDbChange::RemoveHost { ip } => Ok(u64::from(rows.remove(ip).is_some())),
                MetaDbChange::ForgetCmUrl { cm_url, .. } => {
                    let mut recorded = self.cm_url.lock().unwrap();
                    let same = recorded.as_ref() == Some(cm_url);
                    if same {
                        *recorded = None;
                    }
                    Ok(u64::from(same))
                }
                MetaDbChange::SetPassword { password } => {
                    password.expose().clone_into(&mut self.password.lock().unwrap());
                    Ok(0)
                }
                MetaDbChange::DropDatabase { name } => {
                    if *name == names.cm {
                        rows.clear();
                    }
                    self.dropped.lock().unwrap().push(name.clone());
                    Ok(0)
                }
                MetaDbChange::SetHaConfig { former, text } => {
                    let mut config = self.ha_config.lock().unwrap();
                    let same = *config == *former;
                    if same {
                        config.clone_from(text);
                    }
                    Ok(u64::from(same))
                }
            }
        }
        .boxed()
    }
}

fn is_restart(call: &str) -> bool {
    call.starts_with("exec supervisorctl restart") && call.contains("oms_drc_supervisor")
}

/// `feature_4.2.7_ce`: what initialised it is what it holds.
pub(crate) fn version_of(reference: &str) -> Option<&str> {
    reference.split('_').nth(1)
}

/// Of OMS's databases, a few.
fn tables() -> BTreeMap<String, Vec<String>> {
    let tables = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    BTreeMap::from([
        ("oms_rm".to_owned(), tables(&["cluster_info", "oms_version"])),
        ("oms_cm".to_owned(), tables(&["host"])),
        ("oms_cm_hb".to_owned(), tables(&["heart_beat", "heatbeat_sequence"])),
    ])
}
