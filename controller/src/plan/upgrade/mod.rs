//! Another version of OMS for a whole cluster, and the way back (`research/oms.md` 7.5 to 7.7). All hosts together: they
//! stop, the databases are dumped on one of them, and only then the new version starts anywhere. What was done before
//! is seen on the hosts: containers that were set aside, and the dump.
//!
//! | file | what for |
//! |---|---|
//! | `judge` | whether the wanted image is another version, for every other command |
//! | `paths` | from which version to which |
//! | `forward`, `back` | the steps of `upgrade` and of `rollback` |
//! | `client_options` | the log-in of MySQL's programs |

mod back;
mod client_options;
mod forward;
mod judge;
mod paths;

use omsctl_inventory::Host;
use omsctl_proto::{DumpFacts, NodeName, SecretName};

use super::refusal::Refusal;
use super::situation::Situation;

pub(super) use back::plan as back;
pub(super) use client_options::{client_options, login};
pub(super) use forward::plan as forward;
pub(super) use judge::{judge, unfinished};

/// Where the databases are dumped and restored: the first host of the default region.
pub(super) fn leader(situation: Situation<'_>) -> Option<&Host> {
    situation.deployment.hosts.first()
}

/// The newest dump that the leader keeps.
fn newest_dump(situation: Situation<'_>) -> Option<&DumpFacts> {
    situation.facts(&leader(situation)?.name)?.dumps.first()
}

/// How the container is called that this dump's run replaced.
fn aside(host: &Host, dump: &DumpFacts) -> String {
    format!("{}-{}", host.settings.container_name, dump.run)
}

/// The container that was replaced is still there.
fn is_kept(situation: Situation<'_>, host: &Host, dump: &DumpFacts) -> bool {
    let name = aside(host, dump);
    let facts = situation.facts(&host.name);
    facts.is_some_and(|facts| facts.other_containers.iter().any(|other| other.name == name))
}

/// Versions are not mixed, so nobody may be missing.
fn everybody(situation: Situation<'_>) -> Vec<Refusal> {
    let missing = situation.deployment.hosts.iter().filter_map(|host| {
        let what = if host.selected {
            situation.answer(&host.name).err()?.message
        } else {
            "is left out by --limit".to_owned()
        };
        Some(Refusal::Unfit {
            node: host.name.clone(),
            what: format!("it has to take part, since versions are never mixed: {what}"),
            way: "mend the way to it, or take it out of the cluster before (`omsctl remove`)".to_owned(),
        })
    });
    missing.collect()
}

/// OMS must not move components while its hosts stop one after another (`research/oms.md` 7.6, step 1).
fn high_availability(situation: Situation<'_>) -> Option<Refusal> {
    (situation.metadb()?.ha_enabled == Some(true)).then_some(Refusal::HighAvailabilityOn)
}

fn unread_metadb(situation: Situation<'_>) -> Option<Refusal> {
    match &situation.observed.metadb {
        Some(Ok(_)) => None,
        other => {
            let cause = other.as_ref().and_then(|read| read.as_ref().err().cloned());
            Some(Refusal::MetaDbUnread { cause })
        }
    }
}

type Secrets = (NodeName, std::collections::BTreeMap<SecretName, omsctl_proto::Secret>);

/// The log-in for the leader's programs.
pub(super) fn secrets(situation: Situation<'_>) -> Option<Secrets> {
    let leader = leader(situation)?;
    let login = login().ok()?;
    let options = client_options(&situation.config(leader)?.meta);
    Some((leader.name.clone(), [(login, options)].into()))
}
