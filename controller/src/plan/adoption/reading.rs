//! The files of all hosts, read and laid beside each other: which hosts are a region, and what stands in which file.

use std::collections::BTreeMap;
use std::net::IpAddr;

use omsctl_inventory::{FoundKey, KeyScope, found_keys, parse_existing_config, unknown_keys};
use omsctl_proto::{ContainerFacts, ErrorCode, ErrorReport, NodeName, Secret};

use super::clashes::agreed;
use super::container::{Mounts, host_ip, mounts};
use super::{Adopted, SeenHost, inventory, members, variables};
use crate::ports::{MetaDbError, MetaDbFacts, MetaDbNames, MetaDbTarget};

/// What the hosts have, without contradictions.
#[derive(Debug)]
pub struct Reading {
    pub(super) hosts: Vec<ReadHost>,
    /// The default one first.
    pub(super) regions: Vec<ReadRegion>,
    /// Members without a host.
    pub(super) gone: Vec<GoneHost>,
    pub(super) warnings: Vec<String>,
}

/// A member whose host never comes back.
#[derive(Debug)]
pub(super) struct GoneHost {
    pub(super) address: IpAddr,
    /// By its place in [`Reading::regions`].
    pub(super) region: usize,
}

impl GoneHost {
    /// Its name in the inventory.
    pub(super) fn name(&self) -> String {
        format!("gone-{}", self.address.to_string().replace(':', "-"))
    }
}

/// One host with its config.yaml.
#[derive(Debug)]
pub(super) struct ReadHost {
    pub(super) seen: SeenHost,
    pub(super) mounts: Mounts,
    /// `OMS_HOST_IP`.
    pub(super) address: Option<IpAddr>,
    pub(super) keys: Vec<FoundKey>,
    /// `cm_nodes`.
    pub(super) listed: Vec<String>,
}

/// Hosts with one `cm_location`.
#[derive(Debug)]
pub(super) struct ReadRegion {
    /// The group's name.
    pub(super) name: String,
    /// By their place in [`Reading::hosts`].
    pub(super) hosts: Vec<usize>,
    /// What they agree on, `cm_nodes` apart.
    pub(super) keys: Vec<FoundKey>,
}

impl ReadHost {
    pub(super) fn container(&self) -> Option<&ContainerFacts> {
        self.seen.facts.container.as_ref()
    }

    pub(super) fn node(&self) -> &NodeName {
        &self.seen.node
    }

    fn value(&self, name: &str) -> Option<String> {
        value(&self.keys, name)
    }
}

/// The value of a key that is set to one text.
pub(super) fn value(keys: &[FoundKey], name: &str) -> Option<String> {
    let found = keys.iter().find(|found| found.name() == name)?;
    Some(found.text()?.expose().to_owned())
}

