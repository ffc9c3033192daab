//! `tsdb_server` and `tsdb`: the time-series database where OMS reports to. On its own host, what it needs there; on OMS's hosts, that it
//! answers, unless it is still to come. Nothing where OMS reports to none.

use omsctl_inventory::{Deployment, TsdbServer};
use omsctl_proto::{CheckResult, Facts, NodeName, TsdbLogIn};

use super::row::Row;
use crate::plan::planner::docker_trouble;
use crate::plan::situation::Situation;
use crate::plan::tsdb;

/// On the server's host; `connect` is a row of its own where it is no OMS host.
pub(super) fn server(situation: Situation<'_>) -> Vec<CheckResult> {
    let Some(server) = situation.deployment.tsdb.as_ref().filter(|server| server.selected) else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    let alone = situation.deployment.tsdb_alone().is_some();
    let answer = situation.observed.facts.get(&server.host);
    if alone {
        rows.push(super::connect::row(&server.host, &server.connection, answer));
    }
    if let Some(facts) = situation.facts(&server.host) {
        if alone {
            let row = Row::on(&server.host, "docker", "Docker answers");
            rows.push(match docker_trouble(&facts.docker) {
                Some(trouble) => row.fail(trouble, "start Docker on this host (`systemctl start docker`)"),
                None => row.pass("it does"),
            });
        }
        rows.push(there(server, facts));
    }
    rows
}

/// The port is its own or free, and whoever answers there lets OMS's user in.
fn there(server: &TsdbServer, facts: &Facts) -> CheckResult {
    let port = server.port;
    let expected = format!("InfluxDB serves port {port}, or can be put there");
    let row = Row::on(&server.host, "tsdb_server", expected);
    let Some(found) = &facts.tsdb else {
        let words = "the agent on this host is of a version that does not look at it";
        return row.unknown(words, "let its rollout end, then run this again");
    };
    let runs = found.container.as_ref().is_some_and(|container| container.running);
    match (&found.log_in, facts.ports.get(&port)) {
        (TsdbLogIn::Works, _) if runs => row.pass(format!("{} lets {} in", server.container_name, server.username)),
        (TsdbLogIn::Refused { words }, _) if runs => row.fail(
            format!("{} does not let {} in: {words}", server.container_name, server.username),
            "put the former tsdb_username and tsdb_password back into config.yaml, or change them in InfluxDB",
        ),
        (_, Some(holder)) if !runs => row.fail(
            format!("port {port} is taken by {}", holder.process),
            "stop that, or write another port into tsdb_url",
        ),
        (TsdbLogIn::NoUser, _) => row.pass(format!("{} has no user yet", server.container_name)),
        _ if runs => row.warn(format!("{} does not answer yet", server.container_name), "`omsctl apply` waits for it"),
        _ => row.pass("the port is free"),
    }
}

/// On an OMS host. What omsctl is about to bring up cannot answer yet.
pub(super) fn row(situation: Situation<'_>, node: &NodeName) -> Option<CheckResult> {
    let deployment: &Deployment = situation.deployment;
    if deployment.tsdb.as_ref().is_some_and(|server| !tsdb::serves(situation.observed, server)) {
        return None;
    }
    let url = tsdb::tsdb_urls(deployment).remove(node)?;
    let row = Row::on(node, "tsdb", format!("the time-series database answers at {url}"));
    let fix = "start it, let the firewall pass, or correct tsdb_url in config.yaml: with tsdb_enabled and no database \
               oms_drc_supervisor restarts for ever";
    Some(match situation.observed.tsdb_answers.get(node)? {
        Ok((true, _)) => row.pass("it does"),
        Ok((false, found)) => row.fail(found.clone(), fix),
        Err(error) => row.unknown(error.one_line(), "run this again"),
    })
}
