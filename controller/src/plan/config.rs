//! `config.yaml` on a host beside the one that is wanted: which keys differ, what each change takes, and what the
//! file on the host says about the cluster. Secrets are masked in every text that leaves here.

use std::collections::BTreeMap;
use std::net::IpAddr;

use omsctl_inventory::{
    ExistingConfig, Host, KeyChange, KeyEffect, Region, diff, parse_existing_config, render_config,
};
use omsctl_proto::{Facts, NodeName, Secret};

use super::refusal::Refusal;
use super::situation::Situation;

/// What a value that is not there is called.
const NOTHING: &str = "not set";

/// How the file of a host differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConfigFinding {
    Same,
    Absent,
    /// It is no config.yaml.
    Unreadable(String),
    Differs(Vec<KeyChange>),
}

impl ConfigFinding {
    /// Why the file has to be written.
    pub(super) fn why(&self) -> Option<String> {
        match self {
            Self::Same => None,
            Self::Absent => Some("config.yaml is not there".to_owned()),
            Self::Unreadable(why) => Some(why.clone()),
            Self::Differs(changes) => Some(in_words(changes)),
        }
    }

    /// Whether OMS logs in to the MetaDB in another way from now on; a file that tells nothing may hide that.
    pub(super) fn changes_log_in(&self) -> bool {
        match self {
            Self::Same => false,
            Self::Absent | Self::Unreadable(_) => true,
            Self::Differs(changes) => changes.iter().any(|change| change.effect == KeyEffect::LogIn),
        }
    }

    /// The keys that OMS has to read again.
    pub(super) fn changed_keys(&self) -> Option<String> {
        match self {
            Self::Same => None,
            Self::Absent | Self::Unreadable(_) => Some("the whole file".to_owned()),
            Self::Differs(changes) => {
                Some(changes.iter().map(|change| change.key.as_str()).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// A changed key with both values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) key: String,
    pub(super) old: String,
    pub(super) new: String,
}

/// The text that every host of the region gets.
pub(super) fn render(region: &Region, nodes: &[IpAddr]) -> Secret {
    render_config(region, nodes)
}

/// Compares key by key: comments, order and style are no difference.
pub(super) fn compare(region: &Region, nodes: &[IpAddr], facts: &Facts) -> ConfigFinding {
    let Some(text) = &facts.config else { return ConfigFinding::Absent };
    match parse_existing_config(text.0.expose()) {
        Err(error) => ConfigFinding::Unreadable(error.to_string()),
        Ok(existing) => {
            let changes = diff(&existing, region, nodes);
            if changes.is_empty() { ConfigFinding::Same } else { ConfigFinding::Differs(changes) }
        }
    }
}

pub(super) fn existing(facts: &Facts) -> Option<ExistingConfig> {
    parse_existing_config(facts.config.as_ref()?.0.expose()).ok()
}

/// `cm_nodes` of the file on the host; what is no address cannot be compared and is left out.
pub(super) fn nodes_in(facts: &Facts) -> Vec<IpAddr> {
    let Some(existing) = existing(facts) else { return Vec::new() };
    existing.list("cm_nodes").iter().filter_map(|text| text.trim().parse().ok()).collect()
}

/// `cm_location` of the file on the host.
pub(super) fn location_in(facts: &Facts) -> Option<u8> {
    existing(facts)?.text("cm_location")?.trim().parse().ok()
}

/// `cm_url` of the file on the host.
pub(super) fn cm_url_in(facts: &Facts) -> Option<String> {
    existing(facts)?.text("cm_url").map(str::to_owned)
}

/// Changes of what an initialised cluster keeps for ever.
pub(super) fn immutable_changes(facts: &Facts, region: &Region, nodes: &[IpAddr]) -> Vec<Change> {
    let Some(existing) = existing(facts) else { return Vec::new() };
    diff(&existing, region, nodes)
        .into_iter()
        .filter(|change| change.effect == KeyEffect::Immutable)
        // A key that the file lacks was never something else.
        .filter(|change| change.old.is_some())
        .map(values)
        .collect()
}

/// Keys whose change a new file does not bring into effect. A host whose file differs from what another member has
/// already is repaired instead.
pub(super) fn changes_that_take_more(situation: Situation<'_>) -> Vec<Refusal> {
    let mut changes: BTreeMap<(String, &str), (KeyChange, Vec<NodeName>)> = BTreeMap::new();
    let mut members: BTreeMap<&str, usize> = BTreeMap::new();
    for host in situation.members() {
        let region = host.region.as_str();
        *members.entry(region).or_default() += 1;
        for change in changes_of(situation, host).unwrap_or_default() {
            if matches!(change.effect, KeyEffect::Script(_) | KeyEffect::Reinitialise) {
                let key = (change.key.clone(), region);
                changes.entry(key).or_insert_with(|| (change, Vec::new())).1.push(host.name.clone());
            }
        }
    }
    changes
        .into_iter()
        .filter(|((_, region), (_, nodes))| members.get(region) == Some(&nodes.len()))
        .map(|((key, _), (change, nodes))| {
            let way = way(&change);
            let Change { old, new, .. } = values(change);
            Refusal::TakesMore { nodes, key, old, new, way }
        })
        .collect()
}

/// Every key that differs on the host; `None` when its file cannot be read.
pub(super) fn changes_of(situation: Situation<'_>, host: &Host) -> Option<Vec<KeyChange>> {
    let region = situation.region(host)?;
    let existing = existing(situation.facts(&host.name)?)?;
    Some(diff(&existing, region, &situation.nodes_of(region)))
}

fn way(change: &KeyChange) -> String {
    match change.effect {
        KeyEffect::Script(script) => format!(
            "run OMS's own script in the container of each host, one after another (`docker exec -it NAME sh \
             {script}`; it asks for the values and writes config.yaml), then apply again; or put the former value back"
        ),
        KeyEffect::Reinitialise | KeyEffect::Restart | KeyEffect::LogIn | KeyEffect::Immutable => {
            "OMS takes it over only in a new initialisation, and an initialised container is never initialised \
             again: put the former value back"
                .to_owned()
        }
    }
}

fn values(change: KeyChange) -> Change {
    let or_nothing = |value: Option<String>| value.unwrap_or_else(|| NOTHING.to_owned());
    Change { key: change.key, old: or_nothing(change.old), new: or_nothing(change.new) }
}

/// `cm_nodes differs: have 10.0.0.1, want 10.0.0.1, 10.0.0.2 (takes a restart …)`; of neighbours that take the same, only
/// the last says so.
fn in_words(changes: &[KeyChange]) -> String {
    let alike = |one: &KeyChange, other: &KeyChange| takes(one) == takes(other);
    let groups = changes.chunk_by(alike).filter_map(|group| {
        let keys: Vec<String> = group.iter().map(differs).collect();
        Some(format!("{} (takes {})", keys.join("; "), takes(group.first()?)))
    });
    groups.collect::<Vec<_>>().join("; ")
}

fn takes(change: &KeyChange) -> &'static str {
    match change.effect {
        KeyEffect::Restart => "a restart of oms_console and oms_drc_supervisor",
        KeyEffect::LogIn => {
            "a restart of what logs in to the MetaDB: oms_console, oms_drc_cm, oms_drc_supervisor"
        }
        KeyEffect::Script(script) => script,
        KeyEffect::Reinitialise | KeyEffect::Immutable => "a new initialisation",
    }
}

fn differs(change: &KeyChange) -> String {
    let Change { key, old, new } = values(change.clone());
    if old == new { format!("{key} differs") } else { format!("{key} differs: have {old}, want {new}") }
}
