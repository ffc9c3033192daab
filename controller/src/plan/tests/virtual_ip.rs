//! The virtual IP: where it is served, what differs, what is checked before, and when it goes.

use std::net::IpAddr;

use omsctl_inventory::VirtualIp;
use omsctl_proto::{Action, CheckStatus, OtherKeepalived, Step, VirtualIpSpec};

use crate::plan::fixture::{Cluster, name, steps_of};
use crate::plan::{Destruction, Purpose, held_addresses, preflight};

fn address() -> IpAddr {
    "10.0.0.100".parse().unwrap()
}

fn keepalived(interface: Option<&str>) -> VirtualIp {
    VirtualIp::Keepalived {
        address: address(),
        prefix_length: 24,
        interface: interface.map(str::to_owned),
        router_id: 100,
    }
}

fn with_keepalived(mut cluster: Cluster) -> Cluster {
    for host in &mut cluster.deployment.hosts {
        host.settings.virtual_ip = keepalived(None);
    }
    cluster
}

/// As after a rollout with keepalived.
fn ready(hosts: u8) -> Cluster {
    let mut cluster = with_keepalived(Cluster::fresh(hosts));
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    cluster
}

fn spec_of(cluster: &Cluster, node: &str) -> VirtualIpSpec {
    let plan = cluster.plan().unwrap();
    let steps = &plan.node(&name(node)).unwrap().steps;
    let spec = |step: &Step| {
        if let Action::ServeVirtualIp { virtual_ip } = &step.action { Some(virtual_ip.clone()) } else { None }
    };
    steps.iter().find_map(spec).expect("the step")
}

/// Status, finding and fix of a row.
fn row(cluster: &Cluster, check: &str) -> (CheckStatus, String) {
    let rows = preflight(&cluster.deployment, &cluster.observed, &cluster.goal);
    let row = rows.iter().find(|row| row.node == Some(name("n1")) && row.name == check).expect("the row");
    (row.status, format!("{} | {}", row.found, row.fix))
}

#[test]
fn it_is_served_after_the_services_and_before_health() {
    let cluster = with_keepalived(Cluster::fresh(3));
    for node in ["n1", "n2", "n3"] {
        let steps = cluster.steps(node);
        let tail = &steps[steps.len() - 4..];
        assert_eq!(tail, ["await_services", "serve_virtual_ip", "await_healthy", "register"], "{steps:?}");
    }
    let ips = |last: &[u8]| last.iter().map(|last| IpAddr::from([10, 0, 0, *last])).collect::<Vec<_>>();
    let expected = VirtualIpSpec {
        address: address(),
        prefix_length: 24,
        interface: "eth0".to_owned(),
        router_id: 100,
        priority: 253,
        source: ips(&[2])[0],
        peers: ips(&[1, 3]),
        ports: vec![8088, 8089],
    };
    assert_eq!(spec_of(&cluster, "n2"), expected);
    assert_eq!((spec_of(&cluster, "n1").priority, spec_of(&cluster, "n3").priority), (254, 252));
}

#[test]
fn it_is_not_planned_again_and_the_ports_are_the_configured_ones() {
    assert_eq!(ready(3).plan().unwrap().changes(), 0);
    assert_eq!(spec_of(&with_keepalived(Cluster::fresh(1)), "n1").peers, Vec::<IpAddr>::new(), "alone");
    let mut fresh = with_keepalived(Cluster::fresh(2));
    fresh.config().ports.cm.number = 18088;
    assert_eq!(spec_of(&fresh, "n1").ports, [18088, 8089]);
}

#[test]
fn a_dead_keepalived_another_interface_and_a_touched_file_are_differences() {
    let mut cluster = ready(3);
    cluster.facts("n2").virtual_ip.as_mut().unwrap().running = false;
    assert_eq!(cluster.steps("n2"), ["turn:serve_virtual_ip"]);
    assert_eq!(cluster.why("n2", "serve_virtual_ip"), "omsctl's keepalived does not run");
    assert_eq!(cluster.steps("n1"), Vec::<String>::new());
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
    cluster.settings("n3").virtual_ip = keepalived(Some("lo"));
    assert_eq!(cluster.why("n3", "serve_virtual_ip"), "interface: eth0 → lo");
    cluster.facts("n1").virtual_ip.as_mut().unwrap().serving = None;
    assert!(cluster.why("n1", "serve_virtual_ip").contains("not the one that omsctl wrote"));
}

#[test]
fn one_host_more_is_a_peer_more_for_the_others() {
    let mut cluster = ready(2);
    cluster.add_host();
    let mut cluster = with_keepalived(cluster);
    assert!(cluster.steps("n3").contains(&"serve_virtual_ip".to_owned()));
    assert_eq!(
        cluster.steps("n1"),
        ["turn:write_config", "reload_config", "await_services", "serve_virtual_ip", "await_healthy"]
    );
    assert_eq!(cluster.why("n1", "serve_virtual_ip"), "peers: 10.0.0.2 → 10.0.0.2, 10.0.0.3");
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
}

