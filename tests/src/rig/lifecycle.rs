//! An instance from nothing to up, to empty, to gone. What exists is reused, so that a second `up` takes seconds.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::archives::{self, OmsImage};
use super::assembly::{build_shared, lock, machine_lock, parallel, start_all};
use super::engine::inspect;
use super::host_docker::HostDocker;
use super::instance::{Instance, MOST_NODES};
use super::judge::{Fault, Record};
use super::layout::Layout;
use super::operator_files::{self, HostLine};
use super::{MetaDbKind, MetaDbServer, Node, RigError, engine, keys, packages};

/// The instance that all suites share, one test at a time: one set of hosts and one MetaDB is enough for a machine.
pub const TEST_INSTANCE: &str = "verify";

/// What to bring up.
#[derive(Debug, Clone)]
pub struct Options {
    /// The instance's name; its files are in `target/rig/NAME`.
    pub name: String,
    /// Hosts that must be there; more that are there already stay.
    pub nodes: usize,
    /// Hosts that `inventory.ini` lists, counted from the first; the rest can be added by a line later.
    pub listed: usize,
    /// On every host.
    pub docker: HostDocker,
    /// The server of the MetaDB.
    pub metadb: MetaDbKind,
    /// Whether a MariaDB stands beside, for `--state mysql://…`.
    pub mariadb: bool,
    /// Gets a line for everything that takes time.
    pub progress: fn(&str),
}

impl Options {
    /// `nodes` hosts, all of them listed, a MetaDB on OceanBase, silent.
    pub fn new(name: &str, nodes: usize) -> Self {
        Self {
            name: name.to_owned(),
            nodes,
            listed: nodes,
            docker: HostDocker::default(),
            metadb: MetaDbKind::default(),
            mariadb: false,
            progress: |_| {},
        }
    }
}

/// A rig that is up.
#[derive(Debug)]
pub struct Rig {
    instance: Instance,
    nodes: Vec<Node>,
    metadb: MetaDbServer,
    progress: fn(&str),
    /// Held as long as this value lives, so that two tests never share an instance.
    _turn: Option<File>,
}

impl Rig {
    /// Brings an instance up and keeps it to itself until dropped; waits for its turn when another test has it.
    pub fn up(options: &Options) -> Result<Self, RigError> {
        if !(1..=MOST_NODES).contains(&options.nodes) || options.listed > options.nodes {
            let text = format!("1 to {MOST_NODES} hosts, and no more listed than there are: {options:?}");
            return Err(RigError::Usage(text));
        }
        let layout = Layout::of(&options.name)?;
        layout.create()?;
        let turn = lock(&layout.state.join("turn"))?;
        packages::ensure(options.progress)?;
        engine::ensure(options.progress)?;
        let (node_image, services_image) = build_shared(&layout, options.docker, options.progress)?;
        let instance = {
            let _machine = machine_lock()?;
            Instance::find_or_create(&options.name)?
        };
        let public_key = keys::ensure(&layout)?;
        let count = instance.node_numbers()?.last().copied().unwrap_or(0).max(options.nodes);
        let nodes: Vec<Node> = (1..=count).map(|number| Node::of(&instance, number)).collect();
        let metadb = MetaDbServer::metadb(&instance, options.metadb);
        start_all(&instance, &nodes, &metadb, (&node_image, &services_image), options)?;
        let public: Vec<(Node, String)> = nodes
            .iter()
            .map(|node| Ok((node.clone(), node.let_in(&public_key)?)))
            .collect::<Result<_, RigError>>()?;
        keys::write_client_files(&layout, &public)?;
        let rig = Self { instance, nodes, metadb, progress: options.progress, _turn: Some(turn) };
        rig.write_inventory(&rig.host_lines(options.listed), &[])?;
        rig.write_config(&[])?;
        Ok(rig)
    }

    /// An instance that is up already, as it is; does not wait for a turn.
    pub fn attach(name: &str) -> Result<Self, RigError> {
        let missing =
            || RigError::Usage(format!("no rig `{name}` is up: `cargo rig up 3 --name {name}` makes it"));
        let instance = Instance::find(name)?.ok_or_else(missing)?;
        let metadb = MetaDbServer::find(&instance)?.ok_or_else(missing)?;
        let nodes = instance.node_numbers()?.into_iter().map(|number| Node::of(&instance, number)).collect();
        Ok(Self { instance, nodes, metadb, progress: |_| {}, _turn: None })
    }

