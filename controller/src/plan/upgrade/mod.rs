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

use jiff::Timestamp;
use omsctl_inventory::{Deployment, Host};
use omsctl_proto::{DumpFacts, NodeName, SecretName};

use super::addresses::{self, Addresses};
use super::input::{Goal, Observed, Purpose};
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
            Some(Refusal::MetaDbUnread { cause, way: None })
        }
    }
}

/// For how long OMS has stood when this was seen, in seconds: since the last heartbeat of any host, or since the dump of
/// the upgrade that goes on or goes back. High availability has to look back so far (`research/oms.md` 7.6, step 10).
pub fn stood_for(deployment: &Deployment, observed: &Observed, goal: &Goal) -> u64 {
    let Addresses { by_node, .. } = addresses::resolve(deployment, observed);
    let situation = Situation { deployment, observed, goal, addresses: &by_node };
    let beats = observed.metadb.iter().flatten().flat_map(|metadb| &metadb.heartbeats);
    let quiet =
        beats.map(|beat| beat.age_s).min().and_then(|age| u64::try_from(age).ok()).unwrap_or_default();
    let dump =
        if goal.purpose == Purpose::Upgrade { forward::begun(situation) } else { newest_dump(situation) };
    let dumped = dump.and_then(|dump| {
        let taken: Timestamp = dump.taken.parse().ok()?;
        let taken_ms = u64::try_from(taken.as_millisecond()).ok()?;
        let now_ms = situation.facts(&leader(situation)?.name)?.utc_ms;
        Some(now_ms.saturating_sub(taken_ms) / 1000)
    });
    quiet.max(dumped.unwrap_or_default())
}

type Secrets = (NodeName, std::collections::BTreeMap<SecretName, omsctl_proto::Secret>);

/// The log-in for the leader's programs.
pub(super) fn secrets(situation: Situation<'_>) -> Option<Secrets> {
    let leader = leader(situation)?;
    let login = login().ok()?;
    let options = client_options(&situation.config(leader)?.meta);
    Some((leader.name.clone(), [(login, options)].into()))
}
