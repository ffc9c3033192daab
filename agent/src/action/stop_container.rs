//! Stopping a container that stays on the host, with everything that was written in it.

use omsctl_proto::ErrorCode;

use super::container_state::{down, look};
use super::create_container::evidence;
use super::{Context, Done, Stop};
use crate::ports::Container;

/// Stops it when it runs, and gives it the name `set_aside` when there is one; a container that is gone is a failure,
/// since somebody else is at work.
pub(crate) async fn stop_container(
    context: &Context<'_>,
    name: &str,
    set_aside: Option<&str>,
) -> Result<Done, Stop> {
    let Some(container) = look(context, name).await? else {
        // Done before this agent was started again.
        if let Some(aside) = set_aside
            && let Some(container) = look(context, aside).await?
            && !container.facts.running
        {
            return Ok(evidence(Done::unchanged(), &container));
        }
        return Err(down(context, name, format!("The container {name} is gone.")).await.into());
    };
    let ran = container.facts.running;
    let stopped = if ran { stop(context, name).await? } else { container };
    let Some(aside) = set_aside else {
        return Ok(evidence(if ran { Done::changed() } else { Done::unchanged() }, &stopped));
    };
    let renamed = context.world.docker.rename(name, aside).await;
    renamed.map_err(|error| {
        error
            .report(ErrorCode::Container, &format!("The container {name} could not be set aside as {aside}."))
    })?;
    Ok(evidence(Done::changed(), &stopped).with("set_aside", aside))
}

async fn stop(context: &Context<'_>, name: &str) -> Result<Container, Stop> {
    let stopped = context.world.docker.stop(name).await;
    stopped.map_err(|error| {
        error.report(ErrorCode::Container, &format!("The container {name} could not be stopped."))
    })?;
    match look(context, name).await? {
        Some(container) if !container.facts.running => Ok(container),
        // A restart policy or a person started it again.
        _ => Err(down(context, name, format!("The container {name} does not stay stopped.")).await.into()),
    }
}
