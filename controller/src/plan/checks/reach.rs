//! `reach` and `cm_url`: the hosts of a region reach each other where OMS needs it, both ways, and find their cluster
//! manager. `cm_url` warns only: what leads there may wait for the very rollout.

use std::collections::BTreeMap;

use omsctl_inventory::{Host, OmsConfig};
use omsctl_proto::{CheckResult, Unreached};

use super::row::Row;
use crate::plan::ground;
use crate::plan::situation::Situation;
use crate::plan::wanted::RANDOM_PORTS;

pub(super) fn rows(situation: Situation<'_>, host: &Host) -> Vec<CheckResult> {
    let Some(config) = situation.config(host) else { return Vec::new() };
    reach(situation, host, config).into_iter().chain(cm_url(situation, host, config)).collect()
}

/// Nothing for a host that is alone in its region, or whose address is unknown: another row tells that.
fn reach(situation: Situation<'_>, host: &Host, config: &OmsConfig) -> Option<CheckResult> {
    let needed = ground::needed(config);
    let others = situation.deployment.hosts.iter().filter(|other| {
        other.region == host.region && other.name != host.name && situation.facts(&other.name).is_some()
    });
    let others = others.count();
    if others == 0 || !situation.addresses.contains_key(&host.name) {
        return None;
    }
    let names: Vec<String> = needed.iter().map(u16::to_string).collect();
    let expected = format!("the other hosts at their ports {} and those that OMS chooses", names.join(", "));
    let row = Row::on(&host.name, "reach", expected);
    Some(match situation.observed.unreached.get(&host.name) {
        Some(Ok(unreached)) if unreached.is_empty() => row.pass(match others {
            1 => "reaches the other host".to_owned(),
            _ => format!("reaches {others} hosts"),
        }),
        Some(Ok(unreached)) => {
            let found = in_words(situation, unreached);
            if unreached.iter().any(|one| needed.contains(&one.target.port())) {
                row.fail(found, "let firewalls on the hosts and between them pass TCP to these ports")
            } else {
                row.warn(
                    found,
                    format!("OMS's stores and writers listen there: let pass TCP to {}", ranges()),
                )
            }
        }
        // The host was lost in that moment: whoever goes on finds it again, or leaves it out.
        Some(Err(error)) => row.warn(error.one_line(), "run this again"),
        None => row.unknown("it was not tried", "run this again"),
    })
}

/// One part for each host, its ports together.
fn in_words(situation: Situation<'_>, unreached: &[Unreached]) -> String {
    let mut by_host: BTreeMap<String, (Vec<String>, &str)> = BTreeMap::new();
    for Unreached { target, why } in unreached {
        let node = situation.addresses.iter().find(|(_, address)| **address == target.ip());
        let name =
            node.map_or_else(|| target.ip().to_string(), |(node, _)| format!("{node} ({})", target.ip()));
        by_host.entry(name).or_insert_with(|| (Vec::new(), why)).0.push(target.port().to_string());
    }
    let parts =
        by_host.into_iter().map(|(host, (ports, why))| format!("{host} at {}: {why}", ports.join(", ")));
    format!("does not reach {}", parts.collect::<Vec<_>>().join("; "))
}

fn ranges() -> String {
    RANDOM_PORTS.map(|(first, last)| format!("{first}-{last}")).join(", ")
}

fn cm_url(situation: Situation<'_>, host: &Host, config: &OmsConfig) -> Option<CheckResult> {
    let row = Row::on(&host.name, "cm_url", format!("{} answers", config.cm_url.text));
    let fix = "let the virtual IP, load balancer or name in cm_url lead to the cluster manager of the hosts that serve";
    Some(match situation.observed.cm_urls.get(&host.name)? {
        // Any answer will do: the CM says 404 to a bare address.
        Ok((true, _)) => row.pass("it answers"),
        Ok((false, found)) => row.warn(found.clone(), fix),
        Err(error) => row.warn(error.one_line(), fix),
    })
}
