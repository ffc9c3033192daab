//! After everything else: exactly one host holds each virtual IP that keepalived serves.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use omsctl_inventory::Deployment;
use omsctl_proto::{CheckResult, CheckStatus, NodeName, ProbeTarget};
use tokio::time::{Instant, sleep};

use super::World;
use super::look;
use crate::plan;
use crate::ports::HostTarget;
use crate::rollout::{Emitter, Survey, Surveyor};

/// While keepalived moves an address, nobody holds it or two do.
const SETTLES_WITHIN: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(300);

/// One row for each address, asked over connections of its own: those of the rollout end with the hosts' parts.
pub(super) async fn connect_and_check(world: &World, deployment: &Deployment) -> Vec<CheckResult> {
    let held = plan::held_addresses(deployment);
    if held.is_empty() {
        return Vec::new();
    }
    let hosts =
        deployment.hosts.iter().filter(|host| held.iter().any(|(_, nodes)| nodes.contains(&host.name)));
    let targets: Vec<HostTarget> =
        hosts.map(|host| look::target_of(world, &host.name, host.connection.clone())).collect();
    let surveyor = Surveyor {
        transport: Arc::clone(&world.transport),
        clock: Arc::clone(&world.clock),
        forks: targets.len(),
        hold: None,
    };
    // That hosts are connected to once more is no part of the run's story.
    let mut silent = Emitter::new(world.new_run(), Arc::clone(&world.clock), Box::new(|_| {}));
    silent.forget();
    let survey = surveyor.connect(targets, &mut silent).await;
    let rows = check(deployment, &survey).await;
    survey.close().await;
    rows
}

/// As [`connect_and_check`], over these connections.
pub(super) async fn check(deployment: &Deployment, survey: &Survey) -> Vec<CheckResult> {
    let held = plan::held_addresses(deployment);
    join_all(held.iter().map(|(address, nodes)| settled(*address, nodes, survey))).await
}

/// Asks until one host holds it, or it has had time enough.
async fn settled(address: IpAddr, nodes: &[NodeName], survey: &Survey) -> CheckResult {
    let began = Instant::now();
    loop {
        let row = row(address, &answers(address, nodes, survey).await);
        if row.status != CheckStatus::Fail || began.elapsed() >= SETTLES_WITHIN {
            return row;
        }
        sleep(PAUSE).await;
    }
}

/// Whether each host holds it; `None` of one that does not say.
async fn answers(address: IpAddr, nodes: &[NodeName], survey: &Survey) -> Vec<(NodeName, Option<bool>)> {
    let ask = |node: &NodeName| {
        let (node, link) = (node.clone(), survey.links.get(node));
        async move {
            let answer = match link {
                Some(link) => link.session.probe(ProbeTarget::Holds { address }).await.ok(),
                None => None,
            };
            (node, answer.map(|(holds, _, _)| holds))
        }
    };
    join_all(nodes.iter().map(ask)).await
}

fn row(address: IpAddr, answers: &[(NodeName, Option<bool>)]) -> CheckResult {
    let names = |wanted: Option<bool>| {
        let hosts = answers.iter().filter(|(_, answer)| *answer == wanted);
        hosts.map(|(node, _)| node.to_string()).collect::<Vec<_>>()
    };
    let (holders, silent) = (names(Some(true)), names(None));
    let (status, found, fix) = match holders.as_slice() {
        [one] => (CheckStatus::Pass, format!("{one} holds it"), ""),
        [] if !silent.is_empty() => (
            CheckStatus::Warn,
            format!("none of those that answer; not asked: {}", silent.join(", ")),
            "bring the others back, and run this again",
        ),
        [] => (
            CheckStatus::Fail,
            "nobody holds it".to_owned(),
            "`omsctl status` says on which host OMS's ports answer; keepalived's words are in the hosts' system log",
        ),
        several => (
            CheckStatus::Fail,
            format!("{} hold it", several.join(" and ")),
            "they do not hear each other: let firewalls between the hosts pass IP protocol 112 (VRRP)",
        ),
    };
    CheckResult {
        node: None,
        name: "virtual_ip".to_owned(),
        status,
        expected: format!("exactly one host holds {address}"),
        found,
        fix: fix.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(answers: &[(&str, Option<bool>)]) -> (CheckStatus, String) {
        let answers: Vec<_> =
            answers.iter().map(|(node, answer)| (NodeName::new(*node).unwrap(), *answer)).collect();
        let row = row([10, 0, 0, 100].into(), &answers);
        (row.status, row.found)
    }

    #[test]
    fn one_holder_is_right_and_none_or_two_are_not() {
        let one = [("n1", Some(false)), ("n2", Some(true)), ("n3", None)];
        assert_eq!(found(&one), (CheckStatus::Pass, "n2 holds it".to_owned()));
        let two = [("n1", Some(true)), ("n2", Some(true))];
        assert_eq!(found(&two), (CheckStatus::Fail, "n1 and n2 hold it".to_owned()));
        assert_eq!(found(&[("n1", Some(false))]), (CheckStatus::Fail, "nobody holds it".to_owned()));
        let lost = found(&[("n1", Some(false)), ("n2", None)]);
        assert_eq!(lost.0, CheckStatus::Warn);
        assert!(lost.1.ends_with("not asked: n2"), "{}", lost.1);
    }
}
