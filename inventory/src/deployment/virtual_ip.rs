//! The `oms_vip_*` variables.

use std::net::IpAddr;

use super::variables::HostVariables;
use crate::model::VirtualIp;
use crate::problem::{Problem, ProblemCode};

#[derive(Clone, Copy, PartialEq)]
enum Provider {
    None,
    External,
    Keepalived,
}

/// The virtual IP; what keepalived needs and does not have is told.
pub(super) fn virtual_ip(host: &mut HostVariables<'_>) -> VirtualIp {
    let choices =
        [("none", Provider::None), ("external", Provider::External), ("keepalived", Provider::Keepalived)];
    let provider = host.choice("oms_vip_provider", &choices).unwrap_or(Provider::None);
    let address = address(host);
    let interface = interface(host);
    let router_id = host.number(&["oms_vip_router_id"], 1..=255).and_then(|number| u8::try_from(number).ok());
    match provider {
        Provider::None => VirtualIp::None,
        Provider::External => VirtualIp::External { address: address.map(|(address, _)| address) },
        Provider::Keepalived => {
            let Some((address, prefix)) = address else {
                needs_address(host, "`oms_vip_provider` is keepalived and `oms_vip_address` is not usable");
                return VirtualIp::None;
            };
            let Some(prefix_length) = prefix else {
                needs_address(host, "keepalived needs `oms_vip_address` with its prefix length");
                return VirtualIp::None;
            };
            let last = match address {
                IpAddr::V4(address) => address.octets()[3],
                IpAddr::V6(address) => address.octets()[15],
            };
            // VRRP has no router 0.
            let router_id = router_id.unwrap_or(last.max(1));
            VirtualIp::Keepalived { address, prefix_length, interface, router_id }
        }
    }
}

fn needs_address(host: &mut HostVariables<'_>, message: &str) {
    let place = ["oms_vip_address", "oms_vip_provider"].iter().find_map(|name| host.variables.get(*name));
    let mut problem = Problem::error(ProblemCode::VariableMissing, message)
        .key("oms_vip_address")
        .allowed("an address with its prefix length, such as 10.0.0.100/24");
    if let Some(variable) = place {
        problem = problem.at(&variable.place);
    }
    host.problems.push(problem);
}

fn address(host: &mut HostVariables<'_>) -> Option<(IpAddr, Option<u8>)> {
    let at = host.text(&["oms_vip_address"])?;
    let (address, prefix) = match at.value.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (at.value.as_str(), None),
    };
    let parsed = address.parse::<IpAddr>().ok().filter(|address| !address.is_loopback());
    let width = parsed.map_or(0, |address| if address.is_ipv4() { 32 } else { 128 });
    let length = prefix.map(|prefix| prefix.parse::<u8>().ok().filter(|length| (1..=width).contains(length)));
    match (parsed, length) {
        (Some(address), None) => Some((address, None)),
        (Some(address), Some(Some(length))) => Some((address, Some(length))),
        _ => {
            let allowed = "an address with its prefix length, such as 10.0.0.100/24";
            host.refuse("oms_vip_address", &at.place, Some(&at.value), allowed);
            None
        }
    }
}

fn interface(host: &mut HostVariables<'_>) -> Option<String> {
    let at = host.text(&["oms_vip_interface"])?;
    let valid =
        at.value.len() <= 15 && at.value.chars().all(|c| c.is_ascii_graphic() && c != '/' && c != '"');
    if !valid {
        host.refuse(
            "oms_vip_interface",
            &at.place,
            Some(&at.value),
            "the name of a network interface, such as eth0",
        );
    }
    valid.then_some(at.value)
}
