//! Story: OMS was set up by hand as its manual prints it, with paths and a name of somebody's own. `adopt` writes the files for it
//! and touches nothing; `plan` with them finds nothing to do, and `apply` changes nothing.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use system_tests::rig::{Node, OmsImage, until};

use super::evidence::{
    assert_lawful, assert_nothing_left, assert_registered, is_healthy, judge_mark, judged_since, snapshot,
};
use super::https::make_pair;
use super::operator::Operator;
use super::regions::{OWN, west};
use super::stage::Stage;

const NAME: &str = "OMS_20231117_103102";
const HOSTS: usize = 2;

/// The file of the manual with these hosts.
fn config(stage: &Stage, operator: &Operator, nodes: &[Node]) -> String {
    operator.config(stage, &[]);
    let text = std::fs::read_to_string(operator.path("config.yaml")).unwrap();
    std::fs::remove_file(operator.path("config.yaml")).unwrap();
    let lines = nodes.iter().map(|node| format!("  - {}\n", node.address()));
    text + "cm_nodes:\n" + &lines.collect::<String>()
}

/// `docker run` with the manual's arguments; each mount is a path of the host and one inside.
fn run(node: &Node, name: &str, mounts: &[&str], image: OmsImage) {
    let address = format!("OMS_HOST_IP={}", node.address());
    let mut line = vec!["run", "-dit", "--net", "host", "-e", &address];
    line.extend(mounts.iter().flat_map(|mount| ["-v", mount]));
    line.extend(["--privileged=true", "--pids-limit", "-1", "--ulimit", "nproc=65535:65535"]);
    line.extend(["--name", name, image.reference()]);
    node.docker(line).unwrap().ok().unwrap();
}

/// Every one of these hosts is healthy, and OMS's supervisor of each beats.
fn await_cluster(stage: &Stage, nodes: &[Node], scheme: &str) {
    for node in nodes {
        let healthy = || is_healthy(node, scheme).then_some(());
        until("OMS is healthy", Duration::from_mins(1), healthy).unwrap();
    }
    let beats = "SELECT COUNT(*) FROM oms_cm_hb.heart_beat WHERE task_name = 'supervisor'";
    let wanted = nodes.len().to_string();
    let all = || (stage.metadb_query(beats).unwrap()[0][0].as_ref() == Some(&wanted)).then_some(());
    until("every host beats", Duration::from_mins(1), all).unwrap();
}

/// What the manual has people type on every host, one after the other.
fn by_hand(stage: &Stage, operator: &Operator, nodes: &[Node]) {
    let text = config(stage, operator, nodes);
    for node in nodes {
        let folders = ["mkdir", "-p", "/data/hand/oms_logs", "/data/hand/oms_store", "/data/hand/oms_run"];
        node.exec(folders).unwrap().ok().unwrap();
        node.write_file("/data/hand.yaml", &text).unwrap();
        let mounts = [
            "/data/hand.yaml:/home/admin/conf/config.yaml",
            "/data/hand/oms_logs:/home/admin/logs",
            "/data/hand/oms_store:/home/ds/store",
            "/data/hand/oms_run:/home/ds/run",
        ];
        run(node, NAME, &mounts, OmsImage::Script);
        let answers = || node.docker_exec(NAME, ["supervisorctl", "pid"]).unwrap().success().then_some(());
        until("supervisord answers", Duration::from_secs(30), answers).unwrap();
        node.docker_exec(NAME, ["bash", "/root/docker_init.sh"]).unwrap().ok().unwrap();
    }
    await_cluster(stage, nodes, "http");
}

