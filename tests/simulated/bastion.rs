//! A bastion with an inventory and a config.yaml in a folder of its own, from which commands are run as an operator
//! does. Its world is the product's but for transport, MetaDB, archives, history and clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::UNIX_EPOCH;

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_controller::cli::{ApplyRequest, Format, Globals, HistoryRequest, PlanRequest, StatusRequest};
use omsctl_controller::command::{self, Passwords, World};
use omsctl_controller::exit::Exit;
use omsctl_controller::out::{Out, Written};
use omsctl_controller::ports::{
    Asked, Background, BackgroundController, Clock, HostTarget, Interrupt, SshConfiguration, SshListing,
};
use omsctl_proto::{ErrorCode, ErrorReport, Event, EventKind, Importance, NodeName, Operator, RunId};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, mpsc};

use crate::fleet::Fleet;
use crate::history::{MemoryStore, assert_whole};

pub(crate) const METADB: (&str, u16) = ("10.0.0.250", 2883);
pub(crate) const PASSWORD: &str = "canary-5e1d";
pub(crate) const CM_URL: &str = "http://oms.example.com:8088";

/// Distinct run ids for all bastions of the process.
static RUNS: AtomicU8 = AtomicU8::new(0);

/// Somewhere an operator sits.
pub(crate) struct Bastion<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) operator: String,
    pub(crate) folder: TempDir,
}

/// How an `apply` went.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) exit: Exit,
    /// The document on stdout.
    pub(crate) document: Value,
    pub(crate) stderr: String,
    pub(crate) run: RunId,
    /// The history of this run.
    pub(crate) events: Vec<Event>,
}

/// Moves with tokio's clock.
struct PausedClock;

impl Clock for PausedClock {
    fn utc_ms(&self) -> u64 {
        let since = omsctl_agent::fakes::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(since.as_millis()).unwrap()
    }
}

/// Other processes are for the end-to-end suite.
struct NoBackground;

impl Background for NoBackground {
    fn start<'a>(
        &'a self,
        _: &'a RunId,
        _: &'a Asked,
    ) -> BoxFuture<'a, Result<BackgroundController, ErrorReport>> {
        async { Err(ErrorReport::new(ErrorCode::Internal, "not in this suite")) }.boxed()
    }
}

/// No SSH is spoken here.
struct NoSshConfiguration;

impl SshConfiguration for NoSshConfiguration {
    fn of(&self, _: &HostTarget) -> Result<SshListing, Vec<String>> {
        Err(vec!["not in this suite".to_owned()])
    }
}

impl<'a> Bastion<'a> {
    /// With an inventory of all hosts.
    pub(crate) fn new(fleet: &'a Fleet) -> Self {
        Self::of(fleet, "ann@bastion")
    }

    pub(crate) fn of(fleet: &'a Fleet, operator: &str) -> Self {
        let folder = crate::fleet::in_memory();
        let bastion = Self { fleet, store: Arc::default(), operator: operator.to_owned(), folder };
        bastion.list_hosts(fleet.hosts.len());
        bastion.write_config("");
        std::fs::write(bastion.folder.path().join("oms.tar"), "").unwrap();
        bastion
    }

    /// The inventory has the first so many hosts.
    pub(crate) fn list_hosts(&self, hosts: usize) {
        let line = |host: &crate::fleet::Host| format!("{} ansible_host={}\n", host.name, host.address);
        let lines: String = self.fleet.hosts.iter().take(hosts).map(line).collect();
        let text = format!("[oms]\n{lines}\n[oms:vars]\noms_image_archive=oms.tar\n");
        std::fs::write(self.folder.path().join("inventory.ini"), text).unwrap();
    }

    /// The manual's file with some more lines.
    pub(crate) fn write_config(&self, more: &str) {
        let (host, port) = METADB;
        let text = format!(
            "oms_meta_host: {host}\noms_meta_port: {port}\noms_meta_user: root@oms#obcluster\n\
             oms_meta_password: \"{PASSWORD}\"\ndrc_rm_db: oms_rm\ndrc_cm_db: oms_cm\n\
             drc_cm_heartbeat_db: oms_cm_hb\ncm_url: {CM_URL}\ncm_location: 1\ncm_region: cn-jiangsu\n\
             cm_region_cn: cn-jiangsu\ncm_is_default: true\n{more}"
        );
        std::fs::write(self.folder.path().join("config.yaml"), text).unwrap();
    }

    pub(crate) fn world(&self) -> (World, Written, mpsc::Sender<Interrupt>) {
        let (out, written) = Out::in_memory();
        let (interrupt, interrupts) = mpsc::channel(4);
        let world = World {
            globals: Globals { yes: true, format: Format::Json, ..Globals::default() },
            out,
            clock: Arc::new(PausedClock),
            transport: Arc::new(self.fleet.transport()),
            ssh: Arc::new(NoSshConfiguration),
            metadb: self.fleet.metadb.clone(),
            archives: Arc::new(self.fleet.archives()),
            background: Arc::new(NoBackground),
            state: Ok(self.store.clone()),
            operator: Operator { who: self.operator.clone(), pid: 1 },
            passwords: Passwords::default(),
            environment: std::collections::BTreeMap::default(),
            working_directory: self.folder.path().to_owned(),
            random: Box::new(|bytes| bytes.fill(RUNS.fetch_add(1, Ordering::Relaxed))),
            interrupts: Mutex::new(interrupts),
        };
        (world, written, interrupt)
    }

