//! Story: three fresh hosts, one command, a working cluster, and nothing left behind.

use serde_json::{Value, json};
use system_tests::rig::{META_PASSWORD, Node, OmsImage};

use super::evidence::{
    assert_lawful, assert_nothing_left, assert_registered, config_inside, inspect, is_healthy, rows,
    schema_order,
};
use super::operator::Operator;
use super::outcome::Outcome;
use super::secrets::{CANARY, Watch, files_on, files_with};
use super::stage::{CONTAINER, Stage};

#[test]
fn three_fresh_hosts_become_a_cluster() {
    let stage = Stage::bare();
    stage.slow_schema();
    let operator = Operator::new(&stage);
    let pushed = agent_bytes(&operator.run(&["check", "--format", "jsonl"]).exits(0));
    assert!(pushed.len() == stage.usual().len() && pushed.iter().all(|bytes| *bytes > 0), "{pushed:?}");

    let watch = Watch::begin(&[CANARY]);
    let applied = operator.apply().exits(0);
    watch.saw_no_secret();

    assert_eq!(applied.json()["result"], "done", "{}", applied.stdout);
    assert_eq!(applied.json()["exit"], 0);
    for node in stage.usual() {
        assert_eq!(applied.of_node(node.name())["result"], "changed");
        assert_eq!(applied.of_node(node.name())["error"], Value::Null);
        documented_container(node);
        what_oms_reads(&stage, node);
        assert!(is_healthy(node, "http"), "{} is not healthy", node.name());
    }
    let addresses: Vec<&str> = stage.usual().iter().map(Node::address).collect();
    let order = schema_order(&stage);
    assert_eq!(order.first().map(String::as_str), Some(addresses[0]), "the first host begins: {order:?}");
    let mut each = order.clone();
    each.sort();
    assert_eq!(each, addresses, "each host once");
    assert_lawful(&stage);
    assert_registered(&stage, stage.usual());
    assert_eq!(
        rows(&stage, "SELECT cm_url, code, is_default_cm FROM oms_rm.cluster_info"),
        [[stage.cm_url(), "1".to_owned(), "1".to_owned()]]
    );
    status(&stage, &operator);
    assert_nothing_left(stage.usual());
    for node in stage.usual() {
        let agents = node.exec(["ls", "/var/lib/omsctl/bin"]).unwrap().stdout;
        assert_eq!(agents.lines().count(), 1, "one agent on {}: {agents}", node.name());
    }
    history(&operator, &applied);
    the_agent_is_sent_once(&operator);
    no_secret_is_kept(&stage, &operator);
}

/// The container inspects like the one of the manual's block, made by hand beside it.
fn documented_container(node: &Node) {
    let address = format!("OMS_HOST_IP={}", node.address());
    let mut block = vec!["run", "-dit", "--net", "host"];
    block.extend(["-v", "/data/oms/config.yaml:/home/admin/conf/config.yaml"]);
    block.extend(["-v", "/data/oms/oms_logs:/home/admin/logs", "-v", "/data/oms/oms_store:/home/ds/store"]);
    block.extend(["-v", "/data/oms/oms_run:/home/ds/run", "-e", &address]);
    block.extend(["--privileged=true", "--pids-limit", "-1", "--ulimit", "nproc=65535:65535"]);
    // Beside the real one it must not start OMS a second time.
    block.extend(["--name", "by-hand", "--entrypoint", "/bin/true", OmsImage::Script.reference()]);
    node.docker(block).unwrap().ok().unwrap();
    let (ours, by_hand) = (inspect(node, CONTAINER), inspect(node, "by-hand"));
    node.docker(["rm", "--force", "by-hand"]).unwrap().ok().unwrap();

    assert_eq!(host_config(&ours), host_config(&by_hand), "HostConfig on {}", node.name());
    let without_command = |config: &Value| {
        let mut config = config.clone();
        for key in ["Entrypoint", "Cmd"] {
            config[key] = Value::Null;
        }
        config
    };
    assert_eq!(
        without_command(&ours["Config"]),
        without_command(&by_hand["Config"]),
        "Config on {}",
        node.name()
    );
    assert_eq!(ours["Image"], by_hand["Image"]);
    let image = node.docker(["image", "inspect", OmsImage::Script.reference()]).unwrap().ok().unwrap();
    let image: Value = serde_json::from_str(&image.stdout).unwrap();
    for key in ["Entrypoint", "Cmd"] {
        assert_eq!(ours["Config"][key], image[0]["Config"][key], "{key} is the image's own");
    }
}

/// `HostConfig` with the mounts in a fixed order: Docker's client shuffles them.
fn host_config(inspected: &Value) -> Value {
    let mut config = inspected["HostConfig"].clone();
    if let Some(binds) = config["Binds"].as_array_mut() {
        binds.sort_by_key(ToString::to_string);
    }
    config
}

