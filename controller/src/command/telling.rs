//! A command as it is told: its events numbered, kept where they have to be, shown while it goes on, and folded into
//! the picture that its last words are drawn from.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use omsctl_proto::{Event, EventKind, NodeName, NodeOutcome, RunId, RunResult};

use super::World;
use crate::cli::Format;
use crate::exit::Exit;
use crate::ports::RunRecord;
use crate::report::{ApplyDocument, Audience, Closing, Reporter, Tally, summary};
use crate::rollout::{Emitter, timestamp};

/// A reader of stdout that takes nothing for this long is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the command changes hosts, and so has a place in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Change,
    Look,
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
            (_, Kind::Look) => None,
        };
        let tally = Arc::new(Mutex::new(Tally::default()));
        let audience = Arc::new(Mutex::new(Audience::start(reporter(world)).ok()));
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

    /// Takes the screen down; nothing is shown after it.
    fn quiet(&self) {
        let audience = self.audience.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(audience) = audience {
            let heard = audience.finish(PATIENCE);
            if heard != crate::report::Heard::default() {
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
        closing: &Closing,
    ) -> Exit {
        let exit = Exit::of(result);
        self.emitter.say(EventKind::RolloutFinished { result, exit: exit.code(), nodes }).await;
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
            Format::Human => world.out.result(&summary(&tally, closing, world.out.style())),
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

fn reporter(world: &World) -> Reporter {
    match world.globals.format {
        Format::Human | Format::Json => Reporter::progress(&world.out),
        Format::Jsonl => Reporter::json_lines(&world.out),
    }
}
