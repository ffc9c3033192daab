//! Whether a container was created with the documented arguments (`research/oms.md` 3). Says what differs, in words
//! with both values. `IS_UPGRADE` and other environment of the image are no difference.

use omsctl_proto::{ContainerFacts, ContainerSpec, ImageFacts};

use super::image;

/// Where the manual mounts OMS's files, inside.
pub(super) const CONFIG: &str = "/home/admin/conf/config.yaml";
pub(super) const LOGS: &str = "/home/admin/logs";
pub(super) const STORE: &str = "/home/ds/store";
pub(super) const RUN: &str = "/home/ds/run";
pub(super) const CERTIFICATE: &str = "/etc/pki/nginx/oms_server.crt";
pub(super) const KEY: &str = "/etc/pki/nginx/oms_server.key";

/// `--ulimit nproc=65535:65535`.
const ULIMIT: &str = "nproc=65535:65535";

/// Everything in which the container is another one than wanted; empty when it is the same.
pub(super) fn differences(
    wanted: &ContainerSpec,
    found: &ContainerFacts,
    images: &[ImageFacts],
) -> Vec<String> {
    let mut differences = Vec::new();
    if !image::runs_in(&wanted.image, found, images) {
        differences.push(format!(
            "image differs: have {}, want {}",
            image::in_words(&found.image_id, &found.image_reference),
            image::wanted_in_words(&wanted.image)
        ));
    }
    differences.extend(other_differences(wanted, found));
    differences
}

/// As [`differences`], the image apart.
pub(super) fn other_differences(wanted: &ContainerSpec, found: &ContainerFacts) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, have: String, want: String| {
        if have != want {
            differences.push(format!("{what} differs: have {have}, want {want}"));
        }
    };
    compare("OMS_HOST_IP", host_ip(found), wanted.host_ip.to_string());
    compare("mounts", in_words(&mut binds_found(found)), in_words(&mut binds_wanted(wanted)));
    compare("--net", found.network_mode.clone(), "host".to_owned());
    compare("--privileged", found.privileged.to_string(), "true".to_owned());
    compare("--pids-limit", pids_limit(found), "-1".to_owned());
    compare("--ulimit", ulimit(found), ULIMIT.to_owned());
    compare("-t", found.tty.to_string(), "true".to_owned());
    compare("-i", found.open_stdin.to_string(), "true".to_owned());
    compare(
        "--restart",
        restart_policy(&found.restart_policy).to_owned(),
        restart_policy(wanted.restart_policy.as_deref().unwrap_or("")).to_owned(),
    );
    differences
}

/// The last one counts, as in a shell.
fn host_ip(found: &ContainerFacts) -> String {
    let values = found.environment.iter().rev().find_map(|entry| entry.strip_prefix("OMS_HOST_IP="));
    values.unwrap_or("none").to_owned()
}

/// Docker shows "no limit" as nothing, 0 or -1, depending on its version.
fn pids_limit(found: &ContainerFacts) -> String {
    found.pids_limit.filter(|limit| *limit > 0).unwrap_or(-1).to_string()
}

/// Other limits can come from the daemon's own settings, so only this one is looked at.
fn ulimit(found: &ContainerFacts) -> String {
    let own = found.ulimits.iter().find(|limit| limit.starts_with("nproc="));
    own.cloned().unwrap_or_else(|| "none".to_owned())
}

/// Docker shows "none" as `no` or as nothing; a count of 0 means no limit.
fn restart_policy(text: &str) -> &str {
    let text = text.strip_suffix(":0").unwrap_or(text);
    if text.is_empty() { "no" } else { text }
}

fn binds_wanted(wanted: &ContainerSpec) -> Vec<String> {
    wanted.mounts.iter().map(|mount| format!("{}:{}", without_slash(&mount.host), mount.container)).collect()
}

fn binds_found(found: &ContainerFacts) -> Vec<String> {
    found.binds.iter().map(|bind| normal_bind(bind)).collect()
}

/// `rw` is the default.
fn normal_bind(bind: &str) -> String {
    let bind = bind.strip_suffix(":rw").unwrap_or(bind);
    match bind.split_once(':') {
        Some((host, container)) => format!("{}:{}", without_slash(host), without_slash(container)),
        None => bind.to_owned(),
    }
}

fn without_slash(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { path } else { trimmed }
}

fn in_words(binds: &mut Vec<String>) -> String {
    binds.sort_unstable();
    binds.dedup();
    if binds.is_empty() { "none".to_owned() } else { binds.join(" ") }
}

/// The directory or file of the host that is mounted there.
pub(super) fn bind_source(found: &ContainerFacts, inside: &str) -> Option<String> {
    found.binds.iter().find_map(|bind| {
        let bind = normal_bind(bind);
        let (host, container) = bind.split_once(':')?;
        (container.split(':').next() == Some(inside)).then(|| host.to_owned())
    })
}
