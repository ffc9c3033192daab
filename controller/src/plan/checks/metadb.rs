//! `metadb_login`: the MetaDB lets OMS's user in, tried from every host.

use omsctl_inventory::Host;
use omsctl_proto::CheckResult;

use super::row::Row;
use crate::plan::rotation;
use crate::plan::situation::Situation;
use crate::ports::MetaDbError;

pub(super) fn row(situation: Situation<'_>, host: &Host) -> CheckResult {
    let target = situation
        .config(host)
        .map(|config| format!("{} at {}:{}", config.meta.user, config.meta.host, config.meta.port))
        .unwrap_or_default();
    let row = Row::on(&host.name, "metadb_login", format!("log-in of {target}"));
    match situation.observed.logins.get(&host.name) {
        Some(Ok(())) if situation.observed.by_former.contains(&host.name) => {
            row.pass("logged in by the former password")
        }
        Some(Ok(())) => row.pass("logged in"),
        Some(Err(error)) => {
            row.fail(error.to_string(), rotation::hint(situation, error).unwrap_or_else(|| fix(error)))
        }
        None => row.unknown("the log-in was not tried", "run this again"),
    }
}

fn fix(error: &MetaDbError) -> &'static str {
    match error {
        MetaDbError::Unreachable { .. } => {
            "see to oms_meta_host and oms_meta_port in config.yaml, and to firewalls between this host and the MetaDB"
        }
        MetaDbError::LogIn { .. } => {
            "see to oms_meta_user and oms_meta_password in config.yaml, and to the hosts from which the MetaDB \
             lets this user in (OceanBase: ob_tcp_invited_nodes)"
        }
        MetaDbError::Question { .. } => "see to the privileges of oms_meta_user on OMS's three databases",
    }
}
