//! A machine in memory: what it says of itself, and whom it can reach.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_proto::{Digest, DiskFacts, Door, PortHolder, Remedy, Subnet, SystemFacts};

use super::docker::{Daemon, FakeDocker};
use super::network::Network;
use crate::ports::{
    ByteStream, Connected, Host, HostError, HttpAnswer, HttpPost, KeepalivedSeen, Listening, Machine,
    Measured,
};

type Answerer = Arc<dyn Fn() -> Box<dyn ByteStream> + Send + Sync>;

/// One machine; its health page is that of its container.
pub struct FakeHost {
    docker: Arc<FakeDocker>,
    state: Mutex<State>,
}

struct State {
    machine: Machine,
    boots: u32,
    source: Option<IpAddr>,
    listeners: BTreeMap<u16, PortHolder>,
    stale: Vec<String>,
    mounted: Vec<String>,
    reachable: BTreeMap<(String, u16), Answerer>,
    pages: BTreeMap<String, HttpAnswer>,
    network: Network,
    keepalived: Keepalived,
}

impl fmt::Debug for FakeHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FakeHost").finish_non_exhaustive()
    }
}

impl FakeHost {
    pub(super) fn new(name: &str, address: IpAddr, docker: Arc<FakeDocker>) -> Self {
        let measured = Measured { cpus: 16, memory_bytes: 64 << 30, cgroup_version: Some(1) };
        let machine = Machine {
            hostname: name.to_owned(),
            os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            kernel: "6.1.0".to_owned(),
            architecture: "x86_64".to_owned(),
            machine_id: Some(format!("machine-{name}")),
            time_zone: Some("Etc/UTC".to_owned()),
            measured,
            addresses: vec![IpAddr::from([127, 0, 0, 1]), address],
            system: SystemFacts::default(),
        };
        let state = State {
            machine,
            boots: 1,
            source: Some(address),
            listeners: BTreeMap::new(),
            stale: Vec::new(),
            mounted: Vec::new(),
            reachable: BTreeMap::new(),
            pages: BTreeMap::new(),
            network: Network::default(),
            keepalived: Keepalived::default(),
        };
        Self { docker, state: Mutex::new(state) }
    }

    /// Changes what the machine says of itself.
    pub fn change_machine(&self, change: impl FnOnce(&mut Machine)) {
        self.change(|state| change(&mut state.machine));
    }

    /// Something listens on this port.
    pub fn occupy(&self, port: u16, holder: PortHolder) {
        self.change(|state| state.listeners.insert(port, holder));
    }

    /// These bind sources are stale.
    pub fn set_stale(&self, sources: &[&str]) {
        self.change(|state| state.stale = sources.iter().map(|source| (*source).to_owned()).collect());
    }

    /// Something is mounted there, by the path that the agent's own file system has.
    pub fn mount(&self, path: &Path) {
        self.change(|state| state.mounted.push(path.display().to_string()));
    }

    /// Connections to this host and port are answered by what the function makes; all others are refused.
    pub fn reaches(
        &self,
        host: &str,
        port: u16,
        answerer: impl Fn() -> Box<dyn ByteStream> + Send + Sync + 'static,
    ) {
        self.change(|state| state.reachable.insert((host.to_owned(), port), Arc::new(answerer)));
    }

    /// The host is on this network; until then it is alone on one of its own.
    pub fn join(&self, network: &Network) {
        self.change(|state| state.network = network.clone());
    }

    /// `GET` of this address is answered so.
    pub fn serves(&self, url: &str, answer: HttpAnswer) {
        self.change(|state| state.pages.insert(url.to_owned(), answer));
    }

    /// keepalived is not installed.
    pub fn lacks_keepalived(&self) {
        self.change(|state| state.keepalived.missing = true);
    }

    /// omsctl's keepalived dies.
    pub fn kill_keepalived(&self) {
        self.change(|state| state.keepalived.runs = None);
    }

    /// The text that omsctl's keepalived runs with, and how often one was loaded.
    pub fn keepalived_runs(&self) -> (Option<String>, usize) {
        self.change(|state| (state.keepalived.runs.clone(), state.keepalived.loads))
    }

