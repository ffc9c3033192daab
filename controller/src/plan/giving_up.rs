//! Whether a lost host may be given up: whether anything of it still works in the MetaDB. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use omsctl_inventory::{Deployment, Host};
use omsctl_proto::{CheckResult, CheckStatus, NodeName};

use super::addresses;
use super::input::Observed;
use crate::ports::SessionRow;

/// One check for each of `wanted` that does not answer. A host that answers tells itself how far it is: for that one
/// there is nothing to give up.
pub fn giving_up(
    deployment: &Deployment,
    observed: &Observed,
    wanted: &BTreeSet<NodeName>,
) -> Vec<CheckResult> {
    let by_node = addresses::resolve(deployment, observed).by_node;
    let lost = |host: &&Host| {
        wanted.contains(&host.name) && observed.facts.get(&host.name).is_none_or(Result::is_err)
    };
    let lost = deployment.hosts.iter().filter(lost);
    lost.map(|host| judge(host, by_node.get(&host.name), observed)).collect()
}

fn judge(host: &Host, resolved: Option<&IpAddr>, observed: &Observed) -> CheckResult {
    let check = |status, found: String, fix: &str| CheckResult {
        node: Some(host.name.clone()),
        name: "give_up".to_owned(),
        status,
        expected: "no session of this host in the MetaDB".to_owned(),
        found,
        fix: fix.to_owned(),
    };
    let managed: Option<IpAddr> = host.connection.address.parse().ok();
    let addresses: BTreeSet<String> = resolved
        .copied()
        .into_iter()
        .chain(managed)
        .map(|address| address.to_canonical().to_string())
        .collect();
    let facts = match &observed.metadb {
        Some(Ok(facts)) => facts,
        Some(Err(error)) => {
            let fix = "the process list of the MetaDB has to be seen first";
            return check(CheckStatus::Unknown, error.to_string(), fix);
        }
        None => {
            let fix = "another host has to answer first, since the MetaDB is seen from there";
            return check(CheckStatus::Unknown, "nobody could ask the MetaDB".to_owned(), fix);
        }
    };
    if addresses.is_empty() {
        let fix = "give its address: oms_host_ip in the inventory";
        return check(CheckStatus::Unknown, "the host's address is not known".to_owned(), fix);
    }
    let sessions: Vec<&SessionRow> =
        facts.sessions.iter().filter(|session| addresses.contains(&session.client)).collect();
    if sessions.is_empty() {
        return check(CheckStatus::Pass, "none".to_owned(), "");
    }
    let fix = "it may be in the schema step: wait until they are gone, or switch the host off and end them in the \
               MetaDB";
    check(CheckStatus::Fail, told(&sessions), fix)
}

/// How many there are, in which databases.
fn told(sessions: &[&SessionRow]) -> String {
    let mut by_database: BTreeMap<&str, usize> = BTreeMap::new();
    for session in sessions {
        *by_database.entry(session.database.as_deref().unwrap_or("no database")).or_default() += 1;
    }
    let parts: Vec<String> =
        by_database.iter().map(|(database, count)| format!("{count} in {database}")).collect();
    format!("{} from {}", parts.join(", "), sessions[0].client)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::Cluster;

    fn status(cluster: &Cluster, names: &[&str]) -> Vec<CheckStatus> {
        let wanted = names.iter().map(|name| NodeName::new(*name).unwrap()).collect();
        giving_up(&cluster.deployment, &cluster.observed, &wanted).iter().map(|check| check.status).collect()
    }

    fn without_the_first() -> (Cluster, NodeName, String) {
        let mut cluster = Cluster::fresh(2);
        let host = &cluster.deployment.hosts[0];
        let (name, address) = (host.name.clone(), host.connection.address.clone());
        cluster.unreachable(name.as_str());
        (cluster, name, address)
    }

    #[test]
    fn a_lost_host_without_sessions_may_be_given_up() {
        let (mut cluster, name, address) = without_the_first();
        assert_eq!(status(&cluster, &[name.as_str()]), [CheckStatus::Pass]);
        let other = SessionRow { client: "192.0.2.77".to_owned(), database: None, age_s: 1 };
        cluster.metadb().sessions = vec![other];
        assert_eq!(status(&cluster, &[name.as_str()]), [CheckStatus::Pass]);
        let own = SessionRow { client: address, database: Some("oms_rm".to_owned()), age_s: 1 };
        cluster.metadb().sessions.push(own);
        assert_eq!(status(&cluster, &[name.as_str()]), [CheckStatus::Fail]);
        let wanted = [name].into();
        let check = &giving_up(&cluster.deployment, &cluster.observed, &wanted)[0];
        assert!(check.found.contains("1 in oms_rm"), "{}", check.found);
    }

    #[test]
    fn without_a_look_at_the_metadb_nobody_is_given_up() {
        let (mut cluster, name, _) = without_the_first();
        cluster.observed.metadb = None;
        assert_eq!(status(&cluster, &[name.as_str()]), [CheckStatus::Unknown]);
    }

    #[test]
    fn a_host_that_answers_is_not_judged() {
        let cluster = Cluster::fresh(2);
        let name = cluster.deployment.hosts[0].name.clone();
        assert_eq!(status(&cluster, &[name.as_str()]), []);
    }
}
