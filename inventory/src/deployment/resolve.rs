//! Puts hosts, regions and config.yaml together. Everything is looked at, so that all problems come at once.

use std::collections::{BTreeMap, BTreeSet};

use omsctl_proto::{InvalidName, NodeName};

use super::addresses::{check_hosts, known_address};
use super::connection::connection;
use super::regions::{OMS_GROUP, RegionDraft, oms_hosts, regions};
use super::settings::settings;
use super::tsdb::{self, TsdbDraft};
use super::variables::{HostVariables, check_names};
use crate::ansible::AnsibleInventory;
use crate::config::{
    Environment, NodeAddresses, RawConfig, RegionToCheck, ResolvedConfig, check_regions, read_config,
    resolve_config, version_in,
};
use crate::model::{ConnectTo, Deployment, Host, ImageSource, Region, TsdbServer};
use crate::problem::{Place, Problem, ProblemCode, Problems};
use crate::sources::Sources;

/// The deployment; `None` when too much is wrong, which is told.
pub(crate) fn resolve(
    sources: &Sources,
    inventory: &AnsibleInventory,
    problems: &mut Problems,
) -> Option<Deployment> {
    check_names(inventory, problems);
    let names = oms_hosts(inventory);
    if names.is_empty() {
        no_hosts(inventory, problems);
    }
    let tsdb = tsdb::host_name(sources, inventory, &names, problems);
    let mut reached = names.clone();
    reached.extend(tsdb.iter().map(|(name, _)| name.clone()).filter(|name| !names.contains(name)));
    let selected = selected(sources, inventory, &reached, problems);
    let tsdb = tsdb.and_then(|(name, place)| {
        tsdb::read(sources, inventory, (&name, place), (&names, &selected), problems)
    });
    let drafts = regions(inventory, &names, problems);
    let environment = Environment::load(sources, problems);
    let raw = read_config_file(sources, problems);
    let hosts = hosts(sources, inventory, &drafts, &selected, problems);
    check_hosts(&hosts, inventory, problems);
    let read = Read { drafts: &drafts, hosts: &hosts, tsdb: tsdb.as_ref() };
    let regions = resolve_regions(raw.as_ref()?, &read, &environment, problems)?;
    let tsdb = tsdb.and_then(|draft| draft.finish(&regions.first()?.config.tsdb));
    (hosts.len() == names.len() && !hosts.is_empty()).then(|| in_order(regions, hosts, tsdb))
}

/// How the selected hosts are reached: those of OMS, and that of the time-series database.
pub(crate) fn connections(
    sources: &Sources,
    inventory: &AnsibleInventory,
    problems: &mut Problems,
) -> Vec<ConnectTo> {
    let mut names = oms_hosts(inventory);
    if names.is_empty() {
        no_hosts(inventory, problems);
    }
    let tsdb = tsdb::host_name(sources, inventory, &names, problems);
    let of_oms = names.len();
    names.extend(
        tsdb.map(|(name, _)| name).filter(|name| !names.contains(name)).into_iter().collect::<Vec<_>>(),
    );
    let selected = selected(sources, inventory, &names, problems);
    let mut hosts = Vec::new();
    for (index, name) in names.iter().enumerate().filter(|(_, name)| selected.contains(*name)) {
        let Some(variables) = inventory.host_variables(name) else { continue };
        let mut of_host =
            HostVariables { host: name, variables, sources, vault: inventory.vault(), problems };
        let connection = connection(&mut of_host);
        match NodeName::new(name) {
            Ok(name) => hosts.push(ConnectTo { name, runs_oms: index < of_oms, connection }),
            Err(invalid) => problems.push(unusable_name(inventory, name, &invalid)),
        }
    }
    hosts
}

fn unusable_name(inventory: &AnsibleInventory, name: &str, invalid: &InvalidName) -> Problem {
    let problem = Problem::error(ProblemCode::HostName, "omsctl cannot use this host name").found(name);
    let problem = problem.allowed(invalid.allowed);
    match inventory.place_of(name) {
        Some(place) => problem.at(place),
        None => problem,
    }
}

fn no_hosts(inventory: &AnsibleInventory, problems: &mut Problems) {
    let known: Vec<&str> =
        inventory.group_names().filter(|name| !matches!(*name, "all" | "ungrouped")).collect();
    let problem = Problem::error(ProblemCode::NoHosts, "the inventory has no OMS host");
    let hint = if known.contains(&OMS_GROUP) {
        "the group [oms] is empty: write a host below it"
    } else {
        "write a section [oms] and a host below it"
    };
    // An inventory that could not be read at all is told already.
    if !problems.has_errors() {
        problems.push(problem.key(OMS_GROUP).hint(hint));
    }
}

fn selected(
    sources: &Sources,
    inventory: &AnsibleInventory,
    names: &[String],
    problems: &mut Problems,
) -> BTreeSet<String> {
    let names: BTreeSet<String> = names.iter().cloned().collect();
    let Some(pattern) = &sources.limit else { return names };
    match inventory.select(pattern) {
        Ok(selected) => {
            let selected: BTreeSet<String> =
                selected.into_iter().filter(|name| names.contains(*name)).map(str::to_owned).collect();
            if selected.is_empty() && !names.is_empty() {
                let problem =
                    Problem::error(ProblemCode::Limit, "--limit selects no OMS host").key("--limit");
                problems
                    .push(problem.found(pattern).hint("`omsctl inventory --graph` shows hosts and groups"));
            }
            selected
        }
        Err(problem) => {
            problems.push(problem);
            BTreeSet::new()
        }
    }
}

