//! `OMS_HOST_IP` of every host: what the inventory says, else the address it is managed by when the host has it, else
//! the address from which the host speaks to the MetaDB.

use std::collections::BTreeMap;
use std::net::IpAddr;

use omsctl_inventory::{Deployment, Host};
use omsctl_proto::{Facts, NodeName};

use super::input::Observed;
use super::refusal::Refusal;

/// The address of every host that has one, and what is wrong with the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    pub by_node: BTreeMap<NodeName, IpAddr>,
    pub refusals: Vec<Refusal>,
    /// Addresses of unreachable hosts are taken from the inventory without a look at the host.
    pub warnings: Vec<String>,
}

/// Resolves all hosts of the deployment, also those outside `--limit`: `cm_nodes` needs every one of them.
pub fn resolve(deployment: &Deployment, observed: &Observed) -> Addresses {
    let mut addresses = Addresses::default();
    for host in &deployment.hosts {
        let outcome = match observed.facts.get(&host.name) {
            Some(Ok(facts)) => of_seen_host(host, facts),
            Some(Err(_)) | None => of_unseen_host(host, &mut addresses.warnings),
        };
        match outcome {
            Ok(address) => {
                addresses.by_node.insert(host.name.clone(), address);
            }
            Err(refusal) => addresses.refusals.push(refusal),
        }
    }
    let twice = used_twice(deployment, &addresses.by_node);
    addresses.refusals.extend(twice);
    addresses
}

fn of_seen_host(host: &Host, facts: &Facts) -> Result<IpAddr, Refusal> {
    let on_host = |address: IpAddr| facts.addresses.iter().any(|own| own.to_canonical() == address);
    if let Some(address) = host.settings.oms_host_ip {
        let address = address.to_canonical();
        return if on_host(address) {
            Ok(address)
        } else {
            Err(Refusal::AddressNotOnHost { node: host.name.clone(), address, has: usable(facts) })
        };
    }
    managed_by(host).filter(|address| on_host(*address)).or_else(|| towards_metadb(facts)).ok_or_else(|| {
        Refusal::AddressUnknown {
            node: host.name.clone(),
            reason: format!(
                "ansible_host ({}) is no address of the host, and it has no route to the MetaDB",
                host.connection.address
            ),
            has: usable(facts),
        }
    })
}

fn of_unseen_host(host: &Host, warnings: &mut Vec<String>) -> Result<IpAddr, Refusal> {
    if let Some(address) = host.settings.oms_host_ip {
        return Ok(address.to_canonical());
    }
    let address = managed_by(host).ok_or_else(|| Refusal::AddressUnknown {
        node: host.name.clone(),
        reason: "the host does not answer, and cm_nodes of the others needs its address".to_owned(),
        has: Vec::new(),
    })?;
    warnings.push(format!(
        "{} does not answer: its address in cm_nodes is taken to be {address}, from ansible_host",
        host.name
    ));
    Ok(address)
}

/// `ansible_host`, when it is an address that other hosts could use.
fn managed_by(host: &Host) -> Option<IpAddr> {
    let address: IpAddr = host.connection.address.parse().ok()?;
    let address = address.to_canonical();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

fn towards_metadb(facts: &Facts) -> Option<IpAddr> {
    facts.source_address.map(|address| address.to_canonical()).filter(|address| !address.is_loopback())
}

/// What an operator could choose from.
fn usable(facts: &Facts) -> Vec<IpAddr> {
    facts.addresses.iter().copied().filter(|address| !address.is_loopback()).collect()
}

fn used_twice(deployment: &Deployment, by_node: &BTreeMap<NodeName, IpAddr>) -> Vec<Refusal> {
    let mut users: BTreeMap<IpAddr, Vec<NodeName>> = BTreeMap::new();
    for host in &deployment.hosts {
        if let Some(address) = by_node.get(&host.name) {
            users.entry(*address).or_default().push(host.name.clone());
        }
    }
    users
        .into_iter()
        .filter(|(_, nodes)| nodes.len() > 1)
        .map(|(address, nodes)| Refusal::AddressTwice { address, nodes })
        .collect()
}
