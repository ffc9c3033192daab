//! `stop`, `start` and `restart`: what they do, and when they do not.

use omsctl_proto::{InitState, MetaDbProof};

use crate::plan::Purpose;
use crate::plan::fixture::{Cluster, name, steps_of};

fn cluster(hosts: u8, purpose: Purpose) -> Cluster {
    let mut cluster = Cluster::ready(hosts);
    cluster.goal.purpose = purpose;
    cluster
}

/// As `omsctl stop` left it.
fn stopped(cluster: &mut Cluster, nodes: &[&str]) {
    for node in nodes {
        let container = cluster.facts(node).container.as_mut().unwrap();
        container.running = false;
        "exited".clone_into(&mut container.status);
    }
}

#[test]
fn stop_takes_the_selected_away_and_leaves_the_files_alone() {
    let mut cluster = cluster(3, Purpose::Stop);
    // What apply would change is no matter here, and no image is looked at.
    cluster.config().meta.user = "another".to_owned();
    cluster.observed.archives.clear();
    cluster.limit(&["n2", "n3"]);
    let plan = cluster.plan().unwrap();
    assert_eq!(steps_of(&plan, "n2"), ["stop_container"]);
    assert_eq!(plan.node(&name("n2")).unwrap().proof, MetaDbProof::Nothing, "the MetaDB need not show it");
    assert_eq!(plan.nodes.len(), 2);
    assert_eq!(plan.warnings, Vec::<String>::new());
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0, "stopped already");
}

#[test]
fn the_last_healthy_host_is_stopped_only_when_that_is_said() {
    let mut cluster = cluster(2, Purpose::Stop);
    let refused = cluster.refused();
    assert!(refused.contains("nobody would be left who serves: healthy now: n1, n2"), "{refused}");
    assert!(refused.contains("--allow-outage"), "{refused}");
    cluster.limit(&["n1"]);
    assert_eq!(cluster.steps("n1"), ["stop_container"]);
    // The other one runs, and is not well.
    cluster.facts("n2").container.as_mut().unwrap().health.as_mut().unwrap().healthy = false;
    assert!(cluster.refused().contains("healthy now: n1"), "{}", cluster.refused());
    cluster.goal.allow_outage = true;
    assert_eq!(cluster.steps("n1"), ["stop_container"]);
}

#[test]
fn whoever_serves_nobody_may_be_stopped() {
    let mut cluster = cluster(1, Purpose::Stop);
    cluster.facts("n1").container.as_mut().unwrap().health.as_mut().unwrap().healthy = false;
    assert_eq!(cluster.steps("n1"), ["stop_container"]);
}

#[test]
fn an_initialisation_is_not_stopped_and_neither_is_a_stranger() {
    let mut cluster = cluster(3, Purpose::Stop);
    cluster.limit(&["n2"]);
    cluster.facts("n2").container.as_mut().unwrap().initialisation.state = InitState::Running;
    assert!(cluster.refused().contains("n2: OMS is being initialised in oms"), "{}", cluster.refused());
    let container = cluster.facts("n2").container.as_mut().unwrap();
    container.initialisation.state = InitState::Succeeded;
    container.environment.clear();
    assert!(cluster.refused().contains("the container oms is not one of OMS"), "{}", cluster.refused());
}

#[test]
fn with_ha_the_operator_hears_what_comes_of_the_tasks() {
    let mut cluster = cluster(2, Purpose::Stop);
    cluster.limit(&["n2"]);
    cluster.metadb().ha_enabled = Some(true);
    let warnings = cluster.plan().unwrap().warnings;
    assert!(warnings[0].contains("HA is on") && warnings[0].contains("second time"), "{warnings:?}");
}

#[test]
fn start_starts_what_stands_and_proves_it() {
    let mut cluster = cluster(3, Purpose::Start);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
    stopped(&mut cluster, &["n3"]);
    assert_eq!(cluster.steps("n3"), ["start_container", "await_services", "await_healthy", "register"]);
    assert_eq!(cluster.steps("n1"), Vec::<String>::new());
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
}

#[test]
fn what_is_not_initialised_is_left_to_apply() {
    let mut cluster = cluster(2, Purpose::Start);
    stopped(&mut cluster, &["n2"]);
    cluster.facts("n2").container.as_mut().unwrap().initialisation.state = InitState::CannotTell;
    let refused = cluster.refused();
    assert!(refused.contains("n2: OMS is not known to be initialised"), "{refused}");
    assert!(refused.contains("`omsctl apply` starts it"), "{refused}");
    cluster.facts("n2").container = None;
    assert!(cluster.refused().contains("n2: there is no container oms"), "{}", cluster.refused());
}

#[test]
fn restart_goes_round_by_turns() {
    let mut cluster = cluster(3, Purpose::Restart);
    stopped(&mut cluster, &["n3"]);
    let proofs = ["await_services", "await_healthy", "register"];
    for node in ["n1", "n2"] {
        let steps = cluster.steps(node);
        assert_eq!(
            (steps[0].as_str(), &steps[1..]),
            ("turn:restart_container", &proofs.map(String::from)[..])
        );
    }
    assert_eq!(cluster.steps("n3")[0], "start_container");
}

#[test]
fn who_serves_alone_is_restarted_only_when_that_is_said() {
    let mut cluster = cluster(1, Purpose::Restart);
    assert!(cluster.refused().contains("nobody would be left"), "{}", cluster.refused());
    cluster.goal.allow_outage = true;
    assert_eq!(cluster.steps("n1")[0], "restart_container");
}

#[test]
fn a_host_that_does_not_answer_is_unreachable_and_stops_nobody() {
    let mut cluster = cluster(3, Purpose::Restart);
    cluster.unreachable("n2");
    let plan = cluster.plan().unwrap();
    assert!(plan.unreachable.contains_key(&name("n2")));
    assert_eq!(steps_of(&plan, "n1")[0], "turn:restart_container");
}
