//! `clock_hosts`, `clock` and `time_zone`: the hosts and the MetaDB agree on the time (`research/oms.md` 1.1). Warns only. The two
//! times were asked for one after the other, so some seconds are no skew.

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, Facts};

use super::row::Row;
use crate::plan::situation::Situation;
use crate::ports::MetaDbFacts;

const TOLERANCE_MS: u64 = 10_000;

/// Nothing about the MetaDB without an answer of it: `metadb` tells that.
pub(super) fn rows(situation: Situation<'_>, host: &Host, facts: &Facts) -> Vec<CheckResult> {
    let mut rows: Vec<CheckResult> = among_hosts(situation, host).into_iter().collect();
    if let Some(metadb) = situation.metadb() {
        rows.push(skew(host, facts, metadb));
        rows.extend(time_zone(host, facts, metadb));
    }
    rows
}

/// Against the median, so that one wrong clock is one row.
fn among_hosts(situation: Situation<'_>, host: &Host) -> Option<CheckResult> {
    let offsets = &situation.observed.clock_offsets_ms;
    let own = *offsets.get(&host.name)?;
    let mut all: Vec<i64> = offsets.values().copied().collect();
    if all.len() < 2 {
        return None;
    }
    all.sort_unstable();
    let median = all[(all.len() - 1) / 2];
    let row = Row::on(&host.name, "clock_hosts", "within 10 s of the other hosts' clocks");
    let apart = own.abs_diff(median);
    let found = format!("{}.{} s from their median", apart / 1000, apart % 1000 / 100);
    Some(if apart > TOLERANCE_MS { row.warn(found, "enable NTP on this host") } else { row.pass(found) })
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
