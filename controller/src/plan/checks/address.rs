//! `oms_host_ip`: the address by which OMS knows the host is an address of that host.

use omsctl_inventory::Host;
use omsctl_proto::CheckResult;

use super::row::Row;
use crate::plan::addresses::Addresses;

const NAME: &str = "oms_host_ip";

/// `None` when there is neither an address nor a reason: then another row tells it.
pub(super) fn row(addresses: &Addresses, host: &Host) -> Option<CheckResult> {
    if let Some(address) = addresses.by_node.get(&host.name) {
        let row = Row::on(&host.name, NAME, "an address on an interface of the host");
        return Some(row.pass(address.to_string()));
    }
    let refusal = addresses.refusals.iter().find(|refusal| refusal.node() == Some(&host.name))?;
    Some(refusal.check(NAME))
}
