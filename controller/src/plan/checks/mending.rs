//! What `check --fix` can mend: changes that are safe on a host of OMS and that one command undoes.

use omsctl_inventory::Deployment;
use omsctl_proto::{CheckResult, CheckStatus, DockerFacts, NodeName, Remedy};

use super::{docker, system};
use crate::plan::input::Observed;

/// One change on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mend {
    pub node: NodeName,
    /// The row that fails without it.
    pub check: String,
    pub remedy: Remedy,
    pub does: &'static str,
    pub undo: &'static str,
}

/// The changes that mend failed rows; hosts in the order of the rows.
pub fn mends(rows: &[CheckResult], deployment: &Deployment, observed: &Observed) -> Vec<Mend> {
    let failed = rows.iter().filter(|row| row.status == CheckStatus::Fail);
    failed
        .filter_map(|row| {
            let host = deployment.host(row.node.as_ref()?)?;
            let facts = observed.facts.get(&host.name)?.as_ref().ok()?;
            let (remedy, does, undo) = match row.name.as_str() {
                docker::NAME if matches!(facts.docker, DockerFacts::Silent { .. }) => {
                    (Remedy::StartDocker, "starts Docker's daemon", "systemctl stop docker")
                }
                system::TCP_TW_RECYCLE => (
                    Remedy::TurnOffTcpTwRecycle,
                    "sets net.ipv4.tcp_tw_recycle to 0 until the next boot",
                    "sysctl -w net.ipv4.tcp_tw_recycle=1",
                ),
                _ => return None,
            };
            Some(Mend { node: host.name.clone(), check: row.name.clone(), remedy, does, undo })
        })
        .collect()
}
