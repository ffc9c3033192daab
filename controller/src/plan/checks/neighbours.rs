//! `other_oms` and `leftovers`: another OMS on the host, and what an earlier one left. Files only warn: a host that comes
//! back to its cluster has them, and they are kept.

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, Facts, OtherContainer};

use super::row::Row;
use crate::plan::wanted::text_of;

pub(super) fn rows(host: &Host, facts: &Facts) -> Vec<CheckResult> {
    [other_oms(host, facts)].into_iter().chain(leftovers(host, facts)).collect()
}

fn other_oms(host: &Host, facts: &Facts) -> CheckResult {
    let name = &host.settings.container_name;
    let row = Row::on(&host.name, "other_oms", format!("no other container of OMS than {name}"));
    let ours = |other: &&OtherContainer| {
        // What omsctl replaced is kept under the name with a run behind it.
        !other.running && other.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('-'))
    };
    let others: Vec<&OtherContainer> = facts.other_containers.iter().filter(|other| !ours(other)).collect();
    let names: Vec<String> = others
        .iter()
        .map(|other| {
            let state = if other.running { "runs" } else { "is stopped" };
            format!("{} ({}) {state}", other.name, other.image)
        })
        .collect();
    let found = names.join("; ");
    if others.is_empty() {
        row.pass("none")
    } else if others.iter().any(|other| other.running) {
        row.fail(
            found,
            "when it is this cluster's (made by hand or by OBD), set oms_container_name of this host to its name; \
             else stop it: two take the same ports",
        )
    } else {
        row.warn(found, "when it is this cluster's, set oms_container_name of this host to its name")
    }
}

/// Only where there is no container yet.
fn leftovers(host: &Host, facts: &Facts) -> Option<CheckResult> {
    if facts.container.is_some() {
        return None;
    }
    let mount = &host.settings.mount;
    let row = Row::on(&host.name, "leftovers", "nothing of an earlier OMS at the mount paths");
    let filled: Vec<String> = [&mount.logs, &mount.store, &mount.run]
        .map(|path| text_of(path))
        .into_iter()
        .filter(|path| facts.filled.contains(path))
        .collect();
    Some(if filled.is_empty() {
        row.pass("nothing")
    } else {
        row.warn(
            format!("not empty: {}", filled.join(", ")),
            "the new container will use them: right for a host that comes back, else move them away",
        )
    })
}
