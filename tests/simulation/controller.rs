//! One controller of a simulation: a command of the product from some bastion, over the simulated network, and what
//! ends it from outside.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use omsctl_controller::cli::{AgentsRequest, ApplyRequest, AttachRequest};
use omsctl_controller::command::{self, World};
use omsctl_controller::exit::Exit;
use omsctl_controller::ports::{Interrupt, RunRecord, StateStore, StoreError};
use omsctl_proto::{Event, RunId, RunResult};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::audit::{Audit, Seen};
use crate::bastion::Bastion;
use crate::history::MemoryStore;
use crate::network::{Network, Weather};
use crate::story::{Command, Leave, Story};

/// What every controller of a seed is given.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) audit: Arc<Audit>,
    pub(crate) weathers: Arc<BTreeMap<String, Arc<Weather>>>,
    /// Ids and keys come from here.
    pub(crate) random: Arc<Mutex<Rng>>,
}

/// A bastion's history; every event goes past the audit.
struct Audited {
    inner: Arc<MemoryStore>,
    audit: Arc<Audit>,
    who: String,
    seen: Mutex<BTreeMap<RunId, Seen>>,
}

impl StateStore for Audited {
    fn begin<'a>(&'a self, run: &'a RunRecord) -> BoxFuture<'a, Result<(), StoreError>> {
        // Whoever follows a run, and follows it once more to lead it, hears it from its beginning again.
        self.seen.lock().unwrap().remove(&run.run);
        self.inner.begin(run)
    }

    fn append<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut seen = self.seen.lock().unwrap();
        for event in events {
            self.audit.keeps(&self.who, seen.entry(event.run.clone()).or_default(), event);
        }
        self.inner.append(events)
    }

    fn finish<'a>(
        &'a self,
        run: &'a RunId,
        finished: &'a str,
        result: RunResult,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.finish(run, finished, result)
    }

    fn runs(&self, limit: u32) -> BoxFuture<'_, Result<Vec<RunRecord>, StoreError>> {
        self.inner.runs(limit)
    }

    fn events<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Event>, StoreError>> {
        self.inner.events(run)
    }
}

/// Ready to run.
pub(crate) struct Controller<'a> {
    who: String,
    around: &'a Around,
    world: World,
    written: omsctl_controller::out::Written,
    interrupts: mpsc::Sender<Interrupt>,
    power: watch::Sender<bool>,
}

impl<'a> Controller<'a> {
    pub(crate) fn new(who: String, bastion: &Bastion<'_>, around: &'a Around) -> Self {
        let (mut world, written, interrupts) = bastion.world();
        let power = watch::Sender::new(true);
        world.transport = Arc::new(Network {
            links: bastion.fleet.transport(),
            weathers: Arc::clone(&around.weathers),
            power: power.clone(),
        });
        let random = Arc::clone(&around.random);
        world.random = Box::new(move |bytes| random.lock().unwrap().fill(bytes));
        world.state = Ok(Arc::new(Audited {
            inner: bastion.store.clone(),
            audit: Arc::clone(&around.audit),
            who: who.clone(),
            seen: Mutex::default(),
        }));
        Self { who, around, world, written, interrupts, power }
    }

    /// To its end, or to the moment at which it is killed.
    pub(crate) async fn run(
        self,
        command: Command,
        story: &Story,
        leaves: impl Future<Output = Leave>,
    ) -> Option<Exit> {
        self.around.audit.tell(|| format!("{} comes: {command:?}", self.who));
        let exit = tokio::select! {
            biased;
            exit = command_of(&self.world, command, story) => Some(exit),
            () = self.leave(leaves) => None,
        };
        self.around.audit.tell(|| match exit {
            Some(exit) => format!("{} ends with {exit:?}: {}", self.who, self.written.stderr()),
            // What it had shown by then depends on a thread that no seed drives.
            None => format!("{} is gone", self.who),
        });
        exit
    }

    /// Ends when the controller is killed.
    async fn leave(&self, leaves: impl Future<Output = Leave>) {
        let leave = leaves.await;
        self.around.audit.tell(|| format!("{}: {leave:?}", self.who));
        match leave {
            Leave::Killed => {}
            Leave::PowerLost => drop(self.power.send_replace(false)),
            Leave::Interrupted(times, pause) => {
                let all = [Interrupt::Stop, Interrupt::End, Interrupt::Leave];
                for interrupt in all.into_iter().take(usize::from(times)) {
                    // A command that listens no more is about to end.
                    let _ = self.interrupts.send(interrupt).await;
                    sleep(pause).await;
                }
                std::future::pending::<()>().await;
            }
        }
    }
}

fn command_of<'a>(world: &'a World, command: Command, story: &Story) -> LocalBoxFuture<'a, Exit> {
    let max_failures = story.max_failures;
    async move {
        match command {
            Command::Apply { take_over, wait } => {
                let wait = wait.then_some(Duration::from_mins(10));
                let request = ApplyRequest { max_failures, take_over, wait, ..ApplyRequest::default() };
                command::apply(world, &request, "omsctl apply").await
            }
            Command::Attach { read_only } => {
                command::attach(
                    world,
                    &AttachRequest { read_only, ..AttachRequest::default() },
                    "omsctl attach",
                )
                .await
            }
            Command::Reap => command::agents(world, &AgentsRequest { reap: true }, "omsctl agents").await,
        }
    }
    .boxed_local()
}
