//! Hosts that have something in common that hosts must not share, and hosts that differ where they should not.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::ansible::AnsibleInventory;
use crate::config::NodeAddresses;
use crate::model::{ConnectionMethod, Host, MountPaths};
use crate::problem::{Place, Problem, ProblemCode, Problems};

/// What is known of the host's address before it has been asked.
pub(super) fn known_address(host: &Host) -> NodeAddresses {
    let literal = host.connection.address.parse::<IpAddr>().ok();
    let address = host.settings.oms_host_ip.or(literal.filter(|address| !address.is_loopback()));
    NodeAddresses { name: host.name.to_string(), address }
}

/// Rules over pairs of hosts.
pub(super) fn check_hosts(hosts: &[Host], inventory: &AnsibleInventory, problems: &mut Problems) {
    same_oms_host_ip(hosts, inventory, problems);
    same_ssh_address(hosts, inventory, problems);
    container_names_differ(hosts, inventory, problems);
    mount_paths_differ(hosts, inventory, problems);
}

fn place_of(inventory: &AnsibleInventory, host: &Host, variable: &str) -> Option<Place> {
    let variables = inventory.host_variables(host.name.as_str());
    let variable = variables.and_then(|variables| variables.get(variable)).map(|variable| &variable.place);
    variable.or_else(|| inventory.place_of(host.name.as_str())).cloned()
}

fn place(problem: Problem, place: Option<Place>) -> Problem {
    match place {
        Some(place) => problem.at(&place),
        None => problem,
    }
}

fn same_oms_host_ip(hosts: &[Host], inventory: &AnsibleInventory, problems: &mut Problems) {
    let mut seen: BTreeMap<IpAddr, &Host> = BTreeMap::new();
    for host in hosts {
        let Some(address) = host.settings.oms_host_ip else { continue };
        if let Some(first) = seen.get(&address) {
            let message = format!("{} and {} have the same `oms_host_ip`", first.name, host.name);
            let problem = Problem::error(ProblemCode::DuplicateAddress, message)
                .key("oms_host_ip")
                .found(address.to_string())
                .hint("it is OMS's identity of a host; set it on each host's own line");
            problems.push(place(problem, place_of(inventory, host, "oms_host_ip")));
        }
        seen.entry(address).or_insert(host);
    }
}

/// A warning only: behind two jump hosts one address can be two machines.
fn same_ssh_address(hosts: &[Host], inventory: &AnsibleInventory, problems: &mut Problems) {
    let mut seen: BTreeMap<(&str, u16), &Host> = BTreeMap::new();
    for host in hosts.iter().filter(|host| host.connection.method == ConnectionMethod::Ssh) {
        let connection = &host.connection;
        let key = (connection.address.as_str(), connection.port);
        if let Some(first) = seen.get(&key) {
            let message = format!("{} and {} are reached at the same address", first.name, host.name);
            let problem = Problem::warning(ProblemCode::DuplicateAddress, message)
                .key("ansible_host")
                .found(format!("{} port {}", connection.address, connection.port))
                .hint("one machine cannot be two OMS hosts");
            problems.push(place(problem, place_of(inventory, host, "ansible_host")));
        }
        seen.entry(key).or_insert(host);
    }
}

fn container_names_differ(hosts: &[Host], inventory: &AnsibleInventory, problems: &mut Problems) {
    let Some(first) = hosts.first() else { return };
    let differs = |host: &&Host| host.settings.container_name != first.settings.container_name;
    if let Some(host) = hosts.iter().find(differs) {
        let message = format!("the container's name differs between {} and {}", first.name, host.name);
        let problem = Problem::warning(ProblemCode::Unusual, message)
            .key("oms_container_name")
            .found(format!("{} and {}", first.settings.container_name, host.settings.container_name))
            .hint("OBD takes an installation over only when the name is the same everywhere");
        problems.push(place(problem, place_of(inventory, host, "oms_container_name")));
    }
}

fn mount_paths_differ(hosts: &[Host], inventory: &AnsibleInventory, problems: &mut Problems) {
    let Some(first) = hosts.first() else { return };
    if let Some(host) = hosts.iter().find(|host| host.settings.mount != first.settings.mount) {
        let (variable, before, after) = differing_path(&first.settings.mount, &host.settings.mount);
        let message = format!("the mount paths differ between {} and {}", first.name, host.name);
        let problem = Problem::warning(ProblemCode::Unusual, message)
            .key(variable)
            .found(format!("{before} and {after}"))
            .hint("OBD takes an installation over only when they are the same everywhere");
        let at = place_of(inventory, host, variable).or_else(|| place_of(inventory, host, "oms_mount_path"));
        problems.push(place(problem, at));
    }
}

fn differing_path(one: &MountPaths, other: &MountPaths) -> (&'static str, String, String) {
    let pairs = [
        ("oms_logs_dir", &one.logs, &other.logs),
        ("oms_store_dir", &one.store, &other.store),
        ("oms_run_dir", &one.run, &other.run),
        ("oms_config_file", &one.config_file, &other.config_file),
        ("oms_https_cert_mount", &one.https_crt, &other.https_crt),
        ("oms_https_key_mount", &one.https_key, &other.https_key),
    ];
    let differing = pairs.iter().find(|(_, one, other)| one != other).unwrap_or(&pairs[5]);
    (differing.0, differing.1.display().to_string(), differing.2.display().to_string())
}
