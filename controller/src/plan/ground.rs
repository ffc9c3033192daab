//! What the hosts are asked about each other once each of them is known: who is tried where, and by whom the CM's
//! address is asked for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use omsctl_inventory::{Deployment, Host, OmsConfig, RegionName};
use omsctl_proto::{Facts, NodeName};

use super::addresses;
use super::input::Observed;
use super::situation::serves;
use super::wanted::{HOST_AGENT, RANDOM_PORTS};

/// What to ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ground {
    /// Hosts of one group try each other.
    pub places: BTreeMap<NodeName, Place>,
    /// `cm_url`, for each host of a region in which OMS serves already: before that nothing answers there.
    pub cm_urls: BTreeMap<NodeName, String>,
}

/// Where one host is tried by the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub group: RegionName,
    pub address: IpAddr,
    /// Nobody listens on these yet: the agent does for a moment.
    pub free: Vec<u16>,
    /// Its own OMS listens on these.
    pub serving: Vec<u16>,
}

/// Every host that was seen and has an address.
pub fn ground(deployment: &Deployment, observed: &Observed) -> Ground {
    let addresses = addresses::resolve(deployment, observed).by_node;
    let mut ground = Ground::default();
    let mut serving = Vec::new();
    for host in &deployment.hosts {
        let Some(Ok(facts)) = observed.facts.get(&host.name) else { continue };
        if facts.container.as_ref().is_some_and(serves) {
            serving.push(&host.region);
        }
        if let (Some(address), Some(region)) = (addresses.get(&host.name), deployment.region(&host.region)) {
            ground.places.insert(host.name.clone(), place(host, *address, &region.config, facts));
            ground.cm_urls.insert(host.name.clone(), region.config.cm_url.text.clone());
        }
    }
    ground
        .cm_urls
        .retain(|node, _| ground.places.get(node).is_some_and(|place| serving.contains(&&place.group)));
    // Alone in its region it has nobody to try.
    let alone = |place: &Place| deployment.hosts.iter().filter(|host| host.region == place.group).count() < 2;
    ground.places.retain(|_, place| !alone(place));
    ground
}

fn place(host: &Host, address: IpAddr, config: &OmsConfig, facts: &Facts) -> Place {
    let tried = || needed(config).into_iter().chain(RANDOM_PORTS.map(|(first, _)| first));
    Place {
        group: host.region.clone(),
        address,
        free: tried().filter(|port| !facts.ports.contains_key(port)).collect(),
        serving: tried()
            .filter(|port| facts.ports.get(port).is_some_and(|holder| holder.own_container))
            .collect(),
    }
}

/// The ports at which OMS's hosts need each other (`research/oms.md` 1.3).
pub(super) fn needed(config: &OmsConfig) -> Vec<u16> {
    let ports = &config.ports;
    let mut needed = vec![ports.cm.number, ports.nginx.number, ports.supervisor.number, HOST_AGENT];
    needed.sort_unstable();
    needed
}
