//! Clusters for the planner's tests: a deployment with what would be seen of it, and the change that a walked plan
//! makes to that. Not a stand-in for an agent: it only knows what every action promises.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use omsctl_inventory::{
    Become, CmUrl, ConfiguredPort, Connection, ConnectionMethod, Deployment, Host, HostSettings, ImageSource,
    InitBy, InitOrder, MetaDbLogin, MountPaths, OmsConfig, OmsPorts, Region, RegionName, Scheme, Tsdb,
    TsdbSettings, VirtualIp, render_config,
};
use omsctl_proto::{
    Action, ContainerFacts, ContainerSpec, Digest, DiskFacts, DockerFacts, ErrorCode, ErrorReport, Facts,
    FileFacts, FingerprintKey, HealthFacts, ImageFacts, InitFacts, InitState, NodeName, PathState, RunId,
    Secret, Step, WantedImage, WireSecret,
};

use super::findings::SERVICES;
use super::input::{Goal, Observed};
use super::output::Plan;
use super::planner::plan;
use super::refusal::Refusals;
use crate::ports::ArchiveIdentity;
use crate::ports::{ClusterRow, HeartbeatRow, HostRow, MetaDbFacts};

pub(super) const PASSWORD: &str = "canary-password";
pub(super) const ARCHIVE: &str = "/images/oms.tar.gz";

pub(super) fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

pub(super) fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// A deployment and what is seen of it.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) deployment: Deployment,
    pub(super) observed: Observed,
    pub(super) goal: Goal,
}

impl Cluster {
    /// Hosts `n1`, `n2`, … at 10.0.0.1, 10.0.0.2, … with Docker and nothing else.
    pub(super) fn fresh(hosts: u8) -> Self {
        let region = Region { name: RegionName::default(), config: config(), hosts: Vec::new() };
        let mut cluster = Self {
            deployment: Deployment { hosts: Vec::new(), regions: vec![region] },
            observed: Observed {
                metadb: Some(Ok(MetaDbFacts { server_version: "5.7".to_owned(), ..MetaDbFacts::default() })),
                archives: BTreeMap::from([(PathBuf::from(ARCHIVE), archive("4.2.7"))]),
                ..Observed::default()
            },
            goal: Goal {
                run: RunId::new("run1").unwrap(),
                key: FingerprintKey::new([7; 32]),
                join_metadb: false,
                keep_going: false,
                leave_out: std::collections::BTreeSet::new(),
            },
        };
        for _ in 0..hosts {
            cluster.add_host();
        }
        cluster
    }

    /// As [`Self::fresh`], after a rollout.
    pub(super) fn ready(hosts: u8) -> Self {
        let mut cluster = Self::fresh(hosts);
        let plan = cluster.plan().unwrap();
        cluster.walk(&plan);
        cluster
    }

    /// One more line of the inventory.
    pub(super) fn add_host(&mut self) {
        let number = self.deployment.hosts.len() + 1;
        let node = name(&format!("n{number}"));
        let address: IpAddr = format!("10.0.0.{number}").parse().unwrap();
        self.deployment.hosts.push(host(&node, address));
        self.deployment.regions[0].hosts.push(node.clone());
        self.observed.logins.insert(node.clone(), Ok(()));
        self.observed.facts.insert(node.clone(), Ok(facts(&node, address)));
    }

    pub(super) fn plan(&self) -> Result<Plan, Refusals> {
        plan(&self.deployment, &self.observed, &self.goal)
    }

    /// The steps of a host, gates before them: `turn:write_config`.
    pub(super) fn steps(&self, node: &str) -> Vec<String> {
        let plan = self.plan().unwrap();
        steps_of(&plan, node)
    }

    pub(super) fn why(&self, node: &str, step: &str) -> String {
        let plan = self.plan().unwrap();
        let planned = plan.node(&name(node)).unwrap().planned();
        planned.into_iter().find(|planned| planned.id.as_str() == step).unwrap().why
    }

