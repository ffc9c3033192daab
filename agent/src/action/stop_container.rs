//! Stopping a container that stays on the host, with everything that was written in it.

use omsctl_proto::ErrorCode;

use super::container_state::{down, look};
use super::create_container::evidence;
use super::{Context, Done, Stop};

/// Stops it when it runs; one that is gone is a failure, since somebody else is at work.
pub(crate) async fn stop_container(context: &Context<'_>, name: &str) -> Result<Done, Stop> {
    let Some(container) = look(context, name).await? else {
        return Err(down(context, name, format!("The container {name} is gone.")).await.into());
    };
    if !container.facts.running {
        return Ok(evidence(Done::unchanged(), &container));
    }
    let stopped = context.world.docker.stop(name).await;
    stopped.map_err(|error| {
        error.report(ErrorCode::Container, &format!("The container {name} could not be stopped."))
    })?;
    match look(context, name).await? {
        Some(container) if !container.facts.running => Ok(evidence(Done::changed(), &container)),
        // A restart policy or a person started it again.
        _ => Err(down(context, name, format!("The container {name} does not stay stopped.")).await.into()),
    }
}
