//! `remove`: who leaves, what the others learn, and when nobody leaves.

use omsctl_proto::{MetaDbProof, PortHolder, Role};

use crate::plan::Purpose;
use crate::plan::fixture::{Cluster, name, steps_of};

fn without(hosts: u8, leaving: &[&str]) -> Cluster {
    let mut cluster = Cluster::ready(hosts);
    cluster.goal.purpose = Purpose::Remove(leaving.iter().map(|node| name(node)).collect());
    cluster
}

#[test]
fn it_stops_leaves_the_metadb_and_the_others_learn_it_by_turns() {
    let mut cluster = without(3, &["n3"]);
    cluster.observed.archives.clear();
    let plan = cluster.plan().unwrap();
    assert_eq!(steps_of(&plan, "n3"), ["stop_container", "deregister"]);
    let leaver = plan.node(&name("n3")).unwrap();
    assert_eq!((leaver.role, leaver.proof), (Role::Leaving, MetaDbProof::Removed));
    for node in ["n1", "n2"] {
        assert_eq!(
            steps_of(&plan, node),
            ["turn:write_config", "reload_config", "await_services", "await_healthy"]
        );
        let text = plan.secrets[&name(node)].values().next().unwrap().expose().to_owned();
        assert!(text.contains("10.0.0.2") && !text.contains("10.0.0.3"), "{text}");
    }
    assert!(cluster.why("n3", "deregister").contains("ONLINE"));
}

#[test]
fn a_stopped_container_is_set_aside_too() {
    let mut cluster = without(2, &["n2"]);
    let container = cluster.facts("n2").container.as_mut().unwrap();
    container.running = false;
    "exited".clone_into(&mut container.status);
    assert_eq!(cluster.steps("n2"), ["stop_container", "deregister"]);
    let why = cluster.why("n2", "stop_container");
    assert!(why.starts_with("it is exited, and set aside as oms-"), "{why}");
}

#[test]
fn a_dead_host_is_forgotten_only_when_it_is_given_up_and_silent() {
    let mut cluster = without(3, &["n3"]);
    cluster.unreachable("n3");
    let refused = cluster.refused();
    assert!(refused.contains("n3: it does not answer"), "{refused}");
    assert!(refused.contains("--give-up n3"), "{refused}");
    cluster.goal.give_up.insert(name("n3"));
    assert!(
        cluster.refused().contains("its last heartbeat in the MetaDB is 3 s old"),
        "{}",
        cluster.refused()
    );
    for beat in cluster.metadb().heartbeats.iter_mut().filter(|beat| beat.ip == "10.0.0.3") {
        beat.age_s = 3600;
    }
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.forgotten.keys().collect::<Vec<_>>(), [&name("n3")]);
    assert_eq!(plan.forgotten[&name("n3")].to_string(), "10.0.0.3");
    assert_eq!(steps_of(&plan, "n1")[0], "turn:write_config");
    assert_eq!(plan.announced().len(), 3);
    assert_eq!(plan.changes(), 9);
}

#[test]
fn components_of_links_keep_a_host() {
    let mut cluster = without(2, &["n2"]);
    let store = PortHolder { pid: Some(7), process: "store".to_owned(), own_container: true };
    cluster.facts("n2").ports.insert(7100, store);
    assert!(
        cluster.refused().contains("components of links run there (ports 7100)"),
        "{}",
        cluster.refused()
    );
    cluster.goal.allow_outage = true;
    assert_eq!(cluster.steps("n2"), ["stop_container", "deregister"]);
}

#[test]
fn nothing_else_is_changed_by_the_way() {
    let mut cluster = without(3, &["n3"]);
    cluster.config().meta.user = "another".to_owned();
    let refused = cluster.refused();
    assert!(refused.contains("differs in more than cm_nodes: oms_meta_user"), "{refused}");
    assert!(refused.contains("`omsctl apply` first"), "{refused}");
}

#[test]
fn who_stays_has_to_hear_it() {
    let mut cluster = without(3, &["n3"]);
    cluster.unreachable("n1");
    assert!(cluster.refused().contains("n1: it does not answer"), "{}", cluster.refused());
    let mut cluster = without(3, &["n3"]);
    cluster.facts("n1").container.as_mut().unwrap().running = false;
    assert!(cluster.refused().contains("n1: its container does not serve"), "{}", cluster.refused());
}

#[test]
fn the_last_of_a_region_stays() {
    let refused = without(2, &["n1", "n2"]).refused();
    assert!(refused.contains("n1: it would leave its region without a host"), "{refused}");
    assert!(refused.contains("omsctl destroy"), "{refused}");
}

#[test]
fn the_last_healthy_one_stays_unless_that_is_said() {
    let mut cluster = without(2, &["n2"]);
    cluster.facts("n1").container.as_mut().unwrap().health.as_mut().unwrap().healthy = false;
    assert!(cluster.refused().contains("nobody would be left who serves"), "{}", cluster.refused());
}

#[test]
fn without_the_metadb_nobody_leaves() {
    let mut cluster = without(2, &["n2"]);
    cluster.observed.metadb = None;
    assert!(cluster.refused().contains("the MetaDB cannot be read"), "{}", cluster.refused());
}

#[test]
fn done_twice_it_does_nothing() {
    let mut cluster = without(3, &["n3"]);
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    let shorter = cluster.rendered().replace("\"10.0.0.3\"", "");
    let lines: Vec<&str> = shorter.lines().filter(|line| !line.trim().ends_with('-')).collect();
    let shorter = lines.join(
        "
",
    );
    for node in ["n1", "n2"] {
        cluster.write_config(node, shorter.clone());
    }
    let again = cluster.plan().unwrap();
    assert_eq!(again.changes(), 0, "{:?}", again.announced());
}
