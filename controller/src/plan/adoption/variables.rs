//! The `oms_*` variables of every host: what its container says that is not omsctl's default.

use std::collections::BTreeMap;
use std::net::IpAddr;

use omsctl_proto::{ErrorCode, ErrorReport, InitState, Secret};

use super::super::version::{OmsVersion, SELF_INITIALISING};
use super::certificate_file;
use super::container::{Mounts, reference};
use super::reading::{ReadHost, Reading};

/// A name and its value.
pub(super) type Variable = (&'static str, String);

/// Of each host, in the order of the reading; certificates by name; warnings.
pub(super) type Found = (Vec<Vec<Variable>>, Vec<(String, Secret)>, Vec<String>);

/// The host's own address, which no other host can have.
pub(super) const ADDRESS: &str = "oms_host_ip";

/// All variables.
///
/// # Errors
/// Certificates that cannot be brought.
pub(super) fn of_all(
    reading: &Reading,
    version: Option<&str>,
    folder: &str,
) -> Result<Found, Vec<ErrorReport>> {
    let mut warnings = Vec::new();
    let mut all: Vec<Vec<Variable>> =
        reading.hosts.iter().map(|host| of_host(host, version, &mut warnings)).collect();
    let (refusals, pairs) = certificates(&reading.hosts);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let alike = pairs.windows(2).all(|pair| pair[0].1 == pair[1].1);
    let mut files: BTreeMap<String, Secret> = BTreeMap::new();
    for (index, (certificate, key)) in pairs {
        let node = Some(reading.hosts[index].node()).filter(|_| !alike);
        for (name, kind, text) in [("oms_https_cert", "crt", certificate), ("oms_https_key", "key", key)] {
            let file = certificate_file(node, kind);
            all[index].push((name, format!("{folder}/{file}")));
            files.insert(file, text);
        }
    }
    Ok((all, files.into_iter().collect(), warnings))
}

type Pairs = Vec<(usize, (Secret, Secret))>;

/// The texts of certificate and key, by the place of the host.
fn certificates(hosts: &[ReadHost]) -> (Vec<ErrorReport>, Pairs) {
    let (mut refusals, mut pairs) = (Vec::new(), Vec::new());
    for (index, host) in hosts.iter().enumerate() {
        let Some((certificate, key)) = &host.mounts.https else { continue };
        let texts = &host.seen.facts.texts;
        match (texts.get(certificate), texts.get(key)) {
            (Some(certificate), Some(key)) => pairs.push((index, (certificate.0.clone(), key.0.clone()))),
            (read, _) => {
                let path = if read.is_none() { certificate } else { key };
                let what = format!("{}: {path}, which nginx serves HTTPS with, cannot be read", host.node());
                refusals.push(
                    ErrorReport::new(ErrorCode::File, what)
                        .cause("it is not there, or no text of at most 128 KiB")
                        .hint("put the certificate and its key there in PEM format, and adopt again"),
                );
            }
        }
    }
    (refusals, pairs)
}

fn of_host(host: &ReadHost, version: Option<&str>, warnings: &mut Vec<String>) -> Vec<Variable> {
    let node = host.node();
    let mut variables: Vec<Variable> = Vec::new();
    if let Some(address) = own_address(host) {
        variables.push((ADDRESS, address.to_string()));
    }
    if host.seen.container != "oms" {
        variables.push(("oms_container_name", host.seen.container.clone()));
    }
    variables.extend(paths(&host.mounts));
    let Some(found) = host.container() else { return variables };
    let (image, nameless) = reference(found, &host.seen.facts);
    if nameless {
        warnings.push(format!(
            "{node}: the image of the container has no name any more, and `omsctl plan` would replace the container; \
             `docker tag {} {image}` there gives it one",
            found.image_id
        ));
    }
    if OmsVersion::of_reference(&image).is_none() {
        variables.push(("oms_init_by", init_by(host, version, &image, warnings).to_owned()));
    }
    variables.push(("oms_image", image));
    if !matches!(found.restart_policy.as_str(), "" | "no") {
        variables.push(("oms_restart_policy", found.restart_policy.clone()));
    }
    variables.extend(virtual_ip(host));
    variables
}

/// Always written when it is not the very address by which the host is reached: who OMS takes a host for shall not
/// depend on a route.
fn own_address(host: &ReadHost) -> Option<IpAddr> {
    let address = host.address?.to_canonical();
    let reached = host.seen.reached_at.parse::<IpAddr>().map(|reached| reached.to_canonical());
    (reached != Ok(address)).then_some(address)
}

/// One folder with the manual's names below it, or each path by itself.
fn paths(mounts: &Mounts) -> Vec<Variable> {
    let Mounts { logs, store, run, config, https } = mounts;
    let below = |path: &str, name: &str| path.strip_suffix(name).map(str::to_owned);
    let folder = below(logs, "/oms_logs").filter(|folder| !folder.is_empty());
    let fits = folder.filter(|folder| {
        [(store, "/oms_store"), (run, "/oms_run"), (config, "/config.yaml")]
            .into_iter()
            .all(|(path, name)| below(path, name).as_ref() == Some(folder))
    });
    let mut variables: Vec<Variable> = match &fits {
        Some(folder) if folder == "/data/oms" => Vec::new(),
        Some(folder) => vec![("oms_mount_path", folder.clone())],
        None => vec![
            ("oms_logs_dir", logs.clone()),
            ("oms_store_dir", store.clone()),
            ("oms_run_dir", run.clone()),
            ("oms_config_file", config.clone()),
        ],
    };
    if let Some((certificate, key)) = https {
        let base = fits.unwrap_or_else(|| "/data/oms".to_owned());
        for (name, path, usual) in
            [("oms_https_cert_mount", certificate, "https_crt"), ("oms_https_key_mount", key, "https_key")]
        {
            if *path != format!("{base}/{usual}") {
                variables.push((name, path.clone()));
            }
        }
    }
    variables
}

/// Who initialises a container whose image has no version in its name.
fn init_by(host: &ReadHost, version: Option<&str>, image: &str, warnings: &mut Vec<String>) -> &'static str {
    let by = |itself: bool| if itself { "self" } else { "script" };
    if let Some(version) = version.and_then(OmsVersion::find) {
        return by(version.compare(&SELF_INITIALISING).is_ge());
    }
    let init = host.container().map(|found| &found.initialisation);
    let itself = init.is_some_and(|init| {
        init.state == InitState::Succeeded && init.proof == "OMS service start successfully"
    });
    warnings.push(format!(
        "{}: neither the image's name ({image}) nor the MetaDB tells the version: oms_init_by={} is a guess by the \
         container's log; self is right for OMS 4.2.11 and later",
        host.node(),
        by(itself)
    ));
    by(itself)
}