/// `adopt` of these hosts, by the rig's aliases.
fn adopt(stage: &Stage, hosts: &[&str], more: &[&str]) -> Vec<String> {
    let ssh = stage.ssh_config().display().to_string();
    let words = ["adopt", "--format", "json", "--ssh-config", &ssh].into_iter().chain(hosts.iter().copied());
    words.chain(more.iter().copied()).map(str::to_owned).collect()
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

fn mode(operator: &Operator, name: &str) -> u32 {
    std::fs::metadata(operator.path(name)).unwrap().permissions().mode() & 0o777
}

#[test]
fn hosts_set_up_by_hand_are_adopted() {
    let stage = Stage::empty();
    let operator = Operator::without_files();
    let nodes: &[Node] = &stage.nodes()[..HOSTS];
    by_hand(&stage, &operator, nodes);
    let (before, mark) = (snapshot(&stage), judge_mark(&stage));

    // An address that nobody has: the cluster is not whole, and nothing is written.
    let (network, _) = stage.host(1).address().rsplit_once('.').unwrap();
    let nobody = format!("root@{network}.249");
    let dead = operator.run(&words(&adopt(&stage, &["node1", "node2", &nobody], &[]))).exits(4);
    dead.tells(&[".249 is unreachable", "nothing was written"]);
    // One host only: the other one is named by all that know it.
    let one = operator.run(&words(&adopt(&stage, &["node1"], &[]))).exits(3);
    one.tells(&[stage.host(2).address(), "cm_nodes of node1", "the MetaDB", "give its host too"]);
    let nothing = operator.run(&words(&adopt(&stage, &["node1"], &["--container", "oms"]))).exits(3);
    nothing.tells(&["there is no container oms", NAME]);
    assert!(!operator.path("inventory.ini").exists() && !operator.path("config.yaml").exists());

    let second = format!("root@{}:22", stage.host(2).address());
    let adopted = operator.run(&words(&adopt(&stage, &["node1", &second], &[]))).exits(0);
    let document = adopted.json();
    assert_eq!(document["changes"], 0, "{document:#}");
    assert_eq!(document["warnings"], serde_json::json!([]), "{document:#}");
    assert_eq!(document["hosts"][0]["container"], NAME);
    assert_eq!(document["hosts"][1]["address"], stage.host(2).address());
    assert_eq!([mode(&operator, "inventory.ini"), mode(&operator, "config.yaml")], [0o600, 0o600]);
    assert_eq!(snapshot(&stage), before, "adopt changes nothing on the hosts");
    assert!(judged_since(&stage, mark).is_empty(), "OMS noticed something");

    let ssh = stage.ssh_config().display().to_string();
    let planned = operator.run(&["plan", "--format", "json", "--ssh-config", &ssh]).exits(0).plans(&[]);
    assert_eq!(planned.json()["nodes"].as_array().unwrap().len(), HOSTS);
    let applied = operator.run(&["apply", "--yes", "--format", "json", "--ssh-config", &ssh]).exits(0);
    assert_eq!(applied.json()["result"], "unchanged");
    assert_eq!(snapshot(&stage), before, "nor does apply");

    // The files are the operator's from now on.
    let again = operator.run(&words(&adopt(&stage, &["node1", &second], &[]))).exits(2);
    again.tells(&["inventory.ini and config.yaml is there already", "--output"]);
    let elsewhere = operator.run(&words(&adopt(&stage, &["node1", "node2"], &["--output", "other/folder"])));
    elsewhere.exits(0);
    assert!(operator.path("other/folder/config.yaml").exists());

    assert_registered(&stage, nodes);
    assert_lawful(&stage);
    assert_nothing_left(nodes);
}

/// One host with HTTPS, an image that initialises itself, and the folders that OBD makes.
#[test]
fn https_and_the_folders_of_obd() {
    let stage = Stage::empty();
    let operator = Operator::without_files();
    let (nodes, node) = (&stage.nodes()[..1], stage.host(1));
    stage.have_image(OmsImage::Itself, nodes).unwrap();
    let text = config(&stage, &operator, nodes);
    node.exec(["mkdir", "-p", "/data/obd/logs", "/data/obd/store", "/data/obd/run"]).unwrap().ok().unwrap();
    let (certificate, key) = make_pair(node, "oms.example.com");
    node.write_file("/data/obd/run/config.yaml", &text).unwrap();
    node.write_file("/data/obd/server.crt", &certificate).unwrap();
    node.write_file("/data/obd/server.key", &key).unwrap();
    let mounts = [
        "/data/obd/run/config.yaml:/home/admin/conf/config.yaml",
        "/data/obd/logs:/home/admin/logs",
        "/data/obd/store:/home/ds/store",
        "/data/obd/run:/home/ds/run",
        "/data/obd/server.crt:/etc/pki/nginx/oms_server.crt",
        "/data/obd/server.key:/etc/pki/nginx/oms_server.key",
    ];
    run(node, "oms-oms-ce-1a2b3c", &mounts, OmsImage::Itself);
    let done = || {
        let log = node.docker(["logs", "--tail", "1", "oms-oms-ce-1a2b3c"]).unwrap().stdout;
        (log.trim() == "OMS service start successfully").then_some(())
    };
    until("the container initialises itself", Duration::from_mins(2), done).unwrap();
    await_cluster(&stage, nodes, "https");
    let id = node.container_id("oms-oms-ce-1a2b3c").unwrap();

    let adopted = operator.run(&words(&adopt(&stage, &["node1"], &[]))).exits(0);
    assert_eq!(adopted.json()["changes"], 0, "{}", adopted.stdout);
    let everything = adopted.stdout.clone() + &adopted.stderr;
    assert!(!everything.contains("PRIVATE KEY") && !everything.contains("BEGIN"), "{everything}");
    assert_eq!(std::fs::read_to_string(operator.path("https.key")).unwrap(), key);
    assert_eq!(std::fs::read_to_string(operator.path("https.crt")).unwrap(), certificate);
    assert_eq!(mode(&operator, "https.key"), 0o600);
    let ssh = stage.ssh_config().display().to_string();
    operator.run(&["plan", "--format", "json", "--ssh-config", &ssh]).exits(0).plans(&[]);
    let applied = operator.run(&["apply", "--yes", "--format", "json", "--ssh-config", &ssh]).exits(0);
    assert_eq!(applied.json()["result"], "unchanged");

    // A stopped container is adopted as well, and said to be one.
    node.docker(["stop", "--time", "5", "oms-oms-ce-1a2b3c"]).unwrap().ok().unwrap();
    let stopped = operator.run(&words(&adopt(&stage, &["node1"], &["--output", "stopped"]))).exits(0);
    stopped.clone().tells(&["the container oms-oms-ce-1a2b3c is exited"]);
    assert!(stopped.json()["changes"].as_u64().unwrap() > 0, "{}", stopped.stdout);
    let files = ["-i", "stopped/inventory.ini", "-c", "stopped/config.yaml", "--ssh-config", &ssh];
    operator.run(&[&["apply", "--yes", "--format", "json"][..], &files].concat()).exits(0);
    assert_eq!(node.container_id("oms-oms-ce-1a2b3c").unwrap(), id, "it is started, and nothing else");
    assert_lawful(&stage);
    assert_nothing_left(nodes);
}

/// Two regions, one of them behind omsctl's keepalived, whose files are lost; the hosts are named in any order.
#[test]
fn two_regions_and_a_virtual_ip() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    operator.inventory(&stage, &stage.host_lines(HOSTS), &[]);
    let flat = std::fs::read_to_string(operator.path("inventory.ini")).unwrap();
    operator.write("inventory.ini", flat + &west(&stage, &["node2"], OWN));
    operator.apply().exits(0);
    std::fs::remove_file(operator.path("inventory.ini")).unwrap();
    std::fs::remove_file(operator.path("config.yaml")).unwrap();
    let before = snapshot(&stage);

    let adopted = operator.run(&words(&adopt(&stage, &["node2", "node1"], &[]))).exits(0);
    assert_eq!(adopted.json()["changes"], 0, "{}", adopted.stdout);
    let inventory = std::fs::read_to_string(operator.path("inventory.ini")).unwrap();
    for line in
        ["[cn_west]", "cm_location=2", "drc_cm_heartbeat_db=oms_cm_hb_2", "oms_vip_provider=keepalived"]
    {
        assert!(inventory.lines().any(|found| found == line), "{line}: {inventory}");
    }
    let ssh = stage.ssh_config().display().to_string();
    operator.run(&["plan", "--format", "json", "--ssh-config", &ssh]).exits(0).plans(&[]);
    let status = operator.run(&["status", "--format", "json", "--ssh-config", &ssh]).exits(0);
    assert_eq!(status.json()["healthy"], true, "{}", status.stdout);
    assert_eq!(snapshot(&stage), before);
}
