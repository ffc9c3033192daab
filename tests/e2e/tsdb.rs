//! Story: the time-series database, on a host of its own and beside OMS. It is brought up first with authentication on, OMS
//! is told of it only then and reports there, its password is nowhere to be read, and without it OMS is left as it is.

use std::fmt::Write;
use std::time::Duration;

use system_tests::rig::{HostLine, INFLUXDB, Node, OmsImage, until};

use super::evidence::{assert_nothing_left, assert_registered, container_ids, inspect};
use super::operator::Operator;
use super::secrets::Watch;
use super::stage::{CONTAINER, Stage, USUAL};

const TSDB: &str = "oms-influxdb";
const PASSWORD: &str = "Tsdb'7&+=\"x";

/// The usual hosts, and the last one of the rig as the host of the time-series database.
fn on_a_host_of_its_own(stage: &Stage, operator: &Operator) {
    let archive = stage.archive_influxdb().unwrap().display().to_string();
    operator.inventory(stage, &stage.host_lines(USUAL), &[("oms_tsdb_archive", &archive)]);
    let mut text = std::fs::read_to_string(operator.path("inventory.ini")).unwrap();
    let HostLine { name, variables } = HostLine::of(stage.host(USUAL + 1));
    let variables: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    // Writing to a String does not fail.
    let _ = write!(text, "\n[tsdb]\n{name} {}\n", variables.join(" "));
    // It is reached as the others are.
    text = text.replace("[oms:vars]", "[all:vars]");
    operator.write("inventory.ini", text);
    with_password(stage, operator, PASSWORD);
}

fn with_password(stage: &Stage, operator: &Operator, password: &str) {
    let quoted = format!("'{}'", password.replace('\'', "''"));
    operator.config(stage, &[("tsdb_enabled", ""), ("tsdb_password", &quoted)]);
}

/// What the database answers to a statement, from a host, as this user.
fn ask(node: &Node, address: &str, user: Option<(&str, &str)>, statement: &str) -> String {
    let log_in = user.map(|(user, password)| format!("{user}:{password}"));
    let mut arguments = vec!["curl", "--silent", "--max-time", "5"];
    if let Some(log_in) = &log_in {
        arguments.extend(["--user", log_in]);
    }
    let (url, query) = (format!("http://{address}:8086/query"), format!("q={statement}"));
    arguments.extend([url.as_str(), "--data-urlencode", query.as_str()]);
    node.exec(arguments).unwrap().stdout
}

/// Which hosts' OMS has written there, from their addresses.
fn reported(stage: &Stage, at: &Node) -> String {
    ask(stage.host(1), at.address(), Some(("oms", PASSWORD)), "SELECT * FROM oms..supervisor")
}

