//! The time-series database runs in its container, lets its user in, and gives back what was written.

use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport, TsdbLogIn, TsdbSpec};
use tokio::time::Instant;

use super::container_state::{down, look, set_aside_as, wanted_image};
use super::make_directories::make_directories;
use super::{Context, Done, Stop};
use crate::clock;
use crate::influx::Influx;
use crate::ports::{Container, EngineImage};

/// A large database opens its files before its port: minutes, on slow disks.
const ANSWERS_WITHIN: Duration = Duration::from_mins(15);
const WARNED_AFTER: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(200);

/// Folder, container, user, and a point written and read.
pub(crate) async fn serve_tsdb(context: &Context<'_>, spec: &TsdbSpec, aside: &str) -> Result<Done, Stop> {
    let password = context.secret(&spec.password).await?;
    make_directories(context, std::slice::from_ref(&spec.data))?;
    let image = wanted_image(context, &spec.image).await?;
    let started = bring_up(context, spec, &image, aside).await?;
    let influx = Influx::new(&*context.world.host, spec.port, &spec.username, &password);
    await_answer(context, spec, &influx).await?;
    let created = log_in(context, spec, &influx).await?;
    prove(context, &influx).await?;
    let done = if started || created { Done::changed() } else { Done::unchanged() };
    let container = look(context, &spec.container).await?;
    let container = container.ok_or_else(|| gone(spec))?;
    Ok(done
        .with("container_id", &container.facts.id)
        .with("image_id", container.facts.image_id.as_str())
        .with("state", &container.facts.status)
        .with("port", spec.port.to_string())
        .with("user", &spec.username)
        .with("proof", "a point was written and read back"))
}

/// Whether something had to be done.
async fn bring_up(
    context: &Context<'_>,
    spec: &TsdbSpec,
    image: &EngineImage,
    aside: &str,
) -> Result<bool, Stop> {
    let docker = &context.world.docker;
    let name = &spec.container;
    let failed = |error: crate::ports::RuntimeError| {
        error.report(ErrorCode::Tsdb, &format!("The container {name} could not be started."))
    };
    match look(context, name).await? {
        Some(found) if wrongs(&found, spec, image).is_empty() => {
            if found.facts.running {
                return Ok(false);
            }
            docker.start(name).await.map_err(failed)?;
        }
        Some(_) => {
            set_aside_as(context, name, aside).await?;
            docker.run_tsdb(spec).await.map_err(failed)?;
        }
        None => {
            docker.run_tsdb(spec).await.map_err(failed)?;
        }
    }
    Ok(true)
}

fn wrongs(found: &Container, spec: &TsdbSpec, image: &EngineImage) -> Vec<String> {
    let mut wrongs = spec.differences(&found.facts);
    if found.facts.image_id != image.id {
        wrongs.push(format!("image: have {}, want {}", found.facts.image_id.short(), image.id.short()));
    }
    wrongs
}

/// For as long as the container runs: while it opens its files nobody answers.
async fn await_answer(context: &Context<'_>, spec: &TsdbSpec, influx: &Influx<'_>) -> Result<(), Stop> {
    let began = Instant::now();
    let mut warned = false;
    while let Err(error) = influx.answers().await {
        let runs = look(context, &spec.container).await?.is_some_and(|found| found.facts.running);
        if !runs || began.elapsed() >= ANSWERS_WITHIN {
            let what = format!("The time-series database does not answer at port {}.", spec.port);
            let mut report = down(context, &spec.container, what).await;
            report.code = ErrorCode::Tsdb;
            report.causes.insert(0, ErrorReport::from_error(ErrorCode::Tsdb, &error).one_line());
            return Err(report.into());
        }
        if !warned && began.elapsed() >= WARNED_AFTER {
            warned = true;
            context.warn(format!("{} does not answer yet; it may be opening its files", spec.container))?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Whether the user had to be made. Until it is, whoever comes first may make one: it is done as soon as anybody answers.
async fn log_in(context: &Context<'_>, spec: &TsdbSpec, influx: &Influx<'_>) -> Result<bool, Stop> {
    let user = &spec.username;
    let created = influx.log_in().await == TsdbLogIn::NoUser;
    if created {
        influx.create_user().await.map_err(|words| {
            failed(format!("The user {user} could not be made in the time-series database."), words)
        })?;
    }
    match influx.log_in().await {
        TsdbLogIn::Works => {}
        TsdbLogIn::NoUser => {
            return Err(failed(format!("The user {user} was made and is not there."), "").into());
        }
        TsdbLogIn::Refused { words } => {
            return Err(failed(format!("The time-series database does not let {user} in."), words)
                .hint(format!(
                    "Its users are kept in {}, with the passwords that they were made with: put the former tsdb_username and \
                     tsdb_password back into config.yaml, or change the password in it as an administrator \
                     (`docker exec -it {} influx`, then `SET PASSWORD FOR`).",
                    spec.data, spec.container
                ))
                .into());
        }
        TsdbLogIn::Silent { error } => {
            return Err(failed("The time-series database does not answer any more.".to_owned(), error).into());
        }
    }
    let others = influx.other_administrators().await.unwrap_or_default();
    if !others.is_empty() {
        context.warn(format!("the time-series database has other administrators: {}", others.join(", ")))?;
    }
    Ok(created)
}

/// Under a text that no other proof has.
async fn prove(context: &Context<'_>, influx: &Influx<'_>) -> Result<(), Stop> {
    let token = format!("{}-{}", context.folder.run, clock::utc_ms());
    influx.write_and_read(&token).await.map_err(|words| {
        failed("The time-series database does not keep what is written.".to_owned(), words)
            .hint(
                "See its log (`docker logs`) and the disk that its folder is on, and run the command again.",
            )
            .into()
    })
}

fn failed(what: String, cause: impl Into<String>) -> ErrorReport {
    let cause = cause.into();
    let report = ErrorReport::new(ErrorCode::Tsdb, what);
    if cause.is_empty() { report } else { report.cause(cause) }
}

fn gone(spec: &TsdbSpec) -> Stop {
    failed(format!("The container {} is gone.", spec.container), "").into()
}
