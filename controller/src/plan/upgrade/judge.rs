//! Whether the wanted image is another version than the cluster runs. That is `omsctl upgrade`'s work; one host that
//! differs from the rest is repaired.

use std::collections::BTreeMap;

use omsctl_inventory::Host;

use super::{is_kept, newest_dump};
use crate::plan::image;
use crate::plan::input::Purpose;
use crate::plan::refusal::Refusal;
use crate::plan::situation::Situation;
use crate::plan::version::OmsVersion;

/// Refuses when the cluster is initialised with another version.
pub(in crate::plan) fn judge(situation: Situation<'_>) -> Vec<Refusal> {
    if situation.goal.purpose == Purpose::Upgrade {
        return Vec::new();
    }
    let mut refusals: Vec<Refusal> = unfinished(situation).into_iter().collect();
    if !refusals.is_empty() {
        return refusals;
    }
    for host in situation.deployment.hosts.iter().filter(|host| host.selected) {
        let Ok((image, _)) = image::wanted(&host.settings.image, situation.observed) else { continue };
        let wants = OmsVersion::of_reference(&image.reference);
        let refusal = match (running_version(situation), wants) {
            (Some(runs), Some(wants)) if runs == wants => None,
            (Some(runs), Some(wants)) => {
                Some(Refusal::Upgrade { runs: runs.to_string(), wants: wants.to_string() })
            }
            (runs, _) => without_version(situation, host, runs.as_ref()),
        };
        refusals.extend(refusal.filter(|refusal| !refusals.contains(refusal)));
    }
    refusals
}

/// Some hosts run what an upgrade that left a dump goes to, and others do not.
pub(in crate::plan) fn unfinished(situation: Situation<'_>) -> Option<Refusal> {
    let dump = newest_dump(situation)?;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for host in &situation.deployment.hosts {
        let Some(facts) = situation.facts(&host.name) else { continue };
        match &facts.container {
            Some(container) if image::runs_in(&dump.next, container, image::images_of(&facts.docker)) => {
                after.push(host.name.clone());
            }
            Some(_) => before.push(host.name.clone()),
            None if is_kept(situation, host, dump) => before.push(host.name.clone()),
            None => {}
        }
    }
    let wants = image::wanted_in_words(&dump.next);
    (!before.is_empty() && !after.is_empty()).then_some(Refusal::Unfinished { wants, before, after })
}

/// What the MetaDB records, else what most members were created from.
pub(super) fn running_version(situation: Situation<'_>) -> Option<OmsVersion> {
    let recorded = situation.metadb().and_then(|metadb| metadb.oms_version.as_deref());
    recorded.and_then(OmsVersion::find).or_else(|| {
        let members = situation.members().filter_map(|host| situation.container(&host.name));
        most_frequent(members.filter_map(|container| OmsVersion::of_reference(&container.image_reference)))
    })
}

/// The tag tells nothing, so the images themselves are compared: with most members on another one this is no repair.
fn without_version(situation: Situation<'_>, host: &Host, runs: Option<&OmsVersion>) -> Option<Refusal> {
    let (image, _) = image::wanted(&host.settings.image, situation.observed).ok()?;
    let mut same = 0_usize;
    let mut other: Option<String> = None;
    let mut others = 0_usize;
    for member in situation.members() {
        let Some(facts) = situation.facts(&member.name) else { continue };
        let Some(container) = &facts.container else { continue };
        if image::runs_in(&image, container, image::images_of(&facts.docker)) {
            same += 1;
        } else {
            others += 1;
            other = Some(image::in_words(&container.image_id, &container.image_reference));
        }
    }
    let other = other.filter(|_| others > same)?;
    let runs = runs.map_or(other, ToString::to_string);
    Some(Refusal::Upgrade { runs, wants: image::wanted_in_words(&image) })
}

fn most_frequent(versions: impl Iterator<Item = OmsVersion>) -> Option<OmsVersion> {
    let mut counts: BTreeMap<OmsVersion, usize> = BTreeMap::new();
    for version in versions {
        *counts.entry(version).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(version, _)| version)
}
