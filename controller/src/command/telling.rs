//! A command as it is told: its events numbered, kept where they have to be, shown while it goes on, and folded into
//! the picture that its last words are drawn from.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use omsctl_proto::{Event, EventKind, NodeName, NodeOutcome, RunId, RunResult};

use super::World;
use super::interrupt::or_interrupted;
use crate::cli::Format;
use crate::exit::Exit;
use crate::ports::RunRecord;
use crate::report::{self, ApplyDocument, Audience, Reporter, Tally, summary};
use crate::rollout::{Emitter, timestamp};

/// A reader of stdout that takes nothing for this long is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the command changes hosts, and so has a place in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Change,
    Look,
    /// As a look, and the result is no events, also with `--format jsonl`.
    Observe,
}

/// What the last words need beside the hosts' results.
#[derive(Debug, Default)]
pub(super) struct Closing {
    pub(super) consoles: Vec<String>,
    pub(super) ha_enabled: bool,
}

/// A command under way.
pub(super) struct Telling {
    pub(super) emitter: Emitter,
    tally: Arc<Mutex<Tally>>,
    audience: Arc<Mutex<Option<Audience>>>,
    kind: Kind,
}

impl Telling {
    /// Opens the record in the history and the screen.
    pub(super) async fn begin(
        world: &World,
        run: RunId,
        typed: &str,
        kind: Kind,
        hosts: Vec<NodeName>,
    ) -> Self {
        let record = RunRecord {
            run: run.clone(),
            command: typed.to_owned(),
            operator: world.operator.who.clone(),
            started: timestamp(world.clock.utc_ms()),
            finished: None,
            result: None,
        };
        let store = match (&world.state, kind) {
            (Ok(store), Kind::Change) => match store.begin(&record).await {
                Ok(()) => Some(Arc::clone(store)),
                Err(error) => {
                    world.out.message(&format!("warning: {error}; this run will not be in the history"));
                    None
                }
            },
            (Err(error), Kind::Change) => {
                world
                    .out
                    .message(&format!("warning: {}; this run will not be in the history", error.one_line()));
                None
            }
            (_, Kind::Look | Kind::Observe) => None,
        };
        let tally = Arc::new(Mutex::new(Tally::default()));
        let audience = Arc::new(Mutex::new(Audience::start(reporter(world, kind, Tally::default())).ok()));
        let (fold, show) = (Arc::clone(&tally), Arc::clone(&audience));
        let hear = move |event: &Event| {
            fold.lock().unwrap_or_else(PoisonError::into_inner).add(event);
            if let Some(audience) = show.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
                audience.tell(event);
            }
        };
        let emitter = Emitter::new(run, Arc::clone(&world.clock), store, Box::new(hear));
        let mut telling = Self { emitter, tally, audience, kind };
        let (command, operator) = (record.command, record.operator);
        telling.emitter.say(EventKind::RolloutStarted { command, operator, hosts }).await;
        telling
    }

    /// Asks the operator, with the screen down meanwhile. The time of the question does not count.
    pub(super) async fn ask(&mut self, world: &World, text: &str, question: String) -> bool {
        self.quiet();
        world.out.message(text);
        let began = Instant::now();
        let out = world.out.clone();
        let answer = tokio::task::spawn_blocking(move || out.confirm(&question).unwrap_or(false));
        let answer = or_interrupted(world, answer).await;
        if answer.is_none() {
            world.out.message("");
        }
        self.emitter.leave_out(began.elapsed());
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let audience = Audience::start(reporter(world, self.kind, tally)).ok();
        *self.audience.lock().unwrap_or_else(PoisonError::into_inner) = audience;
        matches!(answer, Some(Ok(true)))
    }

    /// Takes the screen down; nothing is shown after it.
    fn quiet(&self) {
        let audience = self.audience.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(audience) = audience {
            let heard = audience.finish(PATIENCE);
            if heard != report::Heard::default() {
                tracing::warn!(?heard, "not everything was shown");
            }
        }
    }

    /// For commands that only look: takes the screen down, and the result is the caller's to write.
    pub(super) fn end_looking(self) {
        self.quiet();
    }

    /// The terminal event, the last words, the record in the history.
    pub(super) async fn finish(
        mut self,
        world: &World,
        result: RunResult,
        nodes: Vec<NodeOutcome>,
        closing: Closing,
    ) -> Exit {
        let exit = Exit::of(result);
        let Closing { consoles, ha_enabled } = closing;
        let finished = EventKind::RolloutFinished { result, exit: exit.code(), nodes, consoles, ha_enabled };
        self.emitter.say(finished).await;
        if self.kind == Kind::Change
            && let Ok(store) = &world.state
            && let Err(error) =
                store.finish(self.emitter.run(), &timestamp(world.clock.utc_ms()), result).await
        {
            tracing::warn!(%error, "the end of this run is not in the history");
        }
        self.quiet();
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match world.globals.format {
            Format::Human => world.out.result(&summary(&tally, world.out.style())),
            Format::Json => {
                ApplyDocument::of(&tally).map_or(Ok(()), |document| world.out.document(&document))
            }
            Format::Jsonl => Ok(()),
        };
        if let Err(error) = written {
            world.out.message(&format!("warning: the result could not be written: {error}"));
        }
        exit
    }
}

fn reporter(world: &World, kind: Kind, tally: Tally) -> Reporter {
    match (world.globals.format, kind) {
        (Format::Jsonl, Kind::Change | Kind::Look) => Reporter::json_lines(&world.out),
        (_, Kind::Change) => Reporter::progress(&world.out, report::Telling::Rollout, tally),
        (_, Kind::Look | Kind::Observe) => Reporter::progress(&world.out, report::Telling::Look, tally),
    }
}