    pub(super) fn boot(&self) {
        self.change(|state| {
            state.boots += 1;
            state.keepalived.runs = None;
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn refused(address: String) -> HostError {
    HostError::Unreachable { address, source: io::ErrorKind::ConnectionRefused.into() }
}

/// keepalived on this host; installed unless a test says otherwise.
#[derive(Debug, Default)]
struct Keepalived {
    missing: bool,
    /// The text that omsctl's own runs with.
    runs: Option<String>,
    /// How often it was told to load one.
    loads: usize,
}

impl Host for FakeHost {
    fn machine(&self) -> Machine {
        self.change(|state| state.machine.clone())
    }

    fn boot_id(&self) -> String {
        self.change(|state| state.boots.to_string())
    }

    fn listeners(&self, ports: &[u16], _: Option<u32>) -> BTreeMap<u16, PortHolder> {
        let mut listeners = self.change(|state| state.listeners.clone());
        listeners.retain(|port, _| ports.contains(port));
        listeners
    }

    fn stale_mounts(&self, _: u32, binds: &[String]) -> Vec<String> {
        let stale = self.change(|state| state.stale.clone());
        let held = |source: &String| binds.iter().any(|bind| bind.starts_with(&format!("{source}:")));
        stale.into_iter().filter(held).collect()
    }

    /// Large and empty: how full the disk of whoever runs a test is must not matter.
    fn file_system(&self, _: &Path) -> Option<DiskFacts> {
        Some(DiskFacts {
            mount_point: "/".to_owned(),
            total_bytes: 1 << 40,
            free_bytes: 1 << 39,
            free_inodes: 1 << 24,
            read_only: false,
        })
    }

    fn mounted_below(&self, path: &Path) -> io::Result<Vec<String>> {
        let mounted = self.change(|state| state.mounted.clone());
        Ok(mounted.into_iter().filter(|point| Path::new(point).starts_with(path)).collect())
    }

    fn source_address<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, Option<IpAddr>> {
        let source = self.change(|state| state.source);
        async move { source }.boxed()
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Connected, HostError>> {
        let peer = format!("{host}:{port}");
        let answerer = self.change(|state| state.reachable.get(&(host.to_owned(), port)).cloned());
        let (network, source) = self.change(|state| (state.network.clone(), state.source));
        let address = host.parse().ok().map(|address| SocketAddr::new(address, port));
        async move {
            if let Some(answerer) = answerer {
                return Ok((answerer(), peer));
            }
            match address {
                Some(address) => network.connect(source, address).await.map(|stream| (stream, peer.clone())),
                None => None,
            }
            .ok_or_else(|| refused(peer))
        }
        .boxed()
    }

    fn listen(&self, door: Door) -> io::Result<Listening> {
        self.change(|state| state.network.clone()).listen(door)
    }

    fn mend(&self, remedy: Remedy) -> BoxFuture<'_, Result<(), HostError>> {
        match remedy {
            Remedy::StartDocker => self.docker.set_daemon(Daemon::Answers),
            Remedy::TurnOffTcpTwRecycle => {
                self.change(|state| state.machine.system.tcp_tw_recycle = Some(false));
            }
            Remedy::Unknown => {}
        }
        async { Ok(()) }.boxed()
    }

    fn interfaces(&self) -> BTreeMap<String, Vec<Subnet>> {
        let subnets = self.change(|state| state.source).map(|address| Subnet { address, prefix_length: 24 });
        BTreeMap::from([("eth0".to_owned(), subnets.into_iter().collect())])
    }

    fn keepalived(&self, _: &Path) -> KeepalivedSeen {
        self.change(|state| KeepalivedSeen {
            program: (!state.keepalived.missing).then(|| "/usr/sbin/keepalived".to_owned()),
            processes: if state.keepalived.runs.is_some() { 2 } else { 0 },
            running: state.keepalived.runs.is_some(),
            others: Vec::new(),
        })
    }

    fn run_keepalived<'a>(&'a self, config: &'a Path) -> BoxFuture<'a, Result<(), HostError>> {
        let ran = if self.change(|state| state.keepalived.missing) {
            Err(HostError::Mend { what: "starting keepalived".to_owned(), why: "there is none".to_owned() })
        } else {
            let text = std::fs::read_to_string(config).unwrap_or_default();
            self.change(|state| {
                state.keepalived.runs = Some(text);
                state.keepalived.loads += 1;
            });
            Ok(())
        };
        async { ran }.boxed()
    }

    fn end_keepalived<'a>(&'a self, _: &'a Path) -> BoxFuture<'a, Result<(), HostError>> {
        self.change(|state| state.keepalived.runs = None);
        async { Ok(()) }.boxed()
    }

    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<HttpAnswer, HostError>> {
        let page = self.change(|state| state.pages.get(url).cloned());
        let own = url.contains("127.0.0.1") && url.ends_with("/oms/health");
        let healthy = own && self.docker.healthy();
        let tsdb = url.ends_with("/ping") && self.docker.tsdb_answers(url);
        async move {
            match page {
                Some(page) => Ok(page),
                None if healthy => Ok(HttpAnswer {
                    status: 200,
                    body: r#"{"success":true,"data":{"healthy":true}}"#.to_owned(),
                }),
                None if tsdb => Ok(HttpAnswer { status: 401, body: String::new() }),
                None => Err(refused(url.to_owned())),
            }
        }
        .boxed()
    }

    fn post<'a>(&'a self, url: &'a str, post: &'a HttpPost) -> BoxFuture<'a, Result<HttpAnswer, HostError>> {
        let answer = self.docker.tsdb_post(url, post);
        async move { answer.ok_or_else(|| refused(url.to_owned())) }.boxed()
    }

    fn served_chain(&self, port: u16) -> BoxFuture<'_, Result<Vec<Digest>, HostError>> {
        let served = self.docker.served_chain();
        async move { served.ok_or_else(|| refused(format!("127.0.0.1:{port}"))) }.boxed()
    }
}
