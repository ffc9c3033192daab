//! A container that was set aside gets its name back and runs again.

use omsctl_proto::{ErrorCode, ErrorReport};

use super::container_state::look;
use super::{Context, Done, Stop, start_container};

/// Renames and starts it; when only the name is there already, an earlier agent of this run renamed it.
pub(crate) async fn restore_container(context: &Context<'_>, name: &str, aside: &str) -> Result<Done, Stop> {
    let kept = look(context, aside).await?.is_some();
    if kept && look(context, name).await?.is_some() {
        return Err(ErrorReport::new(
            ErrorCode::Container,
            format!("{aside} cannot get its name back: there is a container {name}."),
        )
        .hint("It came since the plan was made: run the command again.")
        .into());
    }
    if kept {
        let renamed = context.world.docker.rename(aside, name).await;
        let what = format!("The container {aside} could not be renamed to {name}.");
        renamed.map_err(|error| error.report(ErrorCode::Container, &what))?;
    }
    let done = start_container(context, name).await?;
    Ok(if kept { Done { outcome: Done::changed().outcome, ..done }.with("was", aside) } else { done })
}