    /// What is refused, as one text.
    pub(super) fn refused(&self) -> String {
        let refusals = self.plan().unwrap_err();
        refusals
            .reports()
            .iter()
            .map(|report| format!("{} | {}", report.one_line(), report.hint.as_deref().unwrap_or("")))
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub(super) fn config(&mut self) -> &mut OmsConfig {
        &mut self.deployment.regions[0].config
    }

    pub(super) fn settings(&mut self, node: &str) -> &mut HostSettings {
        let node = name(node);
        &mut self.deployment.hosts.iter_mut().find(|host| host.name == node).unwrap().settings
    }

    pub(super) fn facts(&mut self, node: &str) -> &mut Facts {
        self.observed.facts.get_mut(&name(node)).unwrap().as_mut().unwrap()
    }

    pub(super) fn container(&mut self, node: &str) -> &mut ContainerFacts {
        self.facts(node).container.as_mut().unwrap()
    }

    pub(super) fn metadb(&mut self) -> &mut MetaDbFacts {
        self.observed.metadb.as_mut().unwrap().as_mut().unwrap()
    }

    pub(super) fn unreachable(&mut self, node: &str) {
        let error = ErrorReport::new(ErrorCode::Unreachable, "no route to host");
        self.observed.facts.insert(name(node), Err(error));
    }

    pub(super) fn limit(&mut self, nodes: &[&str]) {
        for host in &mut self.deployment.hosts {
            host.selected = nodes.contains(&host.name.as_str());
        }
    }

    /// The line disappears from the inventory; the host stays as it is.
    pub(super) fn drop_line(&mut self, node: &str) {
        let node = name(node);
        self.deployment.hosts.retain(|host| host.name != node);
        self.deployment.regions[0].hosts.retain(|host| *host != node);
        self.observed.facts.remove(&node);
    }

    pub(super) fn write_config(&mut self, node: &str, text: String) {
        let inside = self.goal.key.of(text.as_bytes());
        let facts = self.facts(node);
        facts.config = Some(WireSecret(Secret::new(text)));
        if let Some(container) = &mut facts.container {
            container.config_inside = Some(inside);
        }
    }

    pub(super) fn rendered(&self) -> String {
        let region = &self.deployment.regions[0];
        let nodes: Vec<IpAddr> = region
            .hosts
            .iter()
            .map(|node| self.deployment.host(node).unwrap().connection.address.parse().unwrap())
            .collect();
        render_config(region, &nodes).expose().to_owned()
    }

    /// Makes true what the plan promises.
    pub(super) fn walk(&mut self, plan: &Plan) {
        for node in plan.nodes.clone() {
            for step in &node.steps {
                self.take(node.node.as_str(), step);
            }
            if node.register.is_some() {
                let address = self.deployment.host(&node.node).unwrap().connection.address.clone();
                self.register(&address);
            }
        }
    }

    pub(super) fn register(&mut self, address: &str) {
        let metadb = self.metadb();
        metadb.hosts.retain(|row| row.ip != address);
        metadb.hosts.push(HostRow {
            ip: address.to_owned(),
            status: "ONLINE".to_owned(),
            resource_group: Some(1),
        });
        metadb.heartbeats.push(HeartbeatRow {
            database: "oms_hb".to_owned(),
            ip: address.to_owned(),
            age_s: 3,
        });
        metadb.resource_groups = BTreeMap::from([(1, "7".to_owned())]);
        metadb.oms_version = Some("4.2.7".to_owned());
        metadb.clusters = vec![ClusterRow {
            region: "cn-hangzhou".to_owned(),
            cm_url: "http://10.0.0.100:8088".to_owned(),
            code: "7".to_owned(),
            is_default: true,
        }];
    }

    fn take(&mut self, node: &str, step: &Step) {
        let key = self.goal.key.clone();
        let rendered = self.rendered();
        let facts = self.facts(node);
        match &step.action {
            Action::MakeDirectories { paths } => {
                facts.paths.extend(paths.iter().map(|path| (path.clone(), PathState::Directory)));
            }
            Action::WriteCertificates { files } => {
                facts.files.extend(files.iter().map(|file| {
                    (file.path.clone(), FileFacts { fingerprint: file.fingerprint.clone(), mode: file.mode })
                }));
            }
            Action::WriteConfig { container, .. } => {
                let inside = container.is_some().then(|| key.of(rendered.as_bytes()));
                facts.config = Some(WireSecret(Secret::new(rendered)));
                if let (Some(found), Some(inside)) = (&mut facts.container, inside) {
                    found.config_inside = Some(inside);
                }
            }
            Action::LoadImage { image, .. } => load(facts, image),
            Action::CreateContainer { container, .. } => {
                let inside = facts.config.as_ref().map(|text| key.of(text.0.expose().as_bytes()));
                let mut found = created(container, &facts.docker);
                found.config_inside = inside;
                facts.container = Some(found);
            }
            Action::StartContainer { .. } | Action::RestartContainer { .. } => {
                let inside = facts.config.as_ref().map(|text| key.of(text.0.expose().as_bytes()));
                let found = facts.container.as_mut().unwrap();
                found.running = true;
                "running".clone_into(&mut found.status);
                found.stale_mounts.clear();
                found.config_inside = inside;
            }
            Action::Initialise { .. } => {
                facts.container.as_mut().unwrap().initialisation.state = InitState::Succeeded;
            }
            Action::ReloadConfig { .. } => {}
            Action::AwaitServices { .. } => {
                let services = SERVICES.iter().map(|name| ((*name).to_owned(), "RUNNING".to_owned()));
                facts.container.as_mut().unwrap().services = services.collect();
            }
            Action::AwaitHealthy { .. } => {
                facts.container.as_mut().unwrap().health =
                    Some(HealthFacts { healthy: true, answer: "200".to_owned() });
            }
        }
    }
}

pub(super) fn steps_of(plan: &Plan, node: &str) -> Vec<String> {
    let planned = plan.node(&name(node)).unwrap().planned();
    planned
        .into_iter()
        .map(|step| match step.gate {
            Some(gate) => format!("{gate}:{}", step.id),
            None => step.id.to_string(),
        })
        .collect()
}

fn load(facts: &mut Facts, image: &WantedImage) {
    let DockerFacts::Answers { images, .. } = &mut facts.docker else { panic!("Docker is down") };
    images.push(ImageFacts {
        id: image.config.clone().unwrap_or_else(|| digest(&image.reference)),
        references: vec![image.reference.clone()],
        layers: image.layers.clone(),
        architecture: "amd64".to_owned(),
    });
}

fn created(spec: &ContainerSpec, docker: &DockerFacts) -> ContainerFacts {
    let DockerFacts::Answers { images, .. } = docker else { panic!("Docker is down") };
    let image = super::image::find(&spec.image, images).expect("the image is loaded before");
    ContainerFacts {
        id: format!("container of {}", spec.host_ip),
        image_id: image.id.clone(),
        image_reference: spec.image.reference.clone(),
        running: true,
        status: "running".to_owned(),
        exit_code: None,
        oom_killed: false,
        created: String::new(),
        started: String::new(),
        environment: vec!["PATH=/bin".to_owned(), format!("OMS_HOST_IP={}", spec.host_ip)],
        binds: spec.mounts.iter().map(|mount| format!("{}:{}", mount.host, mount.container)).collect(),
        network_mode: "host".to_owned(),
        privileged: true,
        pids_limit: Some(-1),
        ulimits: vec!["nproc=65535:65535".to_owned()],
        tty: true,
        open_stdin: true,
        restart_policy: spec.restart_policy.clone().unwrap_or_else(|| "no".to_owned()),
        stale_mounts: Vec::new(),
        services: BTreeMap::new(),
        initialisation: InitFacts { state: InitState::NotBegun, proof: String::new(), last_step: 0 },
        health: None,
        config_inside: None,
    }
}

pub(super) fn archive(version: &str) -> ArchiveIdentity {
    ArchiveIdentity {
        references: vec![format!("reg/oceanbase/oms:feature_{version}_ce")],
        config: digest(&format!("config {version}")),
        layers: vec![digest("base"), digest(version)],
        architecture: "amd64".to_owned(),
        raw_size: 1 << 30,
        raw_content: digest(&format!("content {version}")),
    }
}

fn config() -> OmsConfig {
    let port = |number| ConfiguredPort { number, given: false };
    OmsConfig {
        meta: MetaDbLogin {
            host: "10.0.0.200".to_owned(),
            port: 2883,
            user: "root@oms".to_owned(),
            password: Secret::new(PASSWORD),
        },
        rm_db: "oms_rm".to_owned(),
        cm_db: "oms_cm".to_owned(),
        heartbeat_db: "oms_hb".to_owned(),
        cm_url: CmUrl {
            text: "http://10.0.0.100:8088".to_owned(),
            scheme: Scheme::Http,
            host: "10.0.0.100".to_owned(),
            port: Some(8088),
        },
        cm_location: 7,
        cm_region: Some("cn-hangzhou".to_owned()),
        cm_region_cn: None,
        is_default: true,
        listed_nodes: None,
        listed_nodes_place: None,
        tsdb: Tsdb::default(),
        ports: OmsPorts {
            ghana: port(8090),
            nginx: port(8089),
            cm: port(8088),
            supervisor: port(9000),
            sshd: port(2023),
        },
        extra: BTreeMap::new(),
    }
}

fn host(node: &NodeName, address: IpAddr) -> Host {
    Host {
        name: node.clone(),
        region: RegionName::default(),
        selected: true,
        connection: Connection {
            address: address.to_string(),
            port: 22,
            port_given: false,
            user: None,
            password: None,
            private_key_file: None,
            common_args: Vec::new(),
            extra_args: Vec::new(),
            r#become: Become::default(),
            method: ConnectionMethod::Ssh,
        },
        settings: HostSettings {
            image: ImageSource::Archive(PathBuf::from(ARCHIVE)),
            container_name: "oms".to_owned(),
            mount: mount("/data/oms"),
            oms_host_ip: None,
            https: None,
            init_by: InitBy::Auto,
            init_order: InitOrder::Staggered,
            restart_policy: None,
            virtual_ip: VirtualIp::None,
            tsdb: TsdbSettings::default(),
            relay_port: None,
        },
    }
}

pub(super) fn mount(root: &str) -> MountPaths {
    let under = |name: &str| PathBuf::from(format!("{root}/{name}"));
    MountPaths {
        logs: under("oms_logs"),
        store: under("oms_store"),
        run: under("oms_run"),
        config_file: under("config.yaml"),
        https_crt: under("https_crt"),
        https_key: under("https_key"),
    }
}

fn facts(node: &NodeName, address: IpAddr) -> Facts {
    let disk = DiskFacts {
        mount_point: "/".to_owned(),
        total_bytes: 500 << 30,
        free_bytes: 400 << 30,
        free_inodes: 1_000_000,
        read_only: false,
    };
    Facts {
        hostname: node.to_string(),
        os: "Debian 12".to_owned(),
        kernel: "6.1".to_owned(),
        architecture: "x86_64".to_owned(),
        machine_id: Some(format!("machine {node}")),
        host_id: format!("host {node}"),
        utc_ms: 0,
        time_zone: None,
        cpus: 16,
        memory_bytes: 64 << 30,
        cgroup_version: Some(1),
        addresses: vec!["127.0.0.1".parse().unwrap(), address],
        source_address: Some(address),
        docker: DockerFacts::Answers {
            server_version: "20.10.24+dfsg1".to_owned(),
            root_directory: "/var/lib/docker".to_owned(),
            root_free_bytes: Some(400 << 30),
            storage_driver: "overlay2".to_owned(),
            containerd_store: false,
            images: Vec::new(),
        },
        container: None,
        paths: BTreeMap::new(),
        files: BTreeMap::new(),
        config: None,
        disks: ["/data/oms/oms_logs", "/data/oms/oms_store", "/data/oms/oms_run"]
            .map(|path| (path.to_owned(), disk.clone()))
            .into(),
        ports: BTreeMap::new(),
        runs: Vec::new(),
    }
}
