//! Containers of OMS stop and go, with what was written in them beside their mounts. No image and no volume goes.

use omsctl_proto::{ErrorCode, ErrorReport};

use super::container_state::{down, look};
use super::{Context, Done, Stop};

/// One that is gone already was removed before this agent was started again.
pub(crate) async fn remove_containers(context: &Context<'_>, names: &[String]) -> Result<Done, Stop> {
    let mut removed = Vec::new();
    for name in names {
        let Some(container) = look(context, name).await? else { continue };
        if !container.facts.environment.iter().any(|pair| pair.starts_with("OMS_HOST_IP=")) {
            return Err(foreign(name).into());
        }
        let docker = &context.world.docker;
        if container.facts.running {
            docker.stop(name).await.map_err(|error| {
                error.report(ErrorCode::Container, &format!("The container {name} could not be stopped."))
            })?;
        }
        docker.remove(name).await.map_err(|error| {
            error.report(ErrorCode::Container, &format!("The container {name} could not be removed."))
        })?;
        if look(context, name).await?.is_some() {
            return Err(down(context, name, format!("The container {name} is there again.")).await.into());
        }
        removed.push(format!("{name} {}", container.facts.id));
    }
    let done = if removed.is_empty() { Done::unchanged() } else { Done::changed() };
    Ok(if removed.is_empty() { done } else { done.with("removed", removed.join(", ")) })
}

fn foreign(name: &str) -> ErrorReport {
    ErrorReport::new(ErrorCode::Container, format!("The container {name} is not one of OMS: it stays."))
        .cause("it has no OMS_HOST_IP")
        .hint("It came since the plan was made: look whose it is, and run the command again.")
}
