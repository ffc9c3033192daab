//! The image: there already, from an archive, or pulled; proved by its identity.

use omsctl_proto::{Digest, ErrorCode, ErrorReport, ImageFacts, ImageOrigin, SecretName, WantedImage};

use super::container_state::is_wanted;
use super::receive_archive::{Archive, receive_archive};
use super::{Context, Done, Stop};
use crate::delivery::forget_all_but;
use crate::ports::RuntimeError;
use crate::run_folder::DockerConfig;

/// With the image there, nothing that was received of it is kept any longer.
pub(crate) async fn load_image(
    context: &Context<'_>,
    wanted: &WantedImage,
    origin: &ImageOrigin,
) -> Result<Done, Stop> {
    let done = bring(context, wanted, origin).await?;
    // Room is all that it costs when it stays: the next run removes it.
    if let Err(error) = forget_all_but(&context.world.places, None) {
        context.warn(format!("What was received of the image could not be removed: {error}"))?;
    }
    Ok(done)
}

async fn bring(context: &Context<'_>, wanted: &WantedImage, origin: &ImageOrigin) -> Result<Done, Stop> {
    if let Some(id) = named(context, wanted).await? {
        return Ok(evidence(Done::unchanged(), &id, wanted));
    }
    if let Some(id) = anywhere(context, wanted).await? {
        tag(context, &id, wanted).await?;
        return Ok(evidence(Done::changed(), &id, wanted).with("tagged", "true"));
    }
    let mut done = Done::changed();
    let said = match origin {
        ImageOrigin::Archive { content, size, whole, door, .. } => {
            done = done.with("received_bytes", size.to_string()).with("archive_bytes", whole.to_string());
            let archive = Archive { content, size: *size, door: *door };
            let (said, came) = receive_archive(context, &archive).await?;
            done = done
                .with("from_bastion_bytes", came.from_bastion.to_string())
                .with("from_hosts_bytes", came.from_hosts.to_string());
            said
        }
        ImageOrigin::Pull { credentials } => pull(context, wanted, credentials.as_ref()).await?,
    };
    if let Some(id) = named(context, wanted).await? {
        return Ok(evidence(done, &id, wanted));
    }
    let Some(id) = anywhere(context, wanted).await? else {
        return Err(ErrorReport::new(ErrorCode::Image, format!("What came is not the image {}.", wanted.reference))
            .cause(super::context::harmless(said.trim()))
            .hint("The archive holds another image than its manifest says, or the registry has another one under that name.")
            .into());
    };
    tag(context, &id, wanted).await?;
    Ok(evidence(done, &id, wanted))
}

/// The image under the wanted name, when it is the wanted one.
async fn named(context: &Context<'_>, wanted: &WantedImage) -> Result<Option<Digest>, Stop> {
    let image = context.world.docker.image(&wanted.reference).await;
    let image = image.map_err(|error| {
        error.report(ErrorCode::Docker, &format!("The image {} cannot be looked at.", wanted.reference))
    })?;
    let Some(image) = image.filter(|image| is_wanted(&image.id, &image.layers, wanted)) else {
        return Ok(None);
    };
    match &wanted.architecture {
        Some(architecture) if *architecture != image.architecture => Err(ErrorReport::new(
            ErrorCode::Image,
            format!(
                "The image {} is for {}, this host needs {architecture}.",
                wanted.reference, image.architecture
            ),
        )
        .into()),
        Some(_) | None => Ok(Some(image.id)),
    }
}

/// The wanted image under any name or none; only when its identity is known.
async fn anywhere(context: &Context<'_>, wanted: &WantedImage) -> Result<Option<Digest>, Stop> {
    if wanted.config.is_none() && wanted.layers.is_empty() {
        return Ok(None);
    }
    let images = context.world.docker.images().await;
    let images = images
        .map_err(|error| error.report(ErrorCode::Docker, "The images of the host cannot be listed."))?;
    let fits = |image: &ImageFacts| is_wanted(&image.id, &image.layers, wanted);
    Ok(images.into_iter().find(fits).map(|image| image.id))
}

async fn tag(context: &Context<'_>, id: &Digest, wanted: &WantedImage) -> Result<(), Stop> {
    let tagged = context.world.docker.tag(id, &wanted.reference).await;
    tagged.map_err(|error| {
        error.report(ErrorCode::Image, &format!("The image cannot be named {}.", wanted.reference)).into()
    })
}

async fn pull(
    context: &Context<'_>,
    wanted: &WantedImage,
    credentials: Option<&SecretName>,
) -> Result<String, Stop> {
    let config = match credentials {
        Some(name) => {
            let text = context.secret(name).await?;
            Some(context.folder.docker_config(&text).map_err(|error| no_config(&error))?)
        }
        None => None,
    };
    let folder = config.as_ref().map(DockerConfig::folder);
    let pulled = context.world.docker.pull(&wanted.reference, folder).await;
    drop(config);
    match pulled {
        Ok(()) => Ok(String::new()),
        Err(error) if is_refused(&error) => Err(refused(&error, wanted, credentials.is_some()).into()),
        Err(error) => Err(error
            .report(ErrorCode::Image, &format!("The image {} cannot be pulled.", wanted.reference))
            .hint("With `oms_image_archive` the bastion sends the image, and no registry is needed.")
            .into()),
    }
}

/// Registries, and Docker in their name, have no one word for it.
fn is_refused(error: &RuntimeError) -> bool {
    const WORDS: [&str; 5] =
        ["unauthorized", "denied", "authentication required", "no basic auth credentials", "403 forbidden"];
    let RuntimeError::Failed { words, .. } = error else { return false };
    let words = words.to_lowercase();
    // Of files and sockets of the host.
    let words = words.replace("permission denied", "");
    WORDS.iter().any(|word| words.contains(word))
}

fn refused(error: &RuntimeError, wanted: &WantedImage, with_login: bool) -> ErrorReport {
    let registry = wanted.registry().unwrap_or("Docker Hub");
    let log_in = wanted.registry().map_or_else(String::new, |registry| format!(" {registry}"));
    let what = format!("{registry} does not let this host have the image {}.", wanted.reference);
    let hint = if with_login {
        format!(
            "Correct `oms_registry_user` and `oms_registry_password`, or let that user pull this image; without the two \
             the `docker login{log_in}` of the host's root counts."
        )
    } else {
        format!(
            "Set `oms_registry_user` and `oms_registry_password` in the inventory, or run `docker login{log_in}` as root \
             on the host. The name of the image may be wrong, too."
        )
    };
    error.report(ErrorCode::Image, &what).hint(hint)
}

fn no_config(error: &std::io::Error) -> Stop {
    ErrorReport::new(
        ErrorCode::File,
        "The log-in for the registry cannot be kept in /run/omsctl for the pull.",
    )
    .cause(error.to_string())
    .hint("Make room in /run and run the command again.")
    .into()
}

fn evidence(done: Done, id: &Digest, wanted: &WantedImage) -> Done {
    done.with("image_id", id.as_str()).with("reference", &wanted.reference)
}
