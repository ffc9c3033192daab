//! The daemon's life: lease, journal, door, walk, farewell.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use omsctl_proto::{Action, Claim, Digest, Event, EventKind, Gate, Holder, ImageOrigin, NodePlan, RunId};
use tokio::task::JoinSet;

use super::desk::Desk;
use super::lease::Lease;
use super::visitor::{self, House};
use super::{history, walk};
use crate::delivery::forget_all_but;
use crate::door;
use crate::journal::{Journal, JournalError};
use crate::run_folder::{RunFolder, RunRecord};
use crate::world::World;

/// How long an agent that has done everything waits for a controller that keeps its last event.
const FAREWELL: Duration = Duration::from_mins(10);

/// Why a daemon ended that should have gone on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the run {run} cannot be read")]
    Run {
        run: RunId,
        #[source]
        source: std::io::Error,
    },
    #[error("the host cannot be taken")]
    Lease(#[source] std::io::Error),
    #[error("the run {other} of {operator} holds the host since {since}")]
    Busy { other: RunId, operator: String, since: String },
    #[error("the door of the run cannot be opened")]
    Door(#[source] std::io::Error),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the secrets of the run cannot be removed")]
    Secrets(#[source] std::io::Error),
}

/// Walks the run to its terminal event and serves readers until that is acknowledged, or ten minutes have passed.
pub async fn serve(world: World, run: RunId) -> Result<(), ServeError> {
    let folder = RunFolder::new(&world.places, &run);
    let record = folder.record().map_err(|source| ServeError::Run { run: run.clone(), source })?;
    let holder =
        Holder { run: run.clone(), operator: record.operator.who.clone(), since: record.started.clone() };
    let lease = match Lease::take(&world.places, &holder).await.map_err(ServeError::Lease)? {
        Ok(lease) => lease,
        Err(other) => {
            return Err(ServeError::Busy { other: other.run, operator: other.operator, since: other.since });
        }
    };
    let journal = Arc::new(Journal::open(folder.journal(), run.clone(), record.plan.node.clone())?);
    if journal.terminal().is_some() {
        // Two sessions found the run without a daemon and each started one. The other has done everything, and its door
        // is the one that is known.
        return Ok(());
    }
    // A host whose history cannot be shortened, or whose leftovers stay, is still rolled out.
    let _ = history::trim(&world.places, &run);
    let _ = forget_all_but(&world.places, received(&record.plan));
    let _ = folder.forget_docker_config();
    let (claim, by) = last_claim(&journal, &record);
    let passed = passed_gates(journal.events().iter().map(AsRef::as_ref));
    let desk = Arc::new(Desk::new(passed, claim, by));
    let mut visitors = door::listen(&world, &run).map_err(ServeError::Door)?;
    let house = Arc::new(House {
        folder: folder.clone(),
        journal: Arc::clone(&journal),
        desk: Arc::clone(&desk),
        door: door::socket(&world.places, &run).display().to_string(),
    });
    let mut guests = JoinSet::new();
    let mut numbers = 1..;
    let walking = async {
        let ended = walk::walk(&world, &record.plan, &folder, &journal, &desk).await;
        folder.forget_secrets().map_err(ServeError::Secrets)?;
        ended?;
        // The host is free for the next run while this one waits to be acknowledged.
        drop(lease);
        if let Some(seq) = journal.terminal() {
            // Nobody came: the event file stays for whoever asks later.
            let _ = tokio::time::timeout(FAREWELL, desk.acknowledged(seq)).await;
        }
        Ok(())
    };
    tokio::pin!(walking);
    loop {
        tokio::select! {
            ended = &mut walking => return ended,
            Some(guest) = visitors.next() => {
                let number = numbers.next().unwrap_or(u64::MAX);
                guests.spawn(visitor::receive(guest, number, Arc::clone(&house)));
            }
            Some(guest) = guests.join_next() => report(guest),
        }
    }
}

/// The content that this plan receives; what an earlier run left of it is of use.
fn received(plan: &NodePlan) -> Option<&Digest> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::LoadImage { origin: ImageOrigin::Archive { content, .. }, .. } => Some(content),
        _ => None,
    })
}

/// The daemon's stderr is the run's own log.
fn report(guest: Result<Result<(), omsctl_proto::FrameError>, tokio::task::JoinError>) {
    match guest {
        Ok(Err(error)) if !visitor::is_ordinary_end(&error) => crate::log::line(&error),
        Ok(_) => {}
        Err(error) => crate::log::line(&error),
    }
}

/// The gates that these events say were passed.
pub(crate) fn passed_gates<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeSet<Gate> {
    let passed =
        |kind: &EventKind| if let EventKind::GatePassed { gate, .. } = kind { Some(*gate) } else { None };
    events.filter_map(|event| passed(&event.kind)).collect()
}

/// The last claim that any incarnation of this agent was told, and the operator behind it.
fn last_claim(journal: &Journal, record: &RunRecord) -> (Claim, String) {
    let events = journal.events();
    claimed(events.iter().map(AsRef::as_ref), record)
}

/// As [`last_claim`], from events that were read from a file.
pub(crate) fn claimed<'a>(
    events: impl DoubleEndedIterator<Item = &'a Event>,
    record: &RunRecord,
) -> (Claim, String) {
    let changed = |kind: &EventKind| {
        let EventKind::ControllerChanged { claim, operator } = kind else { return None };
        Some((claim.clone(), operator.clone()))
    };
    let last = events.rev().find_map(|event| changed(&event.kind));
    last.unwrap_or_else(|| (record.claim.clone(), record.operator.who.clone()))
}
