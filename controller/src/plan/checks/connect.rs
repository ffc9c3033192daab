//! `connect`: the host answers at all.

use omsctl_inventory::Connection;
use omsctl_proto::{CheckResult, ErrorReport, Facts, NodeName};

use super::row::Row;

/// The name of the row; a dead host has no other.
pub(super) const NAME: &str = "connect";

pub(super) fn row(
    node: &NodeName,
    connection: &Connection,
    facts: Option<&Result<Facts, ErrorReport>>,
) -> CheckResult {
    let row = Row::on(node, NAME, format!("{} answers", connection.address));
    match facts {
        Some(Ok(facts)) => row.pass(format!("{}, {}", facts.os, facts.architecture)),
        Some(Err(error)) => {
            let fix = error.hint.clone().unwrap_or_else(|| format!("try `ssh {}`", connection.address));
            row.fail(error.one_line(), fix)
        }
        None => row.unknown("the host was not asked", "run this again"),
    }
}