impl Reading {
    /// Reads what was seen.
    ///
    /// # Errors
    /// Everything that keeps the hosts from being one cluster that two files describe.
    pub fn of(seen: Vec<SeenHost>) -> Result<Self, Vec<ErrorReport>> {
        let mut refusals = members::same_machine(&seen);
        let mut warnings = Vec::new();
        let mut hosts = Vec::new();
        for host in seen {
            match read(host, &mut warnings) {
                Ok(host) => hosts.push(host),
                Err(refusal) => refusals.push(refusal),
            }
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        // Whom keepalived prefers comes first, as omsctl would have it.
        hosts.sort_by_key(|host| std::cmp::Reverse(variables::priority(host)));
        refusals.extend(members::same_address(&hosts));
        let regions = regions(&hosts, &mut warnings, &mut refusals);
        if refusals.is_empty() {
            Ok(Self { hosts, regions, gone: Vec::new(), warnings })
        } else {
            Err(refusals)
        }
    }

    /// Where the cluster is kept and who logs in; `None` when the files do not say.
    pub fn metadb(&self) -> Option<(MetaDbTarget, MetaDbNames)> {
        let keys = &self.regions.first()?.keys;
        let target = MetaDbTarget {
            host: value(keys, "oms_meta_host")?,
            port: value(keys, "oms_meta_port")?.parse().ok()?,
            user: value(keys, "oms_meta_user")?,
            password: Secret::new(value(keys, "oms_meta_password").unwrap_or_default()),
        };
        let heartbeats = self.regions.iter().filter_map(|region| value(&region.keys, "drc_cm_heartbeat_db"));
        let (rm, cm) = (value(keys, "drc_rm_db")?, value(keys, "drc_cm_db")?);
        Some((target, MetaDbNames { rm, cm, heartbeats: heartbeats.collect() }))
    }

    /// The texts, with `folder` as the place of certificates; `gone` are members that have no host any more.
    ///
    /// # Errors
    /// The cluster has a member that was not given.
    pub fn adopt(
        mut self,
        metadb: Option<&Result<MetaDbFacts, MetaDbError>>,
        gone: &[IpAddr],
        folder: &str,
    ) -> Result<Adopted, Vec<ErrorReport>> {
        let (mut refusals, gone) = members::missing(&self, metadb, gone);
        self.gone = gone;
        self.warnings.extend(members::warnings(&self, metadb));
        let version = metadb.and_then(|read| read.as_ref().ok()?.oms_version.clone());
        match variables::of_all(&self, version.as_deref(), folder) {
            Ok((variables, certificates, warnings)) if refusals.is_empty() => {
                self.warnings.extend(warnings);
                Ok(inventory::texts(self, &variables, certificates))
            }
            Ok(_) => Err(refusals),
            Err(more) => {
                refusals.extend(more);
                Err(refusals)
            }
        }
    }
}

fn read(seen: SeenHost, warnings: &mut Vec<String>) -> Result<ReadHost, ErrorReport> {
    let node = seen.node.clone();
    let Some(found) = &seen.facts.container else {
        let what = format!("{node}: the container {} disappeared meanwhile", seen.container);
        return Err(ErrorReport::new(ErrorCode::Container, what).hint("adopt again"));
    };
    let mounts = mounts(&node, found)?;
    let unread = |why: String| {
        let what = format!("{node}: {} cannot be read", mounts.config);
        ErrorReport::new(ErrorCode::File, what).cause(why).hint("mend the file there, and adopt again")
    };
    let text = seen.facts.config.as_ref();
    let text = text.ok_or_else(|| unread("it is not there, or no text of at most 1 MiB".to_owned()))?;
    let existing = parse_existing_config(text.0.expose()).map_err(|error| unread(error.to_string()))?;
    if !found.running {
        warnings.push(format!(
            "{node}: the container {} is {}: it is adopted, and `omsctl apply` or `omsctl start` would start it",
            seen.container, found.status
        ));
    }
    for (key, value) in unknown_keys(&existing) {
        warnings.push(format!(
            "{node}: config.yaml has the key {key} ({value}), which OMS does not have: it is left out, and \
             `omsctl plan` shows that it would go"
        ));
    }
    let listed = existing.list("cm_nodes").to_vec();
    Ok(ReadHost { address: host_ip(found), keys: found_keys(&existing), listed, mounts, seen })
}

fn regions(
    hosts: &[ReadHost],
    warnings: &mut Vec<String>,
    refusals: &mut Vec<ErrorReport>,
) -> Vec<ReadRegion> {
    let mut by_location: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, host) in hosts.iter().enumerate() {
        by_location.entry(host.value("cm_location").unwrap_or_default()).or_default().push(index);
    }
    let everybody: Vec<usize> = (0..hosts.len()).collect();
    let keys = hosts.first().map_or(&[][..], |host| &host.keys);
    let mut regions = Vec::new();
    // What all hosts have to agree on is told once.
    let mut of_cluster: BTreeMap<&str, FoundKey> = BTreeMap::new();
    for (index, key) in keys.iter().enumerate().filter(|(_, key)| key.scope() == KeyScope::Cluster) {
        of_cluster
            .extend(agreed(hosts, &everybody, index, warnings, refusals).map(|found| (key.name(), found)));
    }
    for (location, members) in by_location {
        let own = keys.iter().enumerate().filter_map(|(index, key)| match key.scope() {
            _ if key.name() == "cm_nodes" => None,
            KeyScope::Cluster => of_cluster.get(key.name()).cloned(),
            KeyScope::Region | KeyScope::Either => agreed(hosts, &members, index, warnings, refusals),
        });
        let own: Vec<FoundKey> = own.collect();
        let name = group_name(&own, &location, hosts, &regions);
        regions.push(ReadRegion { name, hosts: members, keys: own });
    }
    let is_default =
        |region: &ReadRegion| value(&region.keys, "cm_is_default").is_none_or(|text| text == "true");
    // Equal ones stay in the order in which hosts were given.
    regions.sort_by_key(|region| (!is_default(region), region.hosts.first().copied()));
    regions
}

/// As `cm_region` calls it, as far as Ansible takes that for a group; else by its number.
fn group_name(keys: &[FoundKey], location: &str, hosts: &[ReadHost], others: &[ReadRegion]) -> String {
    let region = value(keys, "cm_region").unwrap_or_default();
    let name: String = region.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let taken = ["oms", "all", "ungrouped"].contains(&name.as_str())
        || others.iter().any(|other| other.name == name)
        || hosts.iter().any(|host| host.node().as_str() == name);
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) && region.is_ascii() && !taken {
        name
    } else {
        format!("region_{location}")
    }
}
