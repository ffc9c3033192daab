//! `clock` and `time_zone`: the host and the MetaDB agree on the time (`research/oms.md` 1.1). Warns only. The two
//! times were asked for one after the other, so some seconds are no skew.

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, Facts};

use super::row::Row;
use crate::plan::situation::Situation;
use crate::ports::MetaDbFacts;

const TOLERANCE_MS: u64 = 10_000;

/// Nothing without an answer of the MetaDB: `metadb` tells that.
pub(super) fn rows(situation: Situation<'_>, host: &Host, facts: &Facts) -> Vec<CheckResult> {
    let Some(metadb) = situation.metadb() else { return Vec::new() };
    let mut rows = vec![skew(host, facts, metadb)];
    rows.extend(time_zone(host, facts, metadb));
    rows
}

fn skew(host: &Host, facts: &Facts, metadb: &MetaDbFacts) -> CheckResult {
    let row = Row::on(&host.name, "clock", "within 10 s of the MetaDB's clock");
    let apart = facts.utc_ms.abs_diff(metadb.utc_ms);
    let found = format!("{}.{} s apart", apart / 1000, apart % 1000 / 100);
    if apart > TOLERANCE_MS {
        row.warn(
            found,
            "enable NTP on the host and on the MetaDB's hosts: OMS counts tasks by the database's time",
        )
    } else {
        row.pass(found)
    }
}

fn time_zone(host: &Host, facts: &Facts, metadb: &MetaDbFacts) -> Option<CheckResult> {
    let own = facts.time_zone.as_ref()?;
    let row = Row::on(&host.name, "time_zone", format!("the MetaDB's: {}", metadb.time_zone));
    Some(if common(own) == common(&metadb.time_zone) {
        row.pass(own.clone())
    } else {
        row.warn(
            own.clone(),
            "OMS wants one time zone on hosts and MetaDB: `timedatectl set-timezone`, or the database's time_zone",
        )
    })
}

/// The names that are seen most for the two zones that are seen most; any other compares as it is written.
fn common(zone: &str) -> &str {
    match zone.trim() {
        "UTC" | "Etc/UTC" | "Etc/UCT" | "UCT" | "Universal" | "Zulu" | "GMT" | "Etc/GMT" | "+00:00" | "Z" => {
            "+00:00"
        }
        "CST" | "Asia/Shanghai" | "Asia/Chongqing" | "PRC" | "+08:00" => "+08:00",
        other => other,
    }
}
