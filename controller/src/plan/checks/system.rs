//! `kernel`, `tcp_tw_recycle`, `selinux`, `firewall`: what the system itself sets. `SELinux` and a firewall only warn:
//! what they really forbid shows elsewhere.

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, Facts, SelinuxMode};

use super::row::Row;
use crate::plan::version::OmsVersion;

pub(super) const TCP_TW_RECYCLE: &str = "tcp_tw_recycle";
/// Docker's own limit.
const OLDEST_KERNEL: [u32; 2] = [3, 10];

pub(super) fn rows(host: &Host, facts: &Facts) -> Vec<CheckResult> {
    let mut rows = vec![kernel(host, facts), tcp_tw_recycle(host, facts)];
    rows.push(selinux(host, facts));
    rows.push(firewall(host, facts));
    rows
}

fn kernel(host: &Host, facts: &Facts) -> CheckResult {
    let row = Row::on(&host.name, "kernel", "Linux 3.10 or later");
    match OmsVersion::find(&facts.kernel) {
        Some(version) if version.compare(&OLDEST_KERNEL).is_lt() => {
            row.fail(facts.kernel.clone(), "Docker needs a newer kernel: use a newer system on this host")
        }
        Some(_) => row.pass(facts.kernel.clone()),
        None => row.warn(facts.kernel.clone(), "see to it that this is at least Linux 3.10"),
    }
}

/// With it the console says "Failed to fetch" (`research/oms.md` 1.1).
fn tcp_tw_recycle(host: &Host, facts: &Facts) -> CheckResult {
    let row = Row::on(&host.name, TCP_TW_RECYCLE, "net.ipv4.tcp_tw_recycle is 0");
    match facts.system.tcp_tw_recycle {
        None => row.pass("this kernel does not have it"),
        Some(false) => row.pass("0"),
        Some(true) => row.fail(
            "1",
            "`omsctl check --fix`, or `sysctl -w net.ipv4.tcp_tw_recycle=0` there; and take it out of /etc/sysctl.conf",
        ),
    }
}

fn selinux(host: &Host, facts: &Facts) -> CheckResult {
    let row = Row::on(&host.name, "selinux", "SELinux does not enforce");
    match facts.system.selinux {
        None => row.pass("not used"),
        Some(SelinuxMode::Permissive) => row.pass("permissive"),
        Some(SelinuxMode::Enforcing) => row.warn(
            "enforcing",
            "OMS's container is privileged, which Docker does not confine; should OMS be denied a file all the same, \
             `ausearch -m avc` on the host says which",
        ),
    }
}

fn firewall(host: &Host, facts: &Facts) -> CheckResult {
    let row = Row::on(&host.name, "firewall", "no firewall manager, or one that lets OMS's ports pass");
    match facts.system.firewalls.join(" and ") {
        none if none.is_empty() => row.pass("none"),
        some => row.warn(
            format!("{some} is at work"),
            "see to it that it lets pass what `reach` tries, and the console's port from outside",
        ),
    }
}
