//! The time-series database: on a host of its own and beside OMS, what differs, who waits for it, what is checked before.

use std::path::PathBuf;

use omsctl_inventory::{Tsdb, TsdbServer, TsdbService};
use omsctl_proto::{Action, CheckStatus, ErrorCode, ErrorReport, PortHolder, Secret, TsdbFacts, TsdbLogIn};

use crate::plan::fixture::{Cluster, archive, name};
use crate::plan::{NodeState, preflight, status};

const INFLUXDB: &str = "/images/influxdb.tar";

/// The cluster with the database on this host, which is added when it is none of OMS.
pub(super) fn on(mut cluster: Cluster, node: &str) -> Cluster {
    let connection = cluster.deployment.hosts[0].connection.clone();
    cluster.deployment.tsdb = Some(TsdbServer {
        host: name(node),
        connection,
        selected: true,
        archive: PathBuf::from(INFLUXDB),
        container_name: "oms-influxdb".to_owned(),
        data: PathBuf::from("/data/oms_influxdb"),
        restart_policy: None,
        port: 8086,
        username: "oms".to_owned(),
        password: Secret::new("canary-tsdb"),
    });
    cluster.config().tsdb = Tsdb {
        enabled: Some(true),
        service: Some(TsdbService::Influxdb),
        url: Some("10.0.0.50:8086".to_owned()),
        username: Some("oms".to_owned()),
        password: Some(Secret::new("canary-tsdb")),
    };
    cluster.observed.archives.insert(PathBuf::from(INFLUXDB), archive("1.8"));
    if cluster.deployment.host(&name(node)).is_none() {
        cluster.see(node, "10.0.0.50".parse().unwrap());
    }
    cluster
}

fn row(cluster: &Cluster, node: &str, check: &str) -> Option<(CheckStatus, String)> {
    let rows = preflight(&cluster.deployment, &cluster.observed, &cluster.goal);
    let row = rows.iter().find(|row| row.node == Some(name(node)) && row.name == check)?;
    Some((row.status, format!("{} | {}", row.found, row.fix)))
}

#[test]
fn a_host_of_its_own_has_two_steps_and_nobody_else_has_them() {
    let cluster = on(Cluster::fresh(2), "db");
    assert_eq!(cluster.steps("db"), ["load_tsdb_image", "serve_tsdb"]);
    assert!(!cluster.steps("n1").iter().any(|step| step.contains("tsdb")));
    let plan = cluster.plan().unwrap();
    let Action::ServeTsdb { tsdb, set_aside } = &plan.node(&name("db")).unwrap().steps[1].action else {
        panic!()
    };
    assert_eq!(
        (tsdb.port, tsdb.data.as_str(), set_aside.as_str()),
        (8086, "/data/oms_influxdb", "oms-influxdb-run1")
    );
    assert_eq!(plan.secrets[&name("db")][&tsdb.password].expose(), "canary-tsdb");
    assert!(!format!("{plan:?}").contains("canary-tsdb"));
    let table = plan.table(
        None,
        None,
        crate::plan::goal_of(
            &cluster.goal.purpose,
            &cluster.deployment,
            &cluster.observed.archives,
            &cluster.observed.certificates,
            &cluster.goal.key,
        ),
    );
    let serving: Vec<_> =
        table.hosts.iter().filter(|row| row.serves_tsdb).map(|row| row.node.as_str()).collect();
    assert_eq!(serving, ["db"]);
}

#[test]
fn after_it_there_is_nothing_to_do() {
    for node in ["db", "n2"] {
        let mut cluster = on(Cluster::fresh(3), node);
        let plan = cluster.plan().unwrap();
        cluster.walk(&plan);
        assert_eq!(cluster.plan().unwrap().changes(), 0, "{node}");
    }
}

#[test]
fn beside_oms_it_comes_before_the_turn() {
    let mut cluster = on(Cluster::ready(3), "n2");
    assert_eq!(
        cluster.steps("n2"),
        [
            "load_tsdb_image",
            "serve_tsdb",
            "turn:write_config",
            "reload_config",
            "await_services",
            "await_healthy"
        ]
    );
    assert_eq!(cluster.steps("n1")[0], "turn:write_config");
    let why = cluster.why("n1", "write_config");
    assert!(why.matches("differs").count() == 5 && why.matches("takes a restart").count() == 1, "{why}");
    // One host alone that serves waits for its turn all the same.
    let single = on(Cluster::ready(1), "db");
    assert_eq!(single.steps("n1")[0], "turn:write_config");
    cluster.deployment.tsdb = None;
    assert!(!cluster.steps("n2").iter().any(|step| step.contains("tsdb")));
}

