//! The virtual IP that keepalived serves: what each host shall have of it, what differs, and the step that mends it.
//! Who holds the address is keepalived's own matter and never planned.

use std::net::IpAddr;

use omsctl_inventory::{Deployment, Host, Region, VirtualIp};
use omsctl_proto::{Action, Facts, NodeName, Step, Subnet, VirtualIpFacts, VirtualIpSpec};

use super::situation::Situation;

/// Hosts beyond the 254th share the lowest priority.
const HIGHEST_PRIORITY: u8 = 254;

/// The step that makes it so on the host, with what differs; `stays` says which hosts of the region are peers.
pub(super) fn step(
    situation: Situation<'_>,
    host: &Host,
    facts: &Facts,
    stays: &dyn Fn(&NodeName) -> bool,
) -> Option<Step> {
    match host.settings.virtual_ip {
        VirtualIp::None | VirtualIp::External { .. } => withdrawal(facts),
        VirtualIp::Keepalived { .. } => {
            let wanted = wanted(situation, host, facts, stays)?;
            let none = VirtualIpFacts::default();
            let why = difference(&wanted, facts.virtual_ip.as_ref().unwrap_or(&none))?;
            Some(Step { why, gate: None, action: Action::ServeVirtualIp { virtual_ip: wanted } })
        }
    }
}

/// For a host that shall not serve it.
pub(super) fn withdrawal(facts: &Facts) -> Option<Step> {
    let why = "omsctl's keepalived is here, and this host shall not serve a virtual IP".to_owned();
    let begun = facts.virtual_ip.as_ref().is_some_and(|found| found.begun);
    begun.then_some(Step { why, gate: None, action: Action::WithdrawVirtualIp })
}

/// What keepalived shall serve on the host; `None` when a check says what is missing for it.
fn wanted(
    situation: Situation<'_>,
    host: &Host,
    facts: &Facts,
    stays: &dyn Fn(&NodeName) -> bool,
) -> Option<VirtualIpSpec> {
    let VirtualIp::Keepalived { address, prefix_length, router_id, .. } = &host.settings.virtual_ip else {
        return None;
    };
    let region = situation.region(host)?;
    let source = *situation.addresses.get(&host.name)?;
    let interface = interface(host, source, facts)?;
    let ports = &region.config.ports;
    let mut ports = vec![ports.cm.number, ports.nginx.number];
    ports.dedup();
    Some(VirtualIpSpec {
        address: *address,
        prefix_length: *prefix_length,
        interface,
        router_id: *router_id,
        priority: priority(region, host, stays),
        source,
        peers: peers(situation, region, host, stays),
        ports,
    })
}

/// The one that the operator names, else the one in whose network the host's own address is.
pub(super) fn interface(host: &Host, own: IpAddr, facts: &Facts) -> Option<String> {
    let VirtualIp::Keepalived { interface, .. } = &host.settings.virtual_ip else { return None };
    let found = || {
        let interfaces = facts.virtual_ip.as_ref()?.interfaces.iter();
        let holds = |subnets: &[Subnet]| {
            let networks = subnets.iter().filter(|subnet| subnet.contains(own));
            networks.map(|subnet| subnet.prefix_length).max()
        };
        let (_, name) = interfaces
            .filter_map(|(name, subnets)| Some((holds(subnets)?, name)))
            .max_by_key(|found| found.0)?;
        Some(name.clone())
    };
    interface.clone().or_else(found)
}

/// By the order of the inventory, whoever is selected; without those that leave, whose lines go next.
fn priority(region: &Region, host: &Host, stays: &dyn Fn(&NodeName) -> bool) -> u8 {
    let mut staying = region.hosts.iter().filter(|node| stays(node));
    let place = staying.position(|node| *node == host.name).unwrap_or(usize::MAX);
    u8::try_from(place).map_or(1, |place| HIGHEST_PRIORITY.saturating_sub(place).max(1))
}

fn peers(
    situation: Situation<'_>,
    region: &Region,
    host: &Host,
    stays: &dyn Fn(&NodeName) -> bool,
) -> Vec<IpAddr> {
    let others = region.hosts.iter().filter(|node| **node != host.name && stays(node));
    others.filter_map(|node| situation.addresses.get(node).copied()).collect()
}

fn difference(wanted: &VirtualIpSpec, found: &VirtualIpFacts) -> Option<String> {
    let Some(serving) = &found.serving else {
        return Some(if found.begun {
            "keepalived's configuration is not the one that omsctl wrote and loaded".to_owned()
        } else {
            format!("keepalived does not serve {} here", wanted.address)
        });
    };
    let mut parts: Vec<String> = Vec::new();
    if !found.running {
        parts.push("omsctl's keepalived does not run".to_owned());
    }
    let mut compare = |what: &str, is: String, shall: String| {
        if is != shall {
            parts.push(format!("{what}: {is} → {shall}"));
        }
    };
    let with_prefix = |spec: &VirtualIpSpec| format!("{}/{}", spec.address, spec.prefix_length);
    compare("address", with_prefix(serving), with_prefix(wanted));
    compare("interface", serving.interface.clone(), wanted.interface.clone());
    compare("router id", serving.router_id.to_string(), wanted.router_id.to_string());
    compare("priority", serving.priority.to_string(), wanted.priority.to_string());
    compare("own address", serving.source.to_string(), wanted.source.to_string());
    compare("peers", list(&serving.peers), list(&wanted.peers));
    compare("ports", list(&serving.ports), list(&wanted.ports));
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn list<T: ToString>(items: &[T]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The virtual IPs that keepalived serves, each with the hosts of which exactly one shall hold it.
pub fn held_addresses(deployment: &Deployment) -> Vec<(IpAddr, Vec<NodeName>)> {
    let mut held: Vec<(IpAddr, Vec<NodeName>)> = Vec::new();
    for host in &deployment.hosts {
        let VirtualIp::Keepalived { address, .. } = &host.settings.virtual_ip else { continue };
        match held.iter_mut().find(|(known, _)| known == address) {
            Some((_, nodes)) => nodes.push(host.name.clone()),
            None => held.push((*address, vec![host.name.clone()])),
        }
    }
    held
}
