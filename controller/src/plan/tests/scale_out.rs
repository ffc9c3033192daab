//! One more line in the inventory.

use omsctl_proto::Role;

use crate::plan::fixture::{Cluster, name, steps_of};

#[test]
fn the_new_host_comes_first_and_the_others_keep_their_containers() {
    let mut cluster = Cluster::ready(3);
    cluster.add_host();
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.node(&name("n4")).unwrap().role, Role::New);
    assert_eq!(steps_of(&plan, "n4").first().map(String::as_str), Some("make_directories"));
    assert_eq!(steps_of(&plan, "n4").last().map(String::as_str), Some("register"));
    assert_eq!(plan.schema_order, [name("n4")]);
    for node in ["n1", "n2", "n3"] {
        assert_eq!(plan.node(&name(node)).unwrap().role, Role::Existing);
        assert_eq!(
            steps_of(&plan, node),
            ["turn:write_config", "reload_config", "await_services", "await_healthy"]
        );
    }
    let why = cluster.why("n1", "write_config");
    assert!(
        why.starts_with(
            "cm_nodes differs: have 10.0.0.1, 10.0.0.2, 10.0.0.3, want 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4"
        ),
        "{why}"
    );
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
}

#[test]
fn one_serving_host_waits_too_when_another_is_new() {
    let mut cluster = Cluster::ready(1);
    cluster.add_host();
    assert_eq!(cluster.steps("n1")[0], "turn:write_config");
}

#[test]
fn with_a_limit_only_the_new_host_is_planned_and_it_knows_all_nodes() {
    let mut cluster = Cluster::ready(2);
    cluster.add_host();
    cluster.limit(&["n3"]);
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.nodes.len(), 1);
    assert_eq!(plan.warnings, ["outside --limit: cm_nodes on n1, n2 lists n3 only after an apply there"]);
    let text = plan.secrets[&name("n3")].values().next().unwrap().expose().to_owned();
    for address in ["10.0.0.1", "10.0.0.2", "10.0.0.3"] {
        assert!(text.contains(&format!("\"{address}\"")), "{text}");
    }
}

#[test]
fn the_next_apply_does_only_the_host_that_was_unreachable() {
    let mut cluster = Cluster::fresh(3);
    let facts = cluster.observed.facts[&name("n3")].clone();
    cluster.unreachable("n3");
    let plan = cluster.plan().unwrap();
    assert_eq!(plan.nodes.len(), 2);
    assert_eq!(plan.unreachable[&name("n3")].message, "no route to host");
    assert!(plan.warnings[0].contains("10.0.0.3"), "{:?}", plan.warnings);
    cluster.walk(&plan);

    cluster.observed.facts.insert(name("n3"), facts);
    let plan = cluster.plan().unwrap();
    assert_eq!(steps_of(&plan, "n1"), [""; 0]);
    assert_eq!(steps_of(&plan, "n2"), [""; 0]);
    assert_eq!(steps_of(&plan, "n3").len(), 8);
}

#[test]
fn an_unreachable_host_without_an_address_stops_the_others() {
    let mut cluster = Cluster::fresh(2);
    "n2.example.com".clone_into(&mut cluster.deployment.hosts[1].connection.address);
    cluster.unreachable("n2");
    let text = cluster.refused();
    assert!(text.contains("set oms_host_ip of n2"), "{text}");
    cluster.settings("n2").oms_host_ip = Some("10.0.0.2".parse().unwrap());
    assert_eq!(cluster.plan().unwrap().nodes.len(), 1);
}

#[test]
fn a_new_host_never_waits_at_the_schema_gate_for_a_host_that_waits_for_its_turn() {
    let mut cluster = Cluster::ready(2);
    cluster.container("n1").tty = false;
    cluster.add_host();
    let plan = cluster.plan().unwrap();
    assert!(plan.node(&name("n1")).unwrap().has_gate(omsctl_proto::Gate::Turn));
    assert_eq!(plan.schema_order, [name("n3"), name("n1")]);
}

#[test]
fn when_nobody_answers_there_is_nothing_to_refuse() {
    let mut cluster = Cluster::fresh(2);
    for (index, node) in ["n1", "n2"].into_iter().enumerate() {
        node.clone_into(&mut cluster.deployment.hosts[index].connection.address);
        cluster.unreachable(node);
    }
    cluster.observed.metadb = None;
    let plan = cluster.plan().unwrap();
    assert_eq!((plan.nodes.len(), plan.unreachable.len()), (0, 2));
}
