//! OMS's initialisation: found again and waited for when it runs, never started beside itself or after a success.
//!
//! It is left to the container, so that no end of agent, session or controller ends it. Its success is a line or a
//! flag, never an exit status (`research/oms.md` 4.3).

use std::path::Path;
use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport, Gate, InitFacts, InitState, Initialiser};
use tokio::time::Instant;

use super::container_state::{down, look};
use super::context::harmless;
use super::init_watch::InitWatch;
use super::{Context, Done, Stop, await_services};
use crate::facts::{init_facts, moment};
use crate::init_log;
use crate::patience::Patience;
use crate::ports::{Container, Look, Since};

const LOG_PAUSE: Duration = Duration::from_millis(200);
const LOOK_PAUSE: Duration = Duration::from_secs(2);
const SERVICES_PAUSE: Duration = Duration::from_millis(500);
/// A process that was started and not seen within this time did not start.
const START_WITHIN: Duration = Duration::from_secs(15);
/// A container that initialises itself begins with it within this time.
const SELF_START_WITHIN: Duration = Duration::from_mins(2);

/// One initialisation in one container.
struct Init<'a> {
    context: &'a Context<'a>,
    name: &'a str,
    by: Initialiser,
    watch: InitWatch,
    /// When the container was started: another time means that whatever ran inside was interrupted.
    started: String,
}

/// How a watch ended.
enum Ended {
    Succeeded(String),
    Failed,
    /// The container was restarted meanwhile.
    Interrupted,
}

pub(crate) async fn initialise(
    context: &Context<'_>,
    name: &str,
    by: Initialiser,
    logs: &str,
) -> Result<Done, Stop> {
    let folder = context.world.places.on_host(logs);
    let begun = Instant::now();
    loop {
        if by == Initialiser::Script {
            await_supervisord(context, name).await?;
        }
        let container = running(context, name).await?;
        let started = container.facts.started.clone();
        let watch = InitWatch::new(folder.clone(), moment(&started));
        let mut init = Init { context, name, by, watch, started };
        let mut changed = by == Initialiser::Container;
        let found = find(context, name, &container, &folder).await?;
        match (found.state, by) {
            (InitState::Succeeded, _) => {
                leave_schema(context, &found.proof)?;
                return Ok(Done::unchanged().with("proof", harmless(&found.proof)));
            }
            (InitState::Running, _) => {
                init.watch.begin_with_newest();
                enter_schema(context, "it runs already")?;
            }
            (_, Initialiser::Container) => {
                init.watch.begin_with_newest();
                enter_schema(context, "the container initialises itself")?;
            }
            // The agent was killed when it had just started the script, or was about to: it may not be seen yet.
            (_, Initialiser::Script) if context.is_in_schema() && begun.elapsed() <= START_WITHIN => {
                tokio::time::sleep(SERVICES_PAUSE).await;
                continue;
            }
            (_, Initialiser::Script) if context.schema_is_spent() => {
                context.warn(format!(
                    "The initialisation was interrupted after its schema step: {}. It begins again when it is let \
                     through the gate.",
                    found.proof
                ))?;
                // Much may have happened while it waited: look again.
                context.pass(Gate::Schema).await?;
                continue;
            }
            (state, Initialiser::Script) => {
                if state == InitState::Interrupted {
                    context.warn(format!(
                        "The last initialisation was interrupted: {}. It is started again.",
                        found.proof
                    ))?;
                }
                init.start().await?;
                changed = true;
            }
        }
        match init.follow().await? {
            Ended::Succeeded(proof) => {
                leave_schema(context, &proof)?;
                let done = if changed { Done::changed() } else { Done::unchanged() };
                let log = init.log_name();
                return Ok(done
                    .with("proof", harmless(&proof))
                    .with("container_id", &container.facts.id)
                    .with("log", log));
            }
            Ended::Failed => {
                return Err(Stop::outside_schema(init.failure(), "it failed, and its process is gone"));
            }
            Ended::Interrupted => {
                context
                    .warn("The container was restarted during the initialisation, which interrupts it.")?;
            }
        }
    }
}