    pub(crate) async fn apply(&self) -> Applied {
        self.apply_with(&ApplyRequest::default()).await
    }

    pub(crate) async fn apply_with(&self, request: &ApplyRequest) -> Applied {
        // Held to its end: a closed channel is a bastion without signals, which is another thing.
        let (world, written, _interrupt) = self.world();
        self.apply_in(&world, &written, request).await
    }

    pub(crate) async fn apply_in(&self, world: &World, written: &Written, request: &ApplyRequest) -> Applied {
        let exit = command::apply(world, request, "omsctl apply").await;
        let applied = self.told(exit, written);
        let record = self.store.record(&applied.run).unwrap();
        let recorded = serde_json::to_value(record.result).unwrap();
        assert_eq!(applied.document["result"], recorded, "the history says how it ended");
        applied
    }

    /// What a command that follows a rollout has written.
    pub(crate) fn told(&self, exit: Exit, written: &Written) -> Applied {
        let stderr = written.stderr();
        let document: Value = serde_json::from_str(&written.stdout()).expect(&stderr);
        let run = RunId::new(document["run"].as_str().unwrap()).unwrap();
        let events = self.store.of_run(&run);
        let applied = Applied { exit, document, stderr, run, events };
        applied.assert_consistent(self);
        applied
    }

    /// `omsctl plan`: the steps of every host.
    pub(crate) async fn plan(&self) -> Vec<(String, Vec<String>)> {
        let (world, written, _interrupt) = self.world();
        let exit = command::plan(&world, &PlanRequest::default(), "omsctl plan").await;
        assert_eq!(exit, Exit::Done, "{}", written.stderr());
        let document: Value = serde_json::from_str(&written.stdout()).unwrap();
        let texts = |values: &Value, key: &str| -> Vec<String> {
            values.as_array().unwrap().iter().map(|value| value[key].as_str().unwrap().to_owned()).collect()
        };
        let nodes = texts(&document["nodes"], "node");
        let steps = document["nodes"].as_array().unwrap().iter().map(|node| texts(&node["steps"], "id"));
        nodes.into_iter().zip(steps).collect()
    }

    pub(crate) async fn status(&self) -> (Exit, Value) {
        let (world, written, _interrupt) = self.world();
        let exit = command::status(&world, &StatusRequest { watch: false }, "omsctl status").await;
        (exit, serde_json::from_str(&written.stdout()).unwrap())
    }

    pub(crate) async fn history(&self) -> Value {
        let (world, written, _interrupt) = self.world();
        assert_eq!(command::history(&world, &HistoryRequest { last: 20 }).await, Exit::Done);
        serde_json::from_str(&written.stdout()).unwrap()
    }
}

impl Applied {
    /// The result of every host, in the order of the inventory.
    pub(crate) fn results(&self) -> Vec<(&str, &str)> {
        let nodes = self.document["nodes"].as_array().unwrap().iter();
        nodes.map(|node| (node["node"].as_str().unwrap(), node["result"].as_str().unwrap())).collect()
    }

    /// What the host's error says, as JSON.
    pub(crate) fn error(&self, node: &str) -> String {
        let nodes = self.document["nodes"].as_array().unwrap().iter();
        nodes.filter(|row| row["node"] == node).map(|row| row["error"].to_string()).collect()
    }

    /// Where in the history the first such event is.
    pub(crate) fn position(&self, node: &str, fits: impl Fn(&EventKind) -> bool) -> Option<usize> {
        let of_node = |event: &Event| event.node.as_ref().map_or("", NodeName::as_str) == node;
        self.events.iter().position(|event| of_node(event) && fits(&event.kind))
    }

    pub(crate) fn count(&self, fits: impl Fn(&EventKind) -> bool) -> usize {
        self.events.iter().filter(|event| fits(&event.kind)).count()
    }

    /// Terminal events of hosts.
    pub(crate) fn ends(&self) -> usize {
        let ends = |event: &&Event| event.node.is_some() && event.kind.importance() == Importance::Terminal;
        self.events.iter().filter(ends).count()
    }

    /// True of every run, however it went and whoever tells it.
    fn assert_consistent(&self, bastion: &Bastion<'_>) {
        assert_eq!(self.document["exit"], self.exit.code(), "{}", self.document);
        assert_whole(&self.events, &self.run, bastion.fleet);
        let told = serde_json::to_string(&self.events).unwrap() + &self.stderr + &self.document.to_string();
        assert!(!told.contains(PASSWORD), "the password is told");
    }
}
