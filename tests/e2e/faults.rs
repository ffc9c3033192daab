//! Story: a host or the MetaDB is not fit. What is wrong is told by name; nothing is begun that cannot be finished.

use system_tests::rig::Node;

use super::evidence::{assert_lawful, assert_registered, container_ids, is_healthy, snapshot};
use super::operator::Operator;
use super::stage::{CONTAINER, Stage};

fn row(node: &str, name: &str) -> (String, String) {
    (node.to_owned(), name.to_owned())
}

#[test]
fn docker_is_down_on_one_host() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    stage.host(2).stop_docker().unwrap();
    let checked = operator.check().exits(3);
    assert_eq!(checked.json()["passed"], false);
    assert!(checked.failed_checks().contains(&row("node2", "docker")), "{}", checked.stdout);
    assert!(checked.failed_checks().iter().all(|(node, _)| node == "node2"), "{}", checked.stdout);
    let before = snapshot(&stage);

    operator.apply().exits(3).tells(&["node2", "Docker"]);
    assert_eq!(snapshot(&stage), before, "nothing is changed anywhere");

    let applied = operator.run(&["apply", "--yes", "--keep-going", "--format", "json"]);
    assert_ne!(applied.code, 0, "one host is missing");
    assert_eq!(applied.result_of("node2"), "left_out", "{}", applied.stdout);
    for number in [1, 3] {
        assert_eq!(applied.result_of(&format!("node{number}")), "changed", "{}", applied.stdout);
        assert!(is_healthy(stage.host(number), "http"));
    }
    stage.host(2).start_docker().unwrap();
    operator.apply().exits(0);
    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
}

/// A foreign program that listens on a port of a host until dropped.
struct Squatter<'a> {
    node: &'a Node,
    pid: String,
}

impl<'a> Squatter<'a> {
    fn on(node: &'a Node, port: &str) -> Self {
        let start = "setsid python3 -m http.server \"$1\" >/dev/null 2>&1 </dev/null & echo $!";
        let pid = node.exec(["sh", "-c", start, "sh", port]).unwrap().ok().unwrap().stdout;
        let pid = pid.trim().to_owned();
        let listens = format!("ss -H -ltn sport = :{port} | grep -q .");
        system_tests::rig::until("the port is taken", std::time::Duration::from_secs(10), || {
            node.exec(["sh", "-c", &listens]).is_ok_and(|output| output.success()).then_some(())
        })
        .unwrap();
        Self { node, pid }
    }
}

impl Drop for Squatter<'_> {
    fn drop(&mut self) {
        self.node.exec(["kill", "-KILL", &self.pid]).ok();
    }
}

#[test]
fn a_taken_port_names_its_holder() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    let squatter = Squatter::on(stage.host(3), "8089");
    let checked = operator.check().exits(3).tells(&["8089", "python3", &squatter.pid]);
    assert_eq!(checked.failed_checks(), [row("node3", "ports")], "{}", checked.stdout);
    operator.apply().exits(3).tells(&["8089", "python3"]);
    for node in stage.usual() {
        assert_eq!(node.container_id(CONTAINER).unwrap(), None, "{} was begun", node.name());
    }
    drop(squatter);
    operator.check().exits(0);
}

#[test]
fn the_metadb_refuses_the_log_in() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    operator.config(&stage, &[("oms_meta_password", "'not-the-password'")]);
    let checked = operator.check().exits(3).tells(&["oms", "denied"]);
    let failed = checked.failed_checks();
    for node in ["node1", "node2", "node3"] {
        assert!(failed.contains(&row(node, "metadb_login")), "tried from every host: {}", checked.stdout);
    }
    let applied = operator.apply().exits(3).tells(&["oms_meta_password"]);
    assert!(
        !(applied.stderr + &applied.stdout).contains("not-the-password"),
        "a wrong password is a secret too"
    );
    for node in stage.usual() {
        assert_eq!(node.container_id(CONTAINER).unwrap(), None, "{} was begun", node.name());
    }
}

#[test]
fn an_unreachable_host_is_left_out_and_done_later() {
    let stage = Stage::empty();
    let operator = Operator::new(&stage);
    stage.host(3).cut().unwrap();
    let checked = operator.check();
    assert_ne!(checked.code, 0);
    assert!(checked.failed_checks().contains(&row("node3", "connect")), "{}", checked.stdout);

    let applied = operator.apply().exits(4);
    assert_eq!(applied.result_of("node3"), "unreachable", "{}", applied.stdout);
    assert_eq!(applied.of_node("node3")["error"]["code"], "unreachable", "{}", applied.stdout);
    for node in &stage.usual()[..2] {
        assert_eq!(applied.result_of(node.name()), "changed");
        assert!(is_healthy(node, "http"), "{}", node.name());
    }
    let ids = container_ids(&stage.usual()[..2]);
    operator.run(&["status", "--format", "json"]).exits(4);

    stage.host(3).heal().unwrap();
    let again = operator.apply().exits(0);
    assert_eq!(again.result_of("node3"), "changed");
    assert_eq!(again.result_of("node1"), "unchanged", "{}", again.stdout);
    assert_eq!(again.result_of("node2"), "unchanged", "{}", again.stdout);
    assert_eq!(container_ids(&stage.usual()[..2]), ids);
    assert_registered(&stage, stage.usual());
    assert_lawful(&stage);
}