    /// Takes an instance down with all its files; nothing happens when it is not up.
    pub fn down(name: &str) -> Result<(), RigError> {
        if let Some(instance) = Instance::find(name)? {
            instance.destroy()?;
        }
        let state = Layout::of(name)?.state;
        if state.exists() {
            fs::remove_dir_all(&state).map_err(RigError::file("remove", &state))
        } else {
            Ok(())
        }
    }

    /// Empties every host and the databases, and puts inventory, config.yaml, timings and faults back. With `images`,
    /// the hosts' images go too.
    pub fn reset(&self, images: bool) -> Result<(), RigError> {
        parallel(&self.nodes, |node| node.reset(images))?;
        // A test may have stopped it; starting a running one changes nothing.
        self.metadb.start()?;
        self.metadb.reset()?;
        self.metadb.prepare_judge()?;
        if let Some(mariadb) = self.mariadb()? {
            mariadb.reset()?;
        }
        self.write_inventory(&self.host_lines(self.nodes.len()), &[])?;
        self.write_config(&[]).map(drop)
    }

    /// All hosts, in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A host by its name, as `node1`.
    pub fn node(&self, name: &str) -> Result<&Node, RigError> {
        let names = || self.nodes.iter().map(Node::name).collect::<Vec<_>>().join(", ");
        let found = self.nodes.iter().find(|node| node.name() == name);
        found.ok_or_else(|| RigError::Usage(format!("no host `{name}` in the rig, there are {}", names())))
    }

    /// The MetaDB.
    pub fn metadb(&self) -> &MetaDbServer {
        &self.metadb
    }

    /// The MariaDB beside, when it was asked for.
    pub fn mariadb(&self) -> Result<Option<MetaDbServer>, RigError> {
        let server = MetaDbServer::mariadb(&self.instance);
        Ok(inspect("container", server.container(), "{{.Id}}")?.map(|_| server))
    }

    /// Rows of statements in the MetaDB, as its root.
    pub fn metadb_query(&self, statements: &str) -> Result<Vec<Vec<Option<String>>>, RigError> {
        self.metadb.query(statements)
    }

    /// Everything that the stand-in's judge wrote down, in order.
    pub fn judge(&self) -> Result<Vec<Record>, RigError> {
        self.metadb.records()
    }

    /// Those records that OMS's manual forbids.
    pub fn violations(&self) -> Result<Vec<Record>, RigError> {
        Ok(self.judge()?.into_iter().filter(|record| record.violation).collect())
    }

    /// Sets how long steps take, in seconds: `check`, `schema`, `config`, `restart`, `resource`.
    pub fn timing(&self, seconds: &[(&str, f64)]) -> Result<(), RigError> {
        self.metadb.set_timing(&seconds.iter().copied().collect())
    }

    /// Sets the language of the initialisation's output, `en` or `zh`.
    pub fn language(&self, language: &str) -> Result<(), RigError> {
        self.metadb.set("language", language)
    }

    /// Breaks a step on purpose.
    pub fn fault(&self, fault: &Fault<'_>) -> Result<(), RigError> {
        self.metadb.add_fault(fault)
    }

    /// Takes all faults away; what hangs goes on.
    pub fn clear_faults(&self) -> Result<(), RigError> {
        self.metadb.clear_faults()
    }

    /// The archive of an OMS image on this machine, made when it is not there.
    pub fn archive(&self, image: OmsImage) -> Result<PathBuf, RigError> {
        let _machine = machine_lock()?;
        archives::ensure(image, &self.instance.layout, self.progress)
    }

    /// The archive of the time-series database on this machine, made when it is not there.
    pub fn archive_influxdb(&self) -> Result<PathBuf, RigError> {
        let _machine = machine_lock()?;
        archives::ensure_influxdb(&self.instance.layout, self.progress)
    }

