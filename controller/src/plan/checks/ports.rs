//! `ports`: nobody else listens on the ports that OMS takes (`research/oms.md` 1.3). Its own container may.

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, Facts, PortHolder};

use super::row::Row;
use crate::plan::situation::Situation;
use crate::plan::wanted::ports;

pub(super) fn row(situation: Situation<'_>, host: &Host, facts: &Facts) -> Option<CheckResult> {
    let wanted = ports(situation.config(host)?);
    let names: Vec<String> = wanted.iter().map(u16::to_string).collect();
    let row = Row::on(&host.name, "ports", format!("free or OMS's own: {}", names.join(", ")));
    let held = wanted.iter().filter_map(|port| Some((port, facts.ports.get(port)?)));
    let (own, foreign): (Vec<_>, Vec<_>) = held.partition(|(_, holder)| holder.own_container);
    if foreign.is_empty() {
        let found = if own.is_empty() { "free" } else { "held by OMS's own container" };
        return Some(row.pass(found));
    }
    let found: Vec<String> = foreign.into_iter().map(|(port, holder)| in_words(*port, holder)).collect();
    Some(row.fail(
        found.join("; "),
        "stop that process, or give OMS another port in config.yaml (oms 4.2.2 and later: \
         nginx_server_port, cm_server_port, ghana_server_port, supervisor_server_port, sshd_server_port)",
    ))
}

fn in_words(port: u16, holder: &PortHolder) -> String {
    let pid = holder.pid.map_or_else(|| "pid unknown".to_owned(), |pid| format!("pid {pid}"));
    format!("{port} is held by {} ({pid})", holder.process)
}
