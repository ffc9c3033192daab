//! `OMS_HOST_IP` of every host.

use crate::plan::fixture::{Cluster, name};
use crate::plan::resolve_addresses;

/// The address of `n1`, or the refusal with its causes.
fn address(change: impl FnOnce(&mut Cluster)) -> String {
    let mut cluster = Cluster::fresh(1);
    cluster.facts("n1").addresses.push("192.168.0.5".parse().unwrap());
    change(&mut cluster);
    let addresses = resolve_addresses(&cluster.deployment, &cluster.observed);
    match addresses.by_node.get(&name("n1")) {
        Some(address) => address.to_string(),
        None => addresses.refusals[0].report().one_line(),
    }
}

fn managed_by(cluster: &mut Cluster, text: &str) {
    text.clone_into(&mut cluster.deployment.hosts[0].connection.address);
}

#[test]
fn what_is_set_comes_first_then_ansible_host_then_the_way_to_the_metadb() {
    assert_eq!(address(|_| ()), "10.0.0.1");
    assert_eq!(
        address(|cluster| cluster.settings("n1").oms_host_ip = Some("192.168.0.5".parse().unwrap())),
        "192.168.0.5"
    );
    for elsewhere in ["172.16.0.1", "127.0.0.1", "n1.example.com"] {
        let found = address(|cluster| {
            managed_by(cluster, elsewhere);
            cluster.facts("n1").source_address = Some("192.168.0.5".parse().unwrap());
        });
        assert_eq!(found, "192.168.0.5", "{elsewhere}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_addresses_of_the_host() {
    assert_eq!(
        address(|cluster| cluster.settings("n1").oms_host_ip = Some("10.9.9.9".parse().unwrap())),
        "n1: oms_host_ip is 10.9.9.9, and no interface of the host has it: the host has 10.0.0.1, 192.168.0.5"
    );
    let found = address(|cluster| {
        managed_by(cluster, "n1");
        cluster.facts("n1").source_address = None;
    });
    assert!(found.contains("no route to the MetaDB") && found.contains("10.0.0.1"), "{found}");
}

#[test]
fn one_address_for_two_hosts_is_refused() {
    let mut cluster = Cluster::fresh(2);
    let address = "10.0.0.1".parse().unwrap();
    cluster.facts("n2").addresses.push(address);
    cluster.settings("n2").oms_host_ip = Some(address);
    assert!(cluster.refused().contains("n1, n2 have one address: 10.0.0.1"));
}
