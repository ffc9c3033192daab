//! All checks in the order in which they are told: every selected host, then the cluster as a whole.

use std::collections::BTreeSet;

use omsctl_inventory::{Deployment, Host};
use omsctl_proto::{CheckResult, CheckStatus, Facts, NodeName};

use super::{
    address, certificate, clock, cluster, connect, disk, docker, identity, image, keepalived, metadb,
    neighbours, paths, ports, reach, sizing, system, tsdb,
};
use crate::plan::addresses::{self, Addresses};
use crate::plan::input::{Goal, Observed};
use crate::plan::situation::Situation;

/// Every check of every selected host and of the cluster.
pub fn preflight(deployment: &Deployment, observed: &Observed, goal: &Goal) -> Vec<CheckResult> {
    let addresses = addresses::resolve(deployment, observed);
    let situation = Situation { deployment, observed, goal, addresses: &addresses.by_node };
    let mut rows = Vec::new();
    for host in deployment.hosts.iter().filter(|host| host.selected) {
        rows.push(connect::row(&host.name, &host.connection, observed.facts.get(&host.name)));
        if let Some(facts) = situation.facts(&host.name) {
            rows.extend(of_host(situation, &addresses, host, facts));
        }
    }
    rows.extend(tsdb::server(situation));
    rows.extend(cluster::rows(situation, &addresses));
    rows
}

fn of_host(situation: Situation<'_>, addresses: &Addresses, host: &Host, facts: &Facts) -> Vec<CheckResult> {
    let mut rows = vec![docker::row(host, facts)];
    rows.extend(address::row(addresses, host));
    rows.extend(image::rows(situation, host, facts));
    rows.extend(certificate::row(situation, host, facts));
    rows.push(paths::row(host, facts));
    rows.extend(disk::rows(situation, host, facts));
    rows.extend(ports::rows(situation, host, facts));
    rows.extend(neighbours::rows(host, facts));
    rows.extend(keepalived::rows(situation, host, facts));
    rows.push(metadb::row(situation, host));
    rows.extend(reach::rows(situation, host));
    rows.extend(tsdb::row(situation, &host.name));
    rows.push(identity::row(situation, host, facts));
    rows.extend(identity::machine_id(situation, host, facts));
    rows.extend(identity::host_key(situation, host));
    rows.extend(sizing::rows(host, facts));
    rows.extend(system::rows(host, facts));
    rows.extend(clock::rows(situation, host, facts));
    rows
}

/// No `fail` and no `unknown`.
pub fn passed(rows: &[CheckResult]) -> bool {
    rows.iter().all(|row| matches!(row.status, CheckStatus::Pass | CheckStatus::Warn))
}

/// Whether a row of the cluster as a whole did not pass: no host may be changed then.
pub fn cluster_failed(rows: &[CheckResult]) -> bool {
    let cluster: Vec<_> = rows.iter().filter(|row| row.node.is_none()).cloned().collect();
    !passed(&cluster)
}

/// Reachable hosts with a row that did not pass: those that `--keep-going` leaves out. Dead hosts are left out anyway.
pub fn failed_nodes(rows: &[CheckResult]) -> BTreeSet<NodeName> {
    let failed = rows.iter().filter(|row| matches!(row.status, CheckStatus::Fail | CheckStatus::Unknown));
    failed.filter(|row| row.name != connect::NAME).filter_map(|row| row.node.clone()).collect()
}