#[test]
fn what_differs_is_mended() {
    let mut cluster = on(Cluster::fresh(1), "db");
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    let check = |change: &dyn Fn(&mut TsdbFacts), steps: &[&str], why: &str| {
        let mut changed = cluster.clone();
        change(changed.facts("db").tsdb.as_mut().unwrap());
        assert_eq!(changed.steps("db"), steps);
        let told = changed.why("db", "serve_tsdb");
        assert!(told.contains(why), "{told}");
        assert_eq!(changed.steps("n1"), [""; 0]);
    };
    check(&|found| found.container = None, &["serve_tsdb"], "there is no container");
    check(&|found| found.container.as_mut().unwrap().running = false, &["serve_tsdb"], "does not run");
    check(
        &|found| found.container.as_mut().unwrap().environment.clear(),
        &["serve_tsdb"],
        "AUTH_ENABLED=true",
    );
    check(&|found| found.log_in = TsdbLogIn::NoUser, &["serve_tsdb"], "user oms is not there");
    check(
        &|found| found.log_in = TsdbLogIn::Silent { error: "refused".into() },
        &["serve_tsdb"],
        "does not answer",
    );
}

#[test]
fn oms_is_not_told_of_one_that_is_away() {
    let mut cluster = on(Cluster::ready(2), "db");
    let error = ErrorReport::new(ErrorCode::Unreachable, "no route to host");
    cluster.observed.facts.insert(name("db"), Err(error));
    let told = cluster.refused();
    assert!(
        told.contains("db shall run the time-series database") && told.contains("no route to host"),
        "{told}"
    );
    let mut left_out = on(Cluster::ready(2), "db");
    left_out.deployment.tsdb.as_mut().unwrap().selected = false;
    assert!(left_out.refused().contains("--limit leaves its host out"));
    // Told of it before, it needs nothing.
    let mut served = on(Cluster::fresh(2), "db");
    let plan = served.plan().unwrap();
    served.walk(&plan);
    let error = ErrorReport::new(ErrorCode::Unreachable, "no route to host");
    served.observed.facts.insert(name("db"), Err(error));
    let plan = served.plan().unwrap();
    assert_eq!((plan.changes(), plan.unreachable.len()), (0, 1));
}

#[test]
fn the_rows_of_check() {
    let mut cluster = on(Cluster::fresh(2), "db");
    assert_eq!(row(&cluster, "db", "connect").unwrap().0, CheckStatus::Pass);
    assert_eq!(row(&cluster, "db", "tsdb_server").unwrap().0, CheckStatus::Pass);
    assert_eq!(row(&cluster, "n1", "tsdb"), None, "it is still to come");
    let holder = PortHolder { pid: Some(7), process: "python3".to_owned(), own_container: false };
    cluster.facts("db").ports.insert(8086, holder);
    let (status, told) = row(&cluster, "db", "tsdb_server").unwrap();
    assert!(status == CheckStatus::Fail && told.contains("taken by python3"), "{told}");
    cluster.facts("db").ports.clear();
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    cluster.observed.tsdb_answers.insert(name("n1"), Ok((false, "refused".to_owned())));
    cluster.observed.tsdb_answers.insert(name("n2"), Ok((true, String::new())));
    let (status, told) = row(&cluster, "n1", "tsdb").unwrap();
    assert!(status == CheckStatus::Fail && told.contains("restarts for ever"), "{told}");
    assert_eq!(row(&cluster, "n2", "tsdb").unwrap().0, CheckStatus::Pass);
    cluster.facts("db").tsdb.as_mut().unwrap().log_in =
        TsdbLogIn::Refused { words: "authorization failed".into() };
    assert_eq!(row(&cluster, "db", "tsdb_server").unwrap().0, CheckStatus::Fail);
    let seen = status_of(&cluster);
    assert_eq!((seen.0, seen.1), (NodeState::Degraded, false));
}

fn status_of(cluster: &Cluster) -> (NodeState, bool) {
    let status = status(&cluster.deployment, &cluster.observed);
    (status.tsdb.unwrap().state, status.healthy)
}
