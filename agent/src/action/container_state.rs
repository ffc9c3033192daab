//! What the actions on containers share: is it the wanted one, and why did it not come up.

use std::collections::BTreeSet;

use omsctl_proto::{ContainerFacts, ContainerSpec, Digest, ErrorCode, ErrorReport, WantedImage};

use super::context::harmless;
use super::{Context, Stop};
use crate::ports::{Container, EngineImage, Since};

/// Of the manual's `docker run`.
const ULIMIT: &str = "nproc=65535:65535";

/// The container as it is now.
pub(crate) async fn look(context: &Context<'_>, name: &str) -> Result<Option<Container>, Stop> {
    context.world.docker.container(name).await.map_err(|error| {
        error.report(ErrorCode::Docker, &format!("The container {name} cannot be looked at.")).into()
    })
}

/// The image is the wanted one: by configuration, by layers, or by name when nobody knows more.
pub(crate) fn is_wanted(id: &Digest, layers: &[Digest], wanted: &WantedImage) -> bool {
    let known = wanted.config.is_some() || !wanted.layers.is_empty();
    !known || wanted.config.as_ref() == Some(id) || (!wanted.layers.is_empty() && wanted.layers == layers)
}

/// The image that a container is made from, by its name and proved to be the wanted one.
pub(crate) async fn wanted_image(context: &Context<'_>, wanted: &WantedImage) -> Result<EngineImage, Stop> {
    let reference = &wanted.reference;
    let image = context.world.docker.image(reference).await;
    let image = image.map_err(|error| {
        error.report(ErrorCode::Docker, &format!("The image {reference} cannot be looked at."))
    })?;
    match image {
        Some(image) if is_wanted(&image.id, &image.layers, wanted) => Ok(image),
        Some(image) => {
            Err(ErrorReport::new(ErrorCode::Image, format!("{reference} is another image than planned."))
                .cause(format!("the host has {}", image.id.short()))
                .hint("Somebody changed the image since the plan was made: run the command again.")
                .into())
        }
        None => {
            Err(ErrorReport::new(ErrorCode::Image, format!("The image {reference} is not on the host."))
                .into())
        }
    }
}

/// The container stops and gives its name away; under the other one it is kept.
pub(crate) async fn set_aside_as(context: &Context<'_>, name: &str, aside: &str) -> Result<(), Stop> {
    if look(context, aside).await?.is_some() {
        return Err(ErrorReport::new(
            ErrorCode::Container,
            format!("{name} cannot be set aside: {aside} is there already."),
        )
        .hint(format!("Look at it and remove it by hand when it is not needed: `docker rm {aside}`."))
        .into());
    }
    let docker = &context.world.docker;
    let what = format!("The former container {name} cannot be set aside as {aside}.");
    docker.stop(name).await.map_err(|error| error.report(ErrorCode::Container, &what))?;
    docker.rename(name, aside).await.map_err(|error| error.report(ErrorCode::Container, &what))?;
    Ok(())
}

/// In words, what differs between a container and how it should have been created; the image apart.
pub(crate) fn differences(found: &ContainerFacts, wanted: &ContainerSpec) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differs = |what: &str, found: String, wanted: String| {
        if found != wanted {
            differences.push(format!("{what}: have {found}, want {wanted}"));
        }
    };
    let address = found.environment.iter().find_map(|pair| pair.strip_prefix("OMS_HOST_IP="));
    differs("OMS_HOST_IP", address.unwrap_or("none").to_owned(), wanted.host_ip.to_string());
    let binds: BTreeSet<String> = found.binds.iter().cloned().collect();
    let mounts: BTreeSet<String> =
        wanted.mounts.iter().map(|mount| format!("{}:{}", mount.host, mount.container)).collect();
    differs("mounts", join(&binds), join(&mounts));
    differs("network", found.network_mode.clone(), "host".to_owned());
    differs("privileged", found.privileged.to_string(), true.to_string());
    let unlimited = found.pids_limit.is_none_or(|limit| limit <= 0);
    differs("unlimited processes", unlimited.to_string(), true.to_string());
    // Other limits can come from the daemon's own settings.
    let processes = found.ulimits.iter().find(|limit| limit.starts_with("nproc="));
    differs("ulimit", processes.cloned().unwrap_or_else(|| "none".to_owned()), ULIMIT.to_owned());
    differs("terminal", (found.tty && found.open_stdin).to_string(), true.to_string());
    differs(
        "restart policy",
        policy(&found.restart_policy),
        policy(wanted.restart_policy.as_deref().unwrap_or("")),
    );
    differences
}

/// A failure with the container's state and its last words.
pub(crate) async fn down(context: &Context<'_>, name: &str, what: String) -> ErrorReport {
    let mut report = ErrorReport::new(ErrorCode::Container, what);
    match context.world.docker.container(name).await {
        Ok(Some(container)) => {
            let facts = container.facts;
            let exit = facts.exit_code.map_or(String::new(), |code| format!(", exit code {code}"));
            let memory = if facts.oom_killed { ", killed for lack of memory" } else { "" };
            report = report.cause(format!("state {}{exit}{memory}", facts.status));
        }
        Ok(None) => report = report.cause("there is no such container"),
        Err(error) => report = report.cause(error.to_string()),
    }
    if let Ok(text) = context.world.docker.logs(name, 20, Since::Creation).await {
        report.causes.extend(text.lines().filter(|line| !line.trim().is_empty()).map(harmless));
    }
    report.hint(format!("See `docker logs {name}` on the host, mend the cause and run the command again."))
}

fn join(set: &BTreeSet<String>) -> String {
    set.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Docker writes "no restart" in two ways.
fn policy(text: &str) -> String {
    if text.is_empty() { "no".to_owned() } else { text.to_owned() }
}