/// The types and values that OMS's own YAML reader gets.
fn what_oms_reads(stage: &Stage, node: &Node) {
    let found = config_inside(node);
    let nodes: Vec<&str> = stage.usual().iter().map(Node::address).collect();
    let expected = json!({
        "oms_meta_host": stage.metadb().address(), "oms_meta_port": stage.metadb().port(),
        "oms_meta_user": "oms", "oms_meta_password": META_PASSWORD,
        "drc_rm_db": "oms_rm", "drc_cm_db": "oms_cm", "drc_cm_heartbeat_db": "oms_cm_hb",
        "cm_url": stage.cm_url(), "cm_location": 1, "cm_region": "cn-jiangsu", "cm_region_cn": "江苏",
        "cm_is_default": true, "cm_nodes": nodes,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&found[key], value, "{key} on {}", node.name());
    }
    let text = node.read_file("/data/oms/config.yaml").unwrap();
    assert!(text.contains("drc_rm_db: \"oms_rm\""), "strings are double-quoted:\n{text}");
    let mode = node.exec(["stat", "-c", "%a", "/data/oms/config.yaml"]).unwrap().stdout;
    assert_eq!(mode.trim(), "600");
}

/// What omsctl says is there is what is there.
fn status(stage: &Stage, operator: &Operator) {
    let status = operator.run(&["status", "--format", "json"]).exits(0);
    assert_eq!(status.json()["healthy"], true, "{}", status.stdout);
    for node in stage.usual() {
        let entry = status.of_node(node.name());
        assert_eq!(entry["state"], "ready", "{entry}");
        assert_eq!(entry["address"], node.address());
        assert_eq!(entry["container_id"].as_str(), node.container_id(CONTAINER).unwrap().as_deref());
        assert_eq!(entry["services"]["nginx"], "RUNNING");
        assert_eq!(entry["services"]["oms_drc_supervisor"], "RUNNING");
        assert_eq!(entry["registered"]["status"], "ONLINE");
        assert!(entry["registered"]["heartbeat_age_s"].as_i64().is_some_and(|age| age < 30), "{entry}");
    }
    let human = operator.run(&["status"]).exits(0);
    human.tells(&["node1", "node2", "node3", stage.host(2).address()]);
}

fn history(operator: &Operator, applied: &Outcome) {
    let run = applied.json()["run"].as_str().unwrap().to_owned();
    let history = operator.run(&["history", "--format", "json"]).exits(0);
    let runs = history.json()["runs"].as_array().cloned().unwrap();
    let of_run = runs.iter().find(|entry| entry["run"] == run.as_str());
    let entry = of_run.unwrap_or_else(|| history.fail("the run is not listed"));
    assert_eq!(entry["result"], "done", "{entry}");
    assert!(entry["command"].as_str().unwrap().contains("apply"), "{entry}");
    assert!(entry["started"].is_string() && entry["finished"].is_string(), "{entry}");
    operator.run(&["show", &run]).exits(0).tells(&["node1", "node3", "initialis"]);
    let shown = operator.run(&["show", &run, "--format", "jsonl"]).exits(0).events();
    assert!(shown.iter().any(|event| event["event"] == "rollout_finished"), "the whole run is kept");
    the_image_left_the_bastion_once(&shown);
    for node in ["", "node1", "node2", "node3"] {
        let of_node = shown.iter().filter(|event| event["node"] == node);
        let numbers: Vec<u64> =
            of_node.filter_map(|event| event["seq"].as_u64()).filter(|seq| *seq > 0).collect();
        let gap_free: Vec<u64> = (1..=numbers.len() as u64).collect();
        assert_eq!(numbers, gap_free, "the events of `{node}`");
    }
}

/// Each host has it whole, from the bastion or from another host.
fn the_image_left_the_bastion_once(events: &[Value]) {
    let loads = events.iter().filter(|event| event["event"] == "step_done" && event["step"] == "load_image");
    let sums = |name: &str| -> Vec<u64> {
        loads.clone().map(|event| event["evidence"][name].as_str().unwrap().parse().unwrap()).collect()
    };
    let (whole, bastion, hosts) =
        (sums("received_bytes"), sums("from_bastion_bytes"), sums("from_hosts_bytes"));
    assert_eq!(whole.len(), 3);
    assert_eq!(bastion.iter().sum::<u64>(), whole[0], "{bastion:?} {hosts:?}");
    assert_eq!(hosts.iter().sum::<u64>(), 2 * whole[0], "{bastion:?} {hosts:?}");
}

/// How many bytes of the agent each host was sent.
fn agent_bytes(outcome: &Outcome) -> Vec<u64> {
    let events = outcome.events();
    let connected = events.iter().filter(|event| event["event"] == "host_connected");
    connected.map(|event| event["agent_pushed_bytes"].as_u64().unwrap()).collect()
}

fn the_agent_is_sent_once(operator: &Operator) {
    let again = operator.run(&["apply", "--yes", "--format", "jsonl"]).exits(0);
    assert_eq!(agent_bytes(&again), [0, 0, 0]);
}

fn no_secret_is_kept(stage: &Stage, operator: &Operator) {
    assert_eq!(files_with(CANARY, &operator.home()), Vec::<String>::new(), "on the bastion");
    for node in stage.usual() {
        assert_eq!(files_on(node, CANARY), "", "on {}", node.name());
    }
    let rendered = operator.run(&["config", "render", "node1"]).exits(0).tells(&["drc_rm_db", "cm_nodes"]);
    assert!(!rendered.stdout.contains(CANARY), "config render masks secrets:\n{}", rendered.stdout);
    let revealed = operator.run(&["config", "render", "node1", "--reveal"]).exits(0);
    assert!(revealed.stdout.contains(CANARY), "unless asked:\n{}", revealed.stdout);
}
