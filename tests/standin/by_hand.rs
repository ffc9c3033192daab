//! What an operator without omsctl does on a host, as OMS's manual prints it: load, run, initialise, look.

use std::time::Duration;

use serde_json::Value;
use system_tests::rig::{Node, OmsImage, Output, Rig, until};

/// Every host, for faults.
pub(crate) const EVERYWHERE: &str = "*";
const INITIALISE: [&str; 2] = ["bash", "/root/docker_init.sh"];

/// The documented arguments; `@` stands for the host's address.
const ARGUMENTS: [&str; 9] = [
    "-dit",
    "--net=host",
    "--volume=/data/oms/config.yaml:/home/admin/conf/config.yaml",
    "--volume=/data/oms/oms_logs:/home/admin/logs",
    "--volume=/data/oms/oms_store:/home/ds/store",
    "--volume=/data/oms/oms_run:/home/ds/run",
    "--env=OMS_HOST_IP=@",
    "--privileged=true",
    "--pids-limit=-1",
];
const LAST: [&str; 2] = ["--ulimit=nproc=65535:65535", "--name=oms"];

/// An OMS container on a host.
pub(crate) struct Container<'a> {
    node: &'a Node,
}

impl<'a> Container<'a> {
    /// Starts one as documented and waits for its supervisord.
    pub(crate) fn start(rig: &Rig, node: &'a Node, image: OmsImage) -> Self {
        let container = Self::start_changed(rig, node, image, &[]);
        container.wait_supervisord();
        container
    }

    /// Starts one with some arguments exchanged.
    pub(crate) fn start_changed(
        rig: &Rig,
        node: &'a Node,
        image: OmsImage,
        changed: &[(&str, &str)],
    ) -> Self {
        if !node.docker(["image", "inspect", image.reference()]).unwrap().success() {
            node.load_image(&rig.archive(image).unwrap()).unwrap();
        }
        node.docker(["rm", "--force", "oms"]).unwrap();
        let container = Self { node };
        node.exec(["mkdir", "-p", "/data/oms/oms_logs", "/data/oms/oms_store", "/data/oms/oms_run"])
            .unwrap()
            .ok()
            .unwrap();
        let all: Vec<&str> = rig.nodes().iter().map(Node::address).collect();
        container.write_config(rig, &all);
        let exchanged = |argument: &str| {
            let found = changed.iter().find(|(from, _)| *from == argument).map_or(argument, |(_, to)| to);
            found.replace('@', node.address())
        };
        let line: Vec<String> = ARGUMENTS.iter().chain(&LAST).map(|argument| exchanged(argument)).collect();
        let words = line.iter().flat_map(|argument| argument.split_whitespace());
        node.docker(std::iter::once("run").chain(words).chain([image.reference()])).unwrap().ok().unwrap();
        container
    }

    pub(crate) fn wait_supervisord(&self) {
        let answers = || self.run(&["supervisorctl", "pid"]).success().then_some(());
        until("supervisord answers", Duration::from_secs(30), answers).unwrap();
        // nginx needs no initialisation: when it runs, the first round of starts is over.
        let settled = || {
            (self.service("nginx") == "RUNNING" && self.service("oms_console") != "STARTING").then_some(())
        };
        until("services have settled", Duration::from_secs(30), settled).unwrap();
    }

    pub(crate) fn write_config(&self, rig: &Rig, cm_nodes: &[&str]) {
        let mut text = std::fs::read_to_string(rig.config()).unwrap();
        text.push_str("cm_nodes:\n");
        for address in cm_nodes {
            text.push_str("  - ");
            text.push_str(address);
            text.push('\n');
        }
        self.node.write_file("/data/oms/config.yaml", &text).unwrap();
    }

    pub(crate) fn run(&self, command: &[&str]) -> Output {
        self.node.docker_exec("oms", command.iter().copied()).unwrap()
    }

    pub(crate) fn initialise(&self) -> Output {
        self.run(&INITIALISE)
    }

    /// The state of a supervisord program.
    pub(crate) fn service(&self, name: &str) -> String {
        let status = self.run(&["supervisorctl", "status", name]).stdout;
        status.split_whitespace().nth(1).unwrap_or_default().to_owned()
    }

    pub(crate) fn is_healthy(&self) -> bool {
        let url = format!("http://{}:8089/oms/health", self.node.address());
        let answer = self.node.exec(["curl", "--silent", "--max-time", "4", &url]).unwrap().stdout;
        serde_json::from_str::<Value>(&answer).is_ok_and(|document| document["data"]["healthy"] == true)
    }

    pub(crate) fn log(&self) -> String {
        let output = self.node.docker(["logs", "oms"]).unwrap();
        output.stdout + &output.stderr
    }
}

/// How many records of a kind the judge has.
pub(crate) fn kinds(rig: &Rig, kind: &str) -> usize {
    rig.judge().unwrap().iter().filter(|record| record.kind == kind).count()
}