    /// Loads an image past omsctl on those of these hosts that lack it.
    pub fn have_image(&self, image: OmsImage, nodes: &[Node]) -> Result<(), RigError> {
        let archive = self.archive(image)?;
        parallel(nodes, |node| {
            let found = node.docker(["image", "inspect", "--format", "{{.Id}}", image.reference()])?;
            if found.success() { Ok(()) } else { node.load_image(&archive) }
        })
    }

    /// The same archive compressed, as `.tar.gz`.
    pub fn archive_gzip(&self, image: OmsImage) -> Result<PathBuf, RigError> {
        let _machine = machine_lock()?;
        archives::ensure_gzip(image, &self.instance.layout, self.progress)
    }

    /// The same image as OCI tools write it.
    pub fn archive_oci(&self, image: OmsImage) -> Result<PathBuf, RigError> {
        let _machine = machine_lock()?;
        archives::ensure_oci(image, &self.instance.layout, self.progress)
    }

    /// The instance's folder with keys, `known_hosts`, `ssh_config`, `inventory.ini` and `config.yaml`.
    pub fn state_folder(&self) -> &Path {
        &self.instance.layout.state
    }

    /// The key that every user of every host lets in.
    pub fn key(&self) -> PathBuf {
        self.state_folder().join(keys::KEY)
    }

    /// A key that nobody lets in.
    pub fn wrong_key(&self) -> PathBuf {
        self.state_folder().join(keys::WRONG_KEY)
    }

    /// A certificate and its key for `oms_https_cert` and `oms_https_key`.
    pub fn certificate(&self) -> Result<(PathBuf, PathBuf), RigError> {
        keys::certificate(&self.instance.layout, &self.balancer_address())
    }

    /// `inventory.ini`.
    pub fn inventory(&self) -> PathBuf {
        self.state_folder().join("inventory.ini")
    }

    /// `config.yaml`.
    pub fn config(&self) -> PathBuf {
        self.state_folder().join("config.yaml")
    }

    /// The virtual address: forwards 8088 and 8089 to any host that answers there.
    pub fn balancer_address(&self) -> String {
        self.instance.balancer_address()
    }

    /// `cm_url` of config.yaml.
    pub fn cm_url(&self) -> String {
        format!("http://{}:8088", self.balancer_address())
    }

    /// Inventory lines of the first `count` hosts.
    pub fn host_lines(&self, count: usize) -> Vec<HostLine> {
        self.nodes.iter().take(count).map(HostLine::of).collect()
    }

    /// Writes `inventory.ini` with these hosts; `variables` of all hosts replace the usual ones or come on top.
    pub fn write_inventory(
        &self,
        hosts: &[HostLine],
        variables: &[(&str, &str)],
    ) -> Result<PathBuf, RigError> {
        let archive = OmsImage::Script.path(&self.instance.layout);
        let mut all =
            operator_files::default_variables(&self.instance.layout, &archive.display().to_string());
        overlay(&mut all, variables);
        operator_files::write_inventory(&self.instance.layout, hosts, &all)
    }

    /// Writes `config.yaml`; `keys` (YAML values) replace the usual ones or come on top, an empty value drops the key.
    pub fn write_config(&self, keys: &[(&str, &str)]) -> Result<PathBuf, RigError> {
        let mut all = operator_files::default_config(&self.metadb, &self.cm_url());
        overlay(&mut all, keys);
        operator_files::write_config(&self.instance.layout, &all)
    }
}

/// Replaces values in place, puts new names last, drops those with an empty value.
fn overlay(all: &mut Vec<(String, String)>, changes: &[(&str, &str)]) {
    for (name, value) in changes {
        let place = all.iter().position(|(known, _)| known == name);
        match (place, value.is_empty()) {
            (Some(place), true) => drop(all.remove(place)),
            (Some(place), false) => (*value).clone_into(&mut all[place].1),
            (None, true) => {}
            (None, false) => all.push(((*name).to_owned(), (*value).to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_replace_add_and_drop() {
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let mut all = own(&[("a", "1"), ("b", "2"), ("c", "3")]);
        overlay(&mut all, &[("b", "5"), ("a", ""), ("d", "4"), ("e", "")]);
        assert_eq!(all, own(&[("b", "5"), ("c", "3"), ("d", "4")]));
    }
}