#[test]
fn a_host_that_leaves_gives_it_up_first_and_the_others_forget_it() {
    let mut cluster = ready(3);
    cluster.goal.purpose = Purpose::Remove([name("n3")].into());
    let plan = cluster.plan().unwrap();
    assert_eq!(steps_of(&plan, "n3"), ["withdraw_virtual_ip", "stop_container", "deregister"]);
    let others =
        ["turn:write_config", "reload_config", "await_services", "serve_virtual_ip", "await_healthy"];
    assert_eq!(steps_of(&plan, "n1"), others);
    assert_eq!(spec_of(&cluster, "n1").peers, [IpAddr::from([10, 0, 0, 2])]);
    cluster.goal.purpose = Purpose::Remove([name("n1")].into());
    assert_eq!(spec_of(&cluster, "n2").priority, 254, "as it will be without n1's line");
    cluster.goal.purpose = Purpose::Remove([name("n3")].into());
    let container = cluster.container("n3");
    container.running = false;
    "exited".clone_into(&mut container.status);
    assert_eq!(cluster.steps("n3"), ["withdraw_virtual_ip", "stop_container", "deregister"], "set aside");
}

#[test]
fn another_provider_takes_omsctls_keepalived_away() {
    let mut cluster = ready(2);
    for node in ["n1", "n2"] {
        cluster.settings(node).virtual_ip = VirtualIp::External { address: Some(address()) };
    }
    assert_eq!(cluster.steps("n1"), ["turn:withdraw_virtual_ip"]);
    let plan = cluster.plan().unwrap();
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
    assert_eq!(held_addresses(&cluster.deployment), []);
}

#[test]
fn stop_and_start_leave_keepalived_to_its_check() {
    let mut cluster = ready(3);
    cluster.goal.purpose = Purpose::Stop;
    cluster.limit(&["n1"]);
    assert_eq!(cluster.steps("n1"), ["stop_container"]);
}

#[test]
fn a_missing_keepalived_and_one_in_the_way_fail_the_check() {
    let mut cluster = with_keepalived(Cluster::fresh(2));
    assert_eq!(row(&cluster, "keepalived").0, CheckStatus::Pass);
    assert_eq!(row(&cluster, "virtual_ip"), (CheckStatus::Pass, "eth0 | ".to_owned()));
    cluster.facts("n1").virtual_ip.as_mut().unwrap().program = None;
    let (status, words) = row(&cluster, "keepalived");
    assert_eq!(status, CheckStatus::Fail);
    assert!(words.contains("install the package keepalived"), "{words}");
    let other = |router_id, last| OtherKeepalived {
        config: "/etc/keepalived/keepalived.conf".to_owned(),
        router_ids: vec![router_id],
        addresses: vec![[10, 0, 0, last].into()],
    };
    let found = cluster.facts("n1").virtual_ip.as_mut().unwrap();
    found.program = Some("/usr/sbin/keepalived".to_owned());
    found.others = vec![other(7, 7)];
    let (status, words) = row(&cluster, "keepalived");
    assert!(status == CheckStatus::Pass && words.contains("left alone"), "{words}");
    for (router_id, last, word) in [(7, 100, "oms_vip_provider"), (100, 7, "oms_vip_router_id")] {
        cluster.facts("n1").virtual_ip.as_mut().unwrap().others = vec![other(router_id, last)];
        let (status, words) = row(&cluster, "keepalived");
        assert!(status == CheckStatus::Fail && words.contains(word), "{words}");
    }
    cluster.facts("n1").virtual_ip = None;
    assert_eq!(row(&cluster, "keepalived").0, CheckStatus::Unknown);
}

#[test]
fn an_address_outside_of_the_interfaces_network_fails_the_check() {
    let mut cluster = with_keepalived(Cluster::fresh(2));
    cluster.settings("n1").virtual_ip = keepalived(Some("eth7"));
    let (status, words) = row(&cluster, "virtual_ip");
    assert!(status == CheckStatus::Fail && words.contains("no interface eth7"), "{words}");
    cluster.settings("n1").virtual_ip = keepalived(Some("lo"));
    let (status, words) = row(&cluster, "virtual_ip");
    assert!(status == CheckStatus::Fail && words.contains("lo is not in that network"), "{words}");
    cluster.settings("n1").virtual_ip = VirtualIp::Keepalived {
        address: "10.0.0.1".parse().unwrap(),
        prefix_length: 24,
        interface: None,
        router_id: 1,
    };
    let (status, words) = row(&cluster, "virtual_ip");
    assert!(status == CheckStatus::Fail && words.contains("own address"), "{words}");
    // No interface in its network: nothing is planned that could not work, and nothing is taken away.
    let found = cluster.facts("n1").virtual_ip.as_mut().unwrap();
    found.interfaces.clear();
    found.begun = true;
    let steps = cluster.steps("n1");
    assert!(!steps.iter().any(|step| step.contains("virtual_ip")), "{steps:?}");
}

#[test]
fn without_keepalived_there_is_no_row_and_no_address() {
    let cluster = Cluster::fresh(2);
    let rows = preflight(&cluster.deployment, &cluster.observed, &cluster.goal);
    assert!(rows.iter().all(|row| row.name != "keepalived" && row.name != "virtual_ip"));
    assert_eq!(held_addresses(&cluster.deployment), []);
    let held = held_addresses(&with_keepalived(cluster).deployment);
    assert_eq!(held, [(address(), vec![name("n1"), name("n2")])]);
}

#[test]
fn destroy_withdraws_it_before_oms_goes() {
    let mut cluster = ready(2);
    cluster.goal.purpose = Purpose::Destroy(Destruction::default());
    cluster.limit(&["n1"]);
    let plan = cluster.plan().unwrap();
    assert_eq!(steps_of(&plan, "n1"), ["withdraw_virtual_ip", "remove_containers"]);
    cluster.walk(&plan);
    assert_eq!(cluster.plan().unwrap().changes(), 0);
}
