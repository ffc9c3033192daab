//! Which container of a host is OMS's, and what its mounts and arguments say. Knows nothing of other hosts.

use std::net::IpAddr;

use omsctl_proto::{
    ContainerFacts, ErrorCode, ErrorReport, Facts, FactsRequest, FingerprintKey, NodeName, OtherContainer,
    WantedHealth,
};

use super::super::container::{CERTIFICATE, CONFIG, KEY, LOGS, RUN, STORE, bind_source};
use super::super::image;
use super::super::planner::docker_trouble;
use super::super::version::OmsVersion;

/// The container's name in the manual, and where its configuration lies there.
const USUAL_NAME: &str = "oms";
const USUAL_CONFIG: &str = "/data/oms/config.yaml";

/// What a host is asked first: which containers are there?
pub fn look_for(container: Option<&str>, key: &FingerprintKey) -> FactsRequest {
    look_at(container.unwrap_or(USUAL_NAME), key)
}

/// What it is asked when the name is known: what does its Docker say of it?
pub fn look_at(container: &str, key: &FingerprintKey) -> FactsRequest {
    FactsRequest {
        container_name: container.to_owned(),
        paths: Vec::new(),
        config_file: USUAL_CONFIG.to_owned(),
        files: Vec::new(),
        key: key.clone(),
        ports: Vec::new(),
        port_ranges: Vec::new(),
        towards: None,
        health: WantedHealth { port: 8089, tls: false },
        measured: Vec::new(),
        tsdb: None,
        texts: Vec::new(),
    }
}

/// What it is asked when the mounts are known: the texts of these files.
pub fn look_into(container: &str, found: &ContainerFacts, key: &FingerprintKey) -> FactsRequest {
    let certificates = [CERTIFICATE, KEY].into_iter().filter_map(|inside| bind_source(found, inside));
    FactsRequest {
        config_file: bind_source(found, CONFIG).unwrap_or_else(|| USUAL_CONFIG.to_owned()),
        texts: certificates.collect(),
        ..look_at(container, key)
    }
}

/// The name of OMS's container on the host, by what [`look_for`] found.
///
/// # Errors
/// There is none, or there are several of which none is more likely than the others.
pub fn find_container(node: &NodeName, asked: Option<&str>, facts: &Facts) -> Result<String, ErrorReport> {
    if let Some(trouble) = docker_trouble(&facts.docker) {
        let report = ErrorReport::new(ErrorCode::Docker, format!("{node}: Docker does not answer"));
        return Err(report.cause(trouble).hint("start Docker there and adopt again"));
    }
    let candidates = candidates(asked.unwrap_or(USUAL_NAME), facts);
    if let Some(name) = asked {
        return match &facts.container {
            Some(_) => Ok(name.to_owned()),
            None => Err(nothing(node, &format!("there is no container {name}"), &candidates)),
        };
    }
    let running: Vec<_> = candidates.iter().filter(|candidate| candidate.running).collect();
    match (candidates.as_slice(), running.as_slice()) {
        ([one], _) => Ok(one.name.clone()),
        // What an upgrade set aside, for instance.
        (_, [one]) => Ok(one.name.clone()),
        ([], _) => Err(nothing(node, "no container has OMS's mounts", &candidates)),
        _ => {
            let what = format!("{node}: several containers have OMS's mounts");
            let report = ErrorReport::new(ErrorCode::Container, what).cause(list(&candidates));
            Err(report.hint("say which one it is with --container NAME"))
        }
    }
}

fn nothing(node: &NodeName, what: &str, candidates: &[OtherContainer]) -> ErrorReport {
    let report = ErrorReport::new(ErrorCode::Container, format!("{node}: {what}"));
    if candidates.is_empty() {
        report.hint(
            "a host without OMS needs no adoption: leave it out here, and give it a line in the new inventory for \
             `omsctl apply`",
        )
    } else {
        report
            .cause(format!("with OMS's mounts: {}", list(candidates)))
            .hint("name that one with --container")
    }
}

fn list(candidates: &[OtherContainer]) -> String {
    let words = candidates.iter().map(|found| {
        format!("{} ({}, {})", found.name, if found.running { "running" } else { "stopped" }, found.image)
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Every container that has OMS's mounts, the one of this name first.
fn candidates(name: &str, facts: &Facts) -> Vec<OtherContainer> {
    let is_oms =
        |found: &&ContainerFacts| [CONFIG, STORE].iter().any(|inside| bind_source(found, inside).is_some());
    let own = facts.container.as_ref().filter(is_oms).map(|found| OtherContainer {
        name: name.to_owned(),
        image: found.image_reference.clone(),
        running: found.running,
    });
    own.into_iter().chain(facts.other_containers.iter().cloned()).collect()
}

/// Where the container's files lie on its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mounts {
    pub(super) logs: String,
    pub(super) store: String,
    pub(super) run: String,
    pub(super) config: String,
    /// Certificate and key; `None` without HTTPS.
    pub(super) https: Option<(String, String)>,
}

/// The mounts, or why omsctl cannot keep such a container.
pub(super) fn mounts(node: &NodeName, found: &ContainerFacts) -> Result<Mounts, ErrorReport> {
    let mut missing = Vec::new();
    let mut source = |inside: &str| match bind_source(found, inside) {
        Some(path) if path.starts_with('/') => path,
        Some(volume) => {
            missing.push(format!("{inside} is the volume {volume}"));
            String::new()
        }
        None => {
            missing.push(format!("{inside} is not mounted with -v"));
            String::new()
        }
    };
    let (config, logs, store, run) = (source(CONFIG), source(LOGS), source(STORE), source(RUN));
    let served = [CERTIFICATE, KEY].map(|inside| bind_source(found, inside));
    let https = match served {
        [Some(_), Some(_)] => Some((source(CERTIFICATE), source(KEY))),
        [None, None] => None,
        _ => {
            missing.push(format!("of {CERTIFICATE} and {KEY} only one is mounted"));
            None
        }
    };
    if missing.is_empty() {
        return Ok(Mounts { logs, store, run, config, https });
    }
    let what = format!("{node}: OMS's container keeps its files in a way that omsctl does not");
    let report = ErrorReport::new(ErrorCode::Container, what).cause(missing.join("; "));
    Err(report.hint(
        "omsctl mounts files and folders of the host, as OMS's manual does: move the files there and make the container \
         anew with the manual's arguments",
    ))
}

/// `OMS_HOST_IP`, the last one, as in a shell.
pub(super) fn host_ip(found: &ContainerFacts) -> Option<IpAddr> {
    let value = found.environment.iter().rev().find_map(|entry| entry.strip_prefix("OMS_HOST_IP="))?;
    value.trim().parse().ok()
}

/// The name by which the image of the container is found again; the flag says that its image has no name any more.
pub(super) fn reference(found: &ContainerFacts, facts: &Facts) -> (String, bool) {
    let images = image::images_of(&facts.docker);
    let Some(own) = images.iter().find(|image| image.id == found.image_id) else {
        return (found.image_reference.clone(), false);
    };
    let names = &own.references;
    let created_from = names.iter().find(|name| **name == found.image_reference);
    let versioned = names.iter().find(|name| OmsVersion::of_reference(name).is_some());
    match created_from.or(versioned).or_else(|| names.first()) {
        Some(name) => (name.clone(), false),
        None => (found.image_reference.clone(), true),
    }
}