fn read_config_file(sources: &Sources, problems: &mut Problems) -> Option<RawConfig> {
    let path = sources.absolute(&sources.config);
    let shown = sources.shown(&path);
    if !path.exists() {
        problems.push(
            Problem::error(ProblemCode::ConfigMissing, "OMS's configuration file does not exist")
                .at(&Place::file(&shown))
                .hint("name another with -c FILE, or let `omsctl init` write one to start from"),
        );
        return None;
    }
    match sources.read(&path) {
        Ok(text) => read_config(&text, &shown, problems),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

fn hosts(
    sources: &Sources,
    inventory: &AnsibleInventory,
    drafts: &[RegionDraft],
    selected: &BTreeSet<String>,
    problems: &mut Problems,
) -> Vec<Host> {
    let mut hosts: Vec<Host> = Vec::new();
    let mut without_image = Vec::new();
    for draft in drafts {
        for name in &draft.hosts {
            let Some(variables) = inventory.host_variables(name) else { continue };
            let mut of_host =
                HostVariables { host: name, variables, sources, vault: inventory.vault(), problems };
            let connection = connection(&mut of_host);
            let settings = settings(&mut of_host, &mut without_image);
            match NodeName::new(name) {
                Ok(node) => hosts.extend(settings.map(|settings| Host {
                    name: node,
                    region: draft.name.clone(),
                    selected: selected.contains(name),
                    connection,
                    settings,
                })),
                Err(invalid) => problems.push(unusable_name(inventory, name, &invalid)),
            }
        }
    }
    tell_missing_image(inventory, &without_image, problems);
    hosts
}

/// Once, however many hosts lack it.
fn tell_missing_image(inventory: &AnsibleInventory, hosts: &[String], problems: &mut Problems) {
    let Some(first) = hosts.first() else { return };
    let listed: Vec<&str> = hosts.iter().take(10).map(String::as_str).collect();
    let more = if hosts.len() > 10 { format!(" and {} more", hosts.len() - 10) } else { String::new() };
    let mut problem = Problem::error(ProblemCode::VariableMissing, "no image is named for the OMS container")
        .key("oms_image_archive")
        .found(format!("neither oms_image_archive nor oms_image for {}{more}", listed.join(", ")))
        .allowed(
            "oms_image_archive=FILE on this machine (tar, tar.gz, tar.zst), or oms_image=REFERENCE to pull",
        )
        .hint("write it once below [oms:vars]");
    if let Some(place) = inventory.place_of(first) {
        problem = problem.at(place);
    }
    problems.push(problem);
}

/// What the inventory says.
struct Read<'a> {
    drafts: &'a [RegionDraft],
    hosts: &'a [Host],
    tsdb: Option<&'a TsdbDraft>,
}

/// The regions with the rules between them checked; `None` when a key that is required could not be read.
fn resolve_regions(
    raw: &RawConfig,
    Read { drafts, hosts, tsdb }: &Read<'_>,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<Vec<Region>> {
    if drafts.is_empty() {
        // No host is an error of its own; the file is looked at all the same.
        resolve_config(raw, &BTreeMap::new(), environment, problems);
        return None;
    }
    let mut regions = Vec::new();
    let mut valid = Vec::new();
    let mut complete = true;
    for draft in *drafts {
        let mut resolved: ResolvedConfig = resolve_config(raw, &draft.overrides, environment, problems);
        if let Some(tsdb) = tsdb {
            tsdb.fill(&mut resolved.config.tsdb, problems);
        }
        complete &= resolved.complete;
        valid.push(resolved.valid);
        let hosts = draft.hosts.iter().filter_map(|name| NodeName::new(name).ok()).collect();
        regions.push(Region { name: draft.name.clone(), config: resolved.config, hosts });
    }
    let by_name: BTreeMap<&str, &Host> = hosts.iter().map(|host| (host.name.as_str(), host)).collect();
    // A host whose own variables are wrong is there all the same.
    let node = |name: &String| match by_name.get(name.as_str()) {
        Some(host) => known_address(host),
        None => NodeAddresses { name: name.clone(), address: None },
    };
    let to_check: Vec<RegionToCheck<'_>> = (regions.iter().zip(*drafts).zip(valid))
        .map(|((region, draft), valid)| RegionToCheck {
            region,
            nodes: draft.hosts.iter().map(node).collect(),
            places: places(raw, draft),
            valid,
            version: draft.hosts.iter().filter_map(|name| version_of(by_name.get(name.as_str())?)).min(),
            file: Place::file(&raw.file),
        })
        .collect();
    check_regions(&to_check, problems);
    complete.then_some(regions)
}

/// What the name of the image tells.
fn version_of(host: &Host) -> Option<[u32; 3]> {
    match &host.settings.image {
        ImageSource::Reference(reference) => version_in(reference.rsplit('/').next()?),
        ImageSource::Archive(path) => version_in(path.file_name()?.to_str()?),
    }
}

fn places(raw: &RawConfig, draft: &RegionDraft) -> BTreeMap<&'static str, Place> {
    let refused = raw.refused.iter().map(|(key, place)| (*key, place.clone()));
    let read = raw.entries.iter().chain(&draft.overrides).map(|(key, entry)| (*key, entry.place.clone()));
    refused.chain(read).collect()
}

/// The default region first; its hosts first.
fn in_order(mut regions: Vec<Region>, hosts: Vec<Host>, tsdb: Option<TsdbServer>) -> Deployment {
    regions.sort_by_key(|region| !region.config.is_default);
    let mut ordered = Vec::with_capacity(hosts.len());
    let (first, rest): (Vec<Host>, Vec<Host>) =
        hosts.into_iter().partition(|host| regions.first().is_some_and(|region| region.name == host.region));
    ordered.extend(first);
    ordered.extend(rest);
    Deployment { hosts: ordered, regions, tsdb }
}