#[test]
fn it_comes_first_on_a_host_of_its_own() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    on_a_host_of_its_own(&stage, &operator);
    let own = stage.host(USUAL + 1);
    // A story before may have left it there.
    own.docker(["rmi", "--force", INFLUXDB]).unwrap();

    let plan = operator.plan().exits(0).json();
    let steps = |node: &Node| -> Vec<String> {
        let nodes = plan["nodes"].as_array().unwrap();
        let found = nodes.iter().find(|found| found["node"] == node.name()).unwrap();
        let steps = found["steps"].as_array().unwrap();
        steps.iter().map(|step| step["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(steps(own), ["load_tsdb_image", "serve_tsdb"]);

    let watch = Watch::begin(&[PASSWORD]);
    operator.apply().exits(0);
    watch.saw_no_secret();

    assert_eq!(inspect(own, TSDB)["Config"]["Image"], INFLUXDB);
    assert!(own.container_id(CONTAINER).unwrap().is_none(), "it is no OMS host");
    // Authentication is on, and the user of config.yaml is its administrator.
    assert!(
        ask(own, own.address(), None, "SHOW USERS").contains("unable to parse authentication credentials")
    );
    let wrong = ask(own, own.address(), Some(("oms", "wrong")), "SHOW USERS");
    assert!(wrong.contains("authorization failed"), "{wrong}");
    let users = ask(own, own.address(), Some(("oms", PASSWORD)), "SHOW USERS");
    assert!(users.contains("[\"oms\",true]"), "{users}");
    // Nothing of the proof is left.
    assert!(!ask(own, own.address(), Some(("oms", PASSWORD)), "SHOW DATABASES").contains("omsctl_proof"));
    let reported = reported(&stage, own);
    for node in stage.usual() {
        assert!(reported.contains(node.address()), "{} does not report: {reported}", node.name());
    }
    assert_registered(&stage, stage.usual());
    assert_nothing_left(stage.nodes());
    assert!(operator.plan().is_quiet_plan());
    let check = operator.check().exits(0).json();
    let rows = check["checks"].as_array().unwrap();
    let answers = rows.iter().filter(|row| row["name"] == "tsdb" && row["status"] == "pass").count();
    assert_eq!(answers, USUAL, "{check}");
    let status = operator.run(&["status", "--format", "json"]).exits(0).json();
    assert_eq!(status["tsdb"]["state"], "ready", "{status}");

    // A stopped one is started again, and OMS is not touched.
    let before = container_ids(stage.usual());
    own.docker(["stop", TSDB]).unwrap().ok().unwrap();
    let status = operator.run(&["status", "--format", "json"]).exits(0).json();
    assert_eq!(
        (&status["tsdb"]["state"], &status["healthy"]),
        (&"stopped".into(), &false.into()),
        "{status}"
    );
    operator.apply().exits(0);
    assert_eq!(container_ids(stage.usual()), before);
    assert!(operator.plan().is_quiet_plan());

    // Another password in config.yaml than the database has: told before anything is changed.
    with_password(&stage, &operator, "another");
    operator.apply().exits(3).tells(&["does not let oms in"]);
    assert_eq!(container_ids(stage.usual()), before);
}

#[test]
fn it_joins_a_running_cluster_beside_oms() {
    let (stage, operator) = Stage::cluster();
    let first = stage.host(1);
    let before = container_ids(stage.usual());
    let archive = stage.archive_influxdb().unwrap().display().to_string();
    let variables = [("oms_tsdb_host", first.name()), ("oms_tsdb_archive", archive.as_str())];
    operator.inventory(&stage, &stage.host_lines(USUAL), &variables);
    with_password(&stage, &operator, PASSWORD);

    // Its port is taken: told before anything is changed.
    let taken = "python3 -m http.server 8086 >/dev/null 2>&1 & echo $!";
    let other = first.exec(["sh", "-c", taken]).unwrap().ok().unwrap().stdout;
    until("the port is taken", Duration::from_secs(10), || {
        first.exec(["curl", "--silent", "http://127.0.0.1:8086/"]).unwrap().success().then_some(())
    })
    .unwrap();
    operator.apply().exits(3).tells(&["port 8086 is taken by python3"]);
    first.exec(["kill", other.trim()]).unwrap().ok().unwrap();

    // An image that brings nothing up: OMS is not told of it, and goes on as it was.
    let broken = stage.archive(OmsImage::Patched).unwrap().display().to_string();
    let variables = [("oms_tsdb_host", first.name()), ("oms_tsdb_archive", broken.as_str())];
    operator.inventory(&stage, &stage.host_lines(USUAL), &variables);
    operator.apply().exits(1).tells(&["did not bring the time-series database up"]);
    assert_eq!(container_ids(stage.usual()), before);
    assert_registered(&stage, stage.usual());
    first.docker(["rm", "--force", TSDB]).unwrap().ok().unwrap();

    let variables = [("oms_tsdb_host", first.name()), ("oms_tsdb_archive", archive.as_str())];
    operator.inventory(&stage, &stage.host_lines(USUAL), &variables);
    operator.apply().exits(0);
    assert_eq!(container_ids(stage.usual()), before, "OMS is reloaded, not made anew");
    let reported = reported(&stage, first);
    for node in stage.usual() {
        assert!(reported.contains(node.address()), "{} does not report: {reported}", node.name());
    }
    assert!(operator.plan().is_quiet_plan());
}
