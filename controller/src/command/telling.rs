//! A command as it is told: its events numbered, kept where they have to be, shown while it goes on, and folded into
//! the picture that its last words are drawn from.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use omsctl_proto::{Event, EventKind, NodeName, NodeOutcome, RunId, RunResult, RunStory};

use super::World;
use super::interrupt::or_interrupted;
use crate::cli::Format;
use crate::exit::Exit;
use crate::out::Out;
use crate::ports::RunRecord;
use crate::report::{self, ApplyDocument, Audience, Reporter, Tally, summary};
use crate::rollout::{Emitter, last_own, timestamp};

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
    /// Its place in the history.
    record: RunRecord,
    tally: Arc<Mutex<Tally>>,
    audience: Arc<Mutex<Option<Audience>>>,
    kind: Kind,
}

impl Telling {
    /// Opens the screen. Nothing is in the history before [`Self::keep`].
    pub(super) async fn begin(
        world: &World,
        run: RunId,
        typed: &str,
        kind: Kind,
        hosts: Vec<NodeName>,
    ) -> Self {
        let record = RunRecord {
            run,
            command: typed.to_owned(),
            operator: world.operator.who.clone(),
            started: timestamp(world.clock.utc_ms()),
            finished: None,
            result: None,
        };
        let mut telling = Self::open(world, record, kind);
        telling.started(hosts).await;
        telling
    }

    /// A run that another controller began: goes on where its history ends. Whoever does not lead keeps what the hosts
    /// tell and nothing else.
    pub(super) async fn resume(world: &World, story: &RunStory, hosts: Vec<NodeName>, leads: bool) -> Self {
        let record = RunRecord {
            run: story.plan.run.clone(),
            command: story.plan.command.clone(),
            operator: story.operator.who.clone(),
            started: story.started.clone(),
            finished: None,
            result: None,
        };
        let last = match &world.state {
            Ok(kept) => last_own(kept.as_ref(), &record.run).await,
            Err(_) => 0,
        };
        let mut telling = Self::open(world, record, Kind::Change);
        telling.emitter.resume(last, leads);
        telling.keep(world).await;
        telling.started(hosts).await;
        telling
    }

    fn open(world: &World, record: RunRecord, kind: Kind) -> Self {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let audience = Arc::new(Mutex::new(audience(world, kind, Tally::default())));
        let (fold, show) = (Arc::clone(&tally), Arc::clone(&audience));
        let hear = move |event: &Event| {
            fold.lock().unwrap_or_else(PoisonError::into_inner).add(event);
            if let Some(audience) = show.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
                audience.tell(event);
            }
        };
        let emitter = Emitter::new(record.run.clone(), Arc::clone(&world.clock), Box::new(hear));
        Self { emitter, record, tally, audience, kind }
    }

    async fn started(&mut self, hosts: Vec<NodeName>) {
        let (command, operator) = (self.record.command.clone(), self.record.operator.clone());
        self.emitter.say(EventKind::RolloutStarted { command, operator, hosts }).await;
    }

    /// The run has a place in the history from now on, when it changes something; what was told before goes there too.
    pub(super) async fn keep(&mut self, world: &World) {
        if self.kind != Kind::Change {
            self.emitter.forget();
            return;
        }
        let begun = match &world.state {
            Ok(store) => store.begin(&self.record).await.map(|()| store).map_err(|error| error.to_string()),
            Err(error) => Err(error.one_line()),
        };
        match begun {
            Ok(store) => self.emitter.keep(Arc::clone(store)).await,
            Err(error) => {
                self.emitter.forget();
                world.out.message(&format!("warning: {error}; this run will not be in the history"));
            }
        }
    }

    /// Asks the operator, with the screen down meanwhile. The time of the question does not count.
    pub(super) async fn ask(&mut self, world: &World, text: &str, question: String) -> bool {
        self.ask_as(world, text, move |out| out.confirm(&question).unwrap_or(false)).await
    }

    /// As [`Self::ask`]; yes is to type exactly this word.
    pub(super) async fn ask_for(
        &mut self,
        world: &World,
        text: &str,
        (question, wanted): (String, String),
    ) -> bool {
        let typed = move |out: &Out| out.ask_word(&question).ok().flatten() == Some(wanted);
        self.ask_as(world, text, typed).await
    }

    async fn ask_as(
        &mut self,
        world: &World,
        text: &str,
        put: impl FnOnce(&Out) -> bool + Send + 'static,
    ) -> bool {
        self.quiet();
        world.out.message(text);
        let began = Instant::now();
        let out = world.out.clone();
        let answer = tokio::task::spawn_blocking(move || put(&out));
        let answer = or_interrupted(world, answer).await;
        if answer.is_none() {
            world.out.message("");
        }
        self.emitter.leave_out(began.elapsed());
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone();
        *self.audience.lock().unwrap_or_else(PoisonError::into_inner) = audience(world, self.kind, tally);
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

    /// The terminal event and the record in the history; the screen goes down.
    pub(super) async fn end(
        &mut self,
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
            && self.emitter.leads()
            && let Ok(store) = &world.state
            && let Err(error) =
                store.finish(self.emitter.run(), &timestamp(world.clock.utc_ms()), result).await
        {
            tracing::warn!(%error, "the end of this run is not in the history");
        }
        self.quiet();
        exit
    }

    /// As [`Self::end`], then the last words.
    pub(super) async fn finish(
        mut self,
        world: &World,
        result: RunResult,
        nodes: Vec<NodeOutcome>,
        closing: Closing,
    ) -> Exit {
        let exit = self.end(world, result, nodes, closing).await;
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

fn audience(world: &World, kind: Kind, tally: Tally) -> Option<Audience> {
    let reporter = reporter(world, kind, tally);
    if world.out.is_in_memory() { Some(Audience::at_once(reporter)) } else { Audience::start(reporter).ok() }
}

fn reporter(world: &World, kind: Kind, tally: Tally) -> Reporter {
    match (world.globals.format, kind) {
        (Format::Jsonl, Kind::Change | Kind::Look) => Reporter::json_lines(&world.out),
        (_, Kind::Change) => Reporter::progress(&world.out, report::Telling::Rollout, tally),
        (_, Kind::Look | Kind::Observe) => Reporter::progress(&world.out, report::Telling::Look, tally),
    }
}