/// What omsctl's own keepalived serves, when there is one.
fn virtual_ip(host: &ReadHost) -> Vec<Variable> {
    let found = host.seen.facts.virtual_ip.as_ref().filter(|found| found.begun);
    let Some(serving) = found.and_then(|found| found.serving.as_ref()) else { return Vec::new() };
    vec![
        ("oms_vip_provider", "keepalived".to_owned()),
        ("oms_vip_address", format!("{}/{}", serving.address, serving.prefix_length)),
        ("oms_vip_interface", serving.interface.clone()),
        ("oms_vip_router_id", serving.router_id.to_string()),
    ]
}

/// Of omsctl's keepalived there.
pub(super) fn priority(host: &ReadHost) -> u8 {
    let facts = host.seen.facts.virtual_ip.as_ref();
    facts.and_then(|found| found.serving.as_ref()).map_or(0, |serving| serving.priority)
}

/// What every one of these hosts has alike, in the order of the first; without what is each host's own.
pub(super) fn shared(hosts: &[&[Variable]]) -> Vec<Variable> {
    let Some((first, others)) = hosts.split_first() else { return Vec::new() };
    let everywhere = |variable: &&Variable| others.iter().all(|other| other.contains(variable));
    first.iter().filter(|(name, _)| *name != ADDRESS).filter(everywhere).cloned().collect()
}
