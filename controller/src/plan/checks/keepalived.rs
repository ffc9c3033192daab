//! `keepalived` and `virtual_ip`: what a host needs to serve the virtual IP. Nothing where keepalived shall not.

use std::net::IpAddr;

use omsctl_inventory::{Host, VirtualIp};
use omsctl_proto::{CheckResult, Facts, VirtualIpFacts};

use super::row::Row;
use crate::plan::situation::Situation;
use crate::plan::virtual_ip;

pub(super) fn rows(situation: Situation<'_>, host: &Host, facts: &Facts) -> Vec<CheckResult> {
    let VirtualIp::Keepalived { address, prefix_length, router_id, .. } = &host.settings.virtual_ip else {
        return Vec::new();
    };
    let row = Row::on(&host.name, "keepalived", "keepalived is installed, and no other one is in the way");
    let Some(found) = &facts.virtual_ip else {
        let words = "the agent on this host is of a version that does not look at keepalived";
        return vec![row.unknown(words, "let its rollout end, then run this again")];
    };
    let mut rows = vec![program(row, found, *address, *router_id)];
    if let Some(own) = situation.addresses.get(&host.name) {
        rows.push(network(host, facts, found, (*address, *prefix_length), *own));
    }
    rows
}

fn program(row: Row, found: &VirtualIpFacts, address: IpAddr, router_id: u8) -> CheckResult {
    let Some(program) = &found.program else {
        let fix = "install the package keepalived there (`apt install keepalived`, `dnf install keepalived`), and leave \
                   its own service off unless something else needs it";
        return row.fail("there is no keepalived on this host", fix);
    };
    for other in &found.others {
        if other.addresses.contains(&address) {
            return row.fail(
                format!("another keepalived serves {address} ({})", other.config),
                "stop that one, or set oms_vip_provider to external and leave the address to it",
            );
        }
        if other.router_ids.contains(&router_id) {
            return row.fail(
                format!("another keepalived has the virtual router id {router_id} ({})", other.config),
                "set oms_vip_router_id to a number that no keepalived of this network has",
            );
        }
    }
    let beside: Vec<&str> = found.others.iter().map(|other| other.config.as_str()).collect();
    row.pass(if beside.is_empty() {
        program.clone()
    } else {
        format!("{program}, beside another one that is left alone ({})", beside.join(", "))
    })
}

/// An address outside of the interface's network would answer nobody.
fn network(
    host: &Host,
    facts: &Facts,
    found: &VirtualIpFacts,
    (address, prefix_length): (IpAddr, u8),
    own: IpAddr,
) -> CheckResult {
    let expected = format!("an interface of the host is in the network of {address}/{prefix_length}");
    let row = Row::on(&host.name, "virtual_ip", expected);
    let fix =
        "set oms_vip_interface to the interface of that network, and oms_vip_address to a free address in it";
    if address == own {
        return row.fail(format!("{address} is the host's own address"), fix);
    }
    let names = || found.interfaces.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let Some(interface) = virtual_ip::interface(host, own, facts) else {
        return row.fail(format!("no interface is in the network of {own}; there are {}", names()), fix);
    };
    let Some(subnets) = found.interfaces.get(&interface) else {
        return row.fail(format!("there is no interface {interface}; there are {}", names()), fix);
    };
    if subnets.iter().any(|subnet| subnet.contains(address)) {
        row.pass(interface)
    } else {
        row.fail(format!("{interface} is not in that network"), fix)
    }
}
