//! `ports` and `port_ranges`: nobody else listens on the ports that OMS takes (`research/oms.md` 1.3). Its own container
//! may. In the ranges OMS takes what is free, so that a stranger there only warns.

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, Facts, PortHolder};

use super::row::Row;
use crate::plan::situation::Situation;
use crate::plan::wanted::{RANDOM_PORTS, ports};

/// Programs of OceanBase's own agent.
const OBAGENT: [&str; 3] = ["ob_monagent", "ob_mgragent", "ob_agentd"];

pub(super) fn rows(situation: Situation<'_>, host: &Host, facts: &Facts) -> Vec<CheckResult> {
    fixed(situation, host, facts).into_iter().chain([ranges(host, facts)]).collect()
}

fn fixed(situation: Situation<'_>, host: &Host, facts: &Facts) -> Option<CheckResult> {
    let wanted = ports(situation.config(host)?);
    let names: Vec<String> = wanted.iter().map(u16::to_string).collect();
    let row = Row::on(&host.name, "ports", format!("free or OMS's own: {}", names.join(", ")));
    let held = wanted.iter().filter_map(|port| Some((port, facts.ports.get(port)?)));
    let (own, foreign): (Vec<_>, Vec<_>) = held.partition(|(_, holder)| holder.own_container);
    if foreign.is_empty() {
        let found = if own.is_empty() { "free" } else { "held by OMS's own container" };
        return Some(row.pass(found));
    }
    let obagent = foreign.iter().any(|(_, holder)| OBAGENT.contains(&holder.process.as_str()));
    let found: Vec<String> = foreign.into_iter().map(|(port, holder)| in_words(*port, holder)).collect();
    let fix = if obagent {
        "that is OceanBase's obagent, which takes 8088 and 8089 by default: give it other ports, or OMS \
         (cm_server_port and nginx_server_port in config.yaml, OMS 4.2.2 and later)"
    } else {
        "stop that process, or give OMS another port in config.yaml (OMS 4.2.2 and later: \
         nginx_server_port, cm_server_port, ghana_server_port, supervisor_server_port, sshd_server_port)"
    };
    Some(row.fail(found.join("; "), fix))
}

fn ranges(host: &Host, facts: &Facts) -> CheckResult {
    let names = RANDOM_PORTS.map(|(first, last)| format!("{first}-{last}")).join(", ");
    let row = Row::on(&host.name, "port_ranges", format!("nobody else listens on {names}"));
    let in_range = |port: u16| RANDOM_PORTS.iter().any(|(first, last)| (*first..=*last).contains(&port));
    let foreign = facts.ports.iter().filter(|(port, holder)| in_range(**port) && !holder.own_container);
    let found: Vec<String> = foreign.map(|(port, holder)| in_words(*port, holder)).collect();
    if found.is_empty() {
        row.pass("nobody")
    } else {
        row.warn(
            found.join("; "),
            "OMS's stores and writers take ports there when links are made: move that process",
        )
    }
}

fn in_words(port: u16, holder: &PortHolder) -> String {
    let pid = holder.pid.map_or_else(|| "pid unknown".to_owned(), |pid| format!("pid {pid}"));
    format!("{port} is held by {} ({pid})", holder.process)
}
