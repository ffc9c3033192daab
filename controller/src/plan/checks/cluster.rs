//! `metadb` and `cluster`: what concerns all hosts together. A row without a host stops everything.

use omsctl_proto::CheckResult;

use super::database;
use super::row::Row;
use crate::plan::addresses::Addresses;
use crate::plan::planner;
use crate::plan::situation::Situation;

pub(super) fn rows(situation: Situation<'_>, addresses: &Addresses) -> Vec<CheckResult> {
    let mut rows: Vec<CheckResult> = metadb(situation).into_iter().collect();
    rows.extend(database::rows(situation));
    let of_all = addresses.refusals.iter().filter(|refusal| refusal.node().is_none());
    rows.extend(of_all.map(|refusal| refusal.check("oms_host_ip")));
    let refusals = planner::cluster(situation);
    if refusals.is_empty() && situation.metadb().is_some() {
        let row = Row::of_cluster("cluster", "the databases are empty or hold this cluster");
        rows.push(row.pass(hosts_in(situation)));
    }
    rows.extend(refusals.iter().map(|refusal| refusal.check("cluster")));
    rows
}

/// Nothing when no host answers: that is told already.
fn metadb(situation: Situation<'_>) -> Option<CheckResult> {
    let row = Row::of_cluster("metadb", "the MetaDB can be read");
    situation.observed.facts.values().find(|facts| facts.is_ok())?;
    Some(match &situation.observed.metadb {
        Some(Ok(metadb)) => row.pass(metadb.server_version.clone()),
        Some(Err(error)) => row.fail(error.to_string(), "see the rows metadb_login"),
        None => row.unknown("no host could ask it", "see the rows connect and metadb_login"),
    })
}

fn hosts_in(situation: Situation<'_>) -> String {
    match situation.metadb().map_or(0, |metadb| metadb.hosts.len()) {
        0 => "empty".to_owned(),
        1 => "1 host of this inventory".to_owned(),
        more => format!("{more} hosts of this inventory"),
    }
}
