//! Starting a stopped container, and restarting one whose mounts are stale.

use omsctl_proto::ErrorCode;

use super::container_state::{down, look};
use super::create_container::evidence;
use super::{Context, Done, Stop};
use crate::ports::Container;

/// Starts it when it does not run.
pub(crate) async fn start_container(context: &Context<'_>, name: &str) -> Result<Done, Stop> {
    let container = existing(context, name).await?;
    if container.facts.running {
        return Ok(evidence(Done::unchanged(), &container));
    }
    let started = context.world.docker.start(name).await;
    started.map_err(|error| {
        error.report(ErrorCode::Container, &format!("The container {name} could not be started."))
    })?;
    running(context, name).await
}

/// Restarts it when a mount is stale or when it was not restarted since the plan was made; one that does not run is
/// started.
pub(crate) async fn restart_container(
    context: &Context<'_>,
    name: &str,
    started: &str,
) -> Result<Done, Stop> {
    let container = existing(context, name).await?;
    let Some(pid) = container.pid else { return start_container(context, name).await };
    let stale = context.world.host.stale_mounts(pid, &container.facts.binds);
    if stale.is_empty() && container.facts.started != started {
        return Ok(evidence(Done::unchanged(), &container));
    }
    let restarted = context.world.docker.restart(name).await;
    restarted.map_err(|error| {
        error.report(ErrorCode::Container, &format!("The container {name} could not be restarted."))
    })?;
    let done = running(context, name).await?;
    Ok(if stale.is_empty() { done } else { done.with("stale_mounts", stale.join(" ")) })
}

async fn existing(context: &Context<'_>, name: &str) -> Result<Container, Stop> {
    match look(context, name).await? {
        Some(container) => Ok(container),
        None => Err(down(context, name, format!("The container {name} is gone.")).await.into()),
    }
}

async fn running(context: &Context<'_>, name: &str) -> Result<Done, Stop> {
    let container = existing(context, name).await?;
    if container.facts.running {
        return Ok(evidence(Done::changed(), &container));
    }
    Err(down(context, name, format!("The container {name} ended right after its start.")).await.into())
}
