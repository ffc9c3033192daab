//! `same_machine`, `machine_id` and `host_key`: two names are two machines. Only the random id that the agent wrote proves that
//! they are one; templates of virtual machines share everything else.

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, Facts, NodeName};

use super::row::Row;
use crate::plan::situation::Situation;

pub(super) fn row(situation: Situation<'_>, host: &Host, facts: &Facts) -> CheckResult {
    let row = Row::on(&host.name, "same_machine", "each name is a machine of its own");
    let others = others(situation, host, |other| other.host_id == facts.host_id);
    if others.is_empty() || facts.host_id.is_empty() {
        return row.pass(facts.hostname.clone());
    }
    row.fail(
        format!("{} and {} are one machine", host.name, others.join(", ")),
        "take one of the lines out of the inventory; after cloning a machine, delete \
         /var/lib/omsctl on the clone",
    )
}

/// Warns only; `None` for the bastion itself, which shows none.
pub(super) fn host_key(situation: Situation<'_>, host: &Host) -> Option<CheckResult> {
    let keys = &situation.observed.host_keys;
    let own = keys.get(&host.name)?;
    let row = Row::on(&host.name, "host_key", "each machine has its own SSH host key");
    let others = keys.iter().filter(|(name, key)| **name != host.name && *key == own);
    let others: Vec<String> = others.map(|(name, _)| name.to_string()).collect();
    Some(if others.is_empty() {
        row.pass(own.clone())
    } else {
        row.warn(
            format!("{} shows the same one", others.join(", ")),
            "machines from one template: remove /etc/ssh/ssh_host_* on the clones, `ssh-keygen -A`, restart sshd",
        )
    })
}

/// Warns only; `None` when there is nothing to say.
pub(super) fn machine_id(situation: Situation<'_>, host: &Host, facts: &Facts) -> Option<CheckResult> {
    let own = facts.machine_id.as_ref()?;
    let row = Row::on(&host.name, "machine_id", "each machine has its own machine-id");
    let others = others(situation, host, |other| other.machine_id.as_ref() == Some(own));
    Some(if others.is_empty() {
        row.pass(own.clone())
    } else {
        row.warn(
            format!("{} has the same one", others.join(", ")),
            "machines from one template: `systemd-machine-id-setup` after emptying /etc/machine-id",
        )
    })
}

fn others(situation: Situation<'_>, host: &Host, same: impl Fn(&Facts) -> bool) -> Vec<String> {
    let hosts = situation.deployment.hosts.iter().map(|other| &other.name);
    let others: Vec<&NodeName> = hosts.filter(|name| **name != host.name).collect();
    others
        .into_iter()
        .filter(|name| situation.facts(name).is_some_and(&same))
        .map(ToString::to_string)
        .collect()
}
