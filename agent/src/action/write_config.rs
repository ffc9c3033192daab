//! OMS's `config.yaml`, read back where OMS will read it.

use omsctl_proto::{ErrorCode, ErrorReport, FormerText, SecretFile, former_path};

use super::place_file::{Placed, place, remove_former};
use super::{Context, Done, Stop};
use crate::ports::Look;

/// Writes it when it differs; with a running container the proof is what is seen inside.
pub(crate) async fn write_config(
    context: &Context<'_>,
    file: &SecretFile,
    container: Option<&str>,
    former: FormerText,
) -> Result<Done, Stop> {
    let Some(placed) = place(context, file).await? else { return unchanged(context, file, former) };
    let seen_in = match container {
        Some(name) if runs(context, name).await? => Some(name),
        Some(_) | None => None,
    };
    if let Some(name) = seen_in {
        match seen_inside(context, name, file).await {
            Ok(true) => {}
            Ok(false) => return Err(undo(placed, file, "the container still sees the former one")),
            Err(reason) => return Err(undo(placed, file, &reason)),
        }
    }
    let kept = match former {
        FormerText::Removed => placed.keep(),
        FormerText::KeptForReload => placed.keep_with_former(),
    };
    kept.map_err(|error| {
        ErrorReport::new(ErrorCode::File, format!("The former text of {} cannot be put in order.", file.path))
            .cause(error.to_string())
    })?;
    let done = Done::changed().with("file", &file.path);
    Ok(done.with("read_back", seen_in.map_or("on the host", |_| "inside the container")))
}

/// The text is the wanted one; what an earlier run left beside it goes when nothing needs it.
fn unchanged(context: &Context<'_>, file: &SecretFile, former: FormerText) -> Result<Done, Stop> {
    let done = if former == FormerText::Removed && forget_former(context, &file.path)? {
        Done::changed().with("removed", former_path(&file.path))
    } else {
        Done::unchanged()
    };
    Ok(done.with("file", &file.path))
}

/// Removes the former text of the file of this path; false when there is none.
pub(crate) fn forget_former(context: &Context<'_>, path: &str) -> Result<bool, Stop> {
    remove_former(&context.world.places.on_host(path)).map_err(|error| {
        ErrorReport::new(ErrorCode::File, format!("{} cannot be removed.", former_path(path)))
            .cause(error.to_string())
            .into()
    })
}

async fn runs(context: &Context<'_>, name: &str) -> Result<bool, Stop> {
    let container = context.world.docker.container(name).await.map_err(|error| {
        error.report(ErrorCode::Docker, &format!("The container {name} cannot be looked at."))
    })?;
    Ok(container.is_some_and(|container| container.facts.running))
}

async fn seen_inside(context: &Context<'_>, name: &str, file: &SecretFile) -> Result<bool, String> {
    let inside =
        context.world.docker.inside(name, Look::Everything).await.map_err(|error| error.to_string())?;
    let key = context.key().map_err(|_| "the key of the run is lost".to_owned())?;
    let config = inside.config.ok_or("there is no config.yaml inside")?;
    Ok(key.of(config.expose().as_bytes()) == file.fingerprint)
}

fn undo(placed: Placed, file: &SecretFile, reason: &str) -> Stop {
    let report = ErrorReport::new(
        ErrorCode::File,
        format!("The new {} is not seen inside the container; the former one was put back.", file.path),
    )
    .cause(reason)
    .hint("The mount of that file is stale when somebody replaced the file: `omsctl apply` restarts the container then.");
    match placed.restore() {
        Ok(()) => report.into(),
        Err(error) => report.cause(format!("putting it back failed: {error}")).into(),
    }
}