impl Init<'_> {
    /// Starts the script so that it belongs to the container and to nobody else.
    async fn start(&mut self) -> Result<(), Stop> {
        self.watch.skip_past();
        self.context.enter_schema("docker_init.sh is started")?;
        let script = ["bash", "/root/docker_init.sh"];
        let started = self.context.world.docker.exec_detached(self.name, &script).await;
        started.map_err(|error| {
            error.report(ErrorCode::Initialisation, "The initialisation could not be started.").into()
        })
    }

    async fn follow(&mut self) -> Result<Ended, Stop> {
        let mut patience = Patience::new("the initialisation to end");
        let mut next_look = Instant::now() + Duration::from_millis(500);
        let mut seen = false;
        loop {
            self.watch.advance(self.context)?;
            if let Some(proof) = self.watch.story.success.clone() {
                return Ok(Ended::Succeeded(proof));
            }
            if Instant::now() >= next_look || self.watch.story.failure.is_some() {
                if let Some(ended) = self.look(&mut seen, patience.elapsed()).await? {
                    return Ok(ended);
                }
                next_look = Instant::now() + LOOK_PAUSE;
            }
            patience.pause(self.context, LOG_PAUSE).await?;
        }
    }

    /// The signs that are not in the log: process, flag, the container's own words.
    async fn look(&mut self, seen: &mut bool, waited: Duration) -> Result<Option<Ended>, Stop> {
        let inside = self.context.world.docker.inside(self.name, Look::Initialisation).await;
        let container = running(self.context, self.name).await?;
        if container.facts.started != self.started {
            return Ok(Some(Ended::Interrupted));
        }
        // A look that fails in a running container is repeated.
        let Ok(inside) = inside else { return Ok(None) };
        if inside.init_process {
            *seen = true;
            return Ok(None);
        }
        // What it wrote just before it ended.
        self.watch.advance(self.context)?;
        if let Some(proof) = self.watch.story.success.clone() {
            return Ok(Some(Ended::Succeeded(proof)));
        }
        if inside.init_flag {
            return Ok(Some(Ended::Succeeded("/root/init_flag.txt is not empty".to_owned())));
        }
        if self.by == Initialiser::Container {
            let since = Since::Start(&self.started);
            let words = self.context.world.docker.logs(self.name, 200, since).await.unwrap_or_default();
            if words.lines().any(|line| line.trim() == init_log::CONTAINER_READY) {
                return Ok(Some(Ended::Succeeded(init_log::CONTAINER_READY.to_owned())));
            }
            if words.lines().any(|line| line.trim() == init_log::CONTAINER_FAILED) {
                return Ok(Some(Ended::Failed));
            }
        }
        let began = *seen || self.watch.log.is_some();
        let limit = match self.by {
            Initialiser::Script => START_WITHIN,
            Initialiser::Container => SELF_START_WITHIN,
        };
        Ok((began || waited > limit).then_some(Ended::Failed))
    }

    fn log_name(&self) -> String {
        let log = self.watch.log.as_ref();
        log.map_or_else(|| "none".to_owned(), |path| self.context.world.places.as_named(path))
    }

    fn failure(&self) -> ErrorReport {
        let story = &self.watch.story;
        let what = match (&self.watch.log, story.last_step) {
            (None, _) => "The initialisation did not begin: it left no process and no log.".to_owned(),
            (Some(_), step) => format!("The initialisation failed in step {step}."),
        };
        let mut report = ErrorReport::new(ErrorCode::Initialisation, what);
        report.causes = story.tail.iter().map(|line| harmless(line)).collect();
        report.hint(format!(
            "Its log on the host: {}. Mend the cause and run the command again; it starts over in the same container.",
            self.log_name()
        ))
    }
}

async fn await_supervisord(context: &Context<'_>, name: &str) -> Result<(), Stop> {
    let mut patience = Patience::new("supervisord to answer");
    while await_services::services(context, name).await?.is_empty() {
        patience.pause(context, SERVICES_PAUSE).await?;
    }
    Ok(())
}

async fn running(context: &Context<'_>, name: &str) -> Result<Container, Stop> {
    match look(context, name).await? {
        Some(container) if container.facts.running => Ok(container),
        Some(_) | None => {
            let what = format!("The container {name} does not run, so its initialisation is interrupted.");
            let report = down(context, name, what).await;
            Err(Stop::outside_schema(report, "the container does not run"))
        }
    }
}

async fn find(
    context: &Context<'_>,
    name: &str,
    container: &Container,
    logs: &Path,
) -> Result<InitFacts, Stop> {
    let inside = context.world.docker.inside(name, Look::Initialisation).await.map_err(|error| {
        error.report(ErrorCode::Initialisation, "Whether OMS is initialised cannot be seen in the container.")
    })?;
    Ok(init_facts(&context.world.docker, container, name, Some(&inside), logs).await)
}

fn enter_schema(context: &Context<'_>, proof: &str) -> Result<(), Stop> {
    if context.is_in_schema() { Ok(()) } else { context.enter_schema(proof) }
}

fn leave_schema(context: &Context<'_>, proof: &str) -> Result<(), Stop> {
    if context.is_in_schema() { context.leave_schema(proof) } else { Ok(()) }
}
