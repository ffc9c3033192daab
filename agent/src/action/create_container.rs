//! The container, created exactly as the manual says, from exactly the wanted image.

use omsctl_proto::{ContainerSpec, ErrorCode, ErrorReport};

use super::container_state::{differences, down, look, set_aside_as, wanted_image};
use super::{Context, Done, Stop};
use crate::ports::{Container, EngineImage};

/// Creates and starts it. One of that name that differs is set aside under the planned name first.
pub(crate) async fn create_container(
    context: &Context<'_>,
    spec: &ContainerSpec,
    set_aside: Option<&str>,
) -> Result<Done, Stop> {
    let image = wanted_image(context, &spec.image).await?;
    if let Some(existing) = look(context, &spec.name).await? {
        if wrongs(&existing, spec, &image).is_empty() {
            return up_again(context, spec, existing).await;
        }
        make_room(context, spec, &existing, &image, set_aside).await?;
    }
    if let Err(error) = context.world.docker.run(spec).await {
        let what = format!("The container {} could not be started.", spec.name);
        let mut report = down(context, &spec.name, what.clone()).await;
        let words = error.report(ErrorCode::Container, &what);
        report.code = words.code;
        report.causes.splice(0..0, words.causes);
        return Err(report.into());
    }
    prove(context, spec, &image).await.map(|container| evidence(Done::changed(), &container))
}

fn wrongs(container: &Container, spec: &ContainerSpec, image: &EngineImage) -> Vec<String> {
    let mut wrongs = differences(&container.facts, spec);
    if container.facts.image_id != image.id {
        wrongs.push(format!("image: have {}, want {}", container.facts.image_id.short(), image.id.short()));
    }
    wrongs
}

/// The wanted container is there: made by an earlier incarnation of this run, or mended by somebody else.
async fn up_again(context: &Context<'_>, spec: &ContainerSpec, existing: Container) -> Result<Done, Stop> {
    if existing.facts.running {
        return Ok(evidence(Done::unchanged(), &existing));
    }
    super::start_container(context, &spec.name).await
}

async fn make_room(
    context: &Context<'_>,
    spec: &ContainerSpec,
    existing: &Container,
    image: &EngineImage,
    set_aside: Option<&str>,
) -> Result<(), Stop> {
    let name = &spec.name;
    let Some(aside) = set_aside else {
        let mut report = ErrorReport::new(
            ErrorCode::Container,
            format!("A container {name} is there already, and it differs."),
        );
        report.causes = wrongs(existing, spec, image);
        return Err(report.hint("It came since the plan was made: run the command again.").into());
    };
    set_aside_as(context, name, aside).await
}

async fn prove(context: &Context<'_>, spec: &ContainerSpec, image: &EngineImage) -> Result<Container, Stop> {
    let name = &spec.name;
    match look(context, name).await? {
        Some(container) if container.facts.running => {
            let wrongs = wrongs(&container, spec, image);
            if wrongs.is_empty() {
                return Ok(container);
            }
            let mut report = ErrorReport::new(
                ErrorCode::Container,
                format!("Docker made {name} otherwise than it was told."),
            );
            report.causes = wrongs;
            Err(report.into())
        }
        Some(_) | None => {
            Err(down(context, name, format!("The container {name} ended right after its start."))
                .await
                .into())
        }
    }
}

/// The proof that every action on a container leaves.
pub(crate) fn evidence(done: Done, container: &Container) -> Done {
    let facts = &container.facts;
    done.with("container_id", &facts.id)
        .with("image_id", facts.image_id.as_str())
        .with("state", &facts.status)
        .with("started", &facts.started)
}
