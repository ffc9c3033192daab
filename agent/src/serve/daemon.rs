//! The daemon's life: lease, journal, door, walk, farewell.

use std::collections::BTreeSet;
use std::sync::Arc;

use omsctl_proto::{EventKind, Gate, RunId};
use tokio::task::JoinSet;

use super::desk::{Desk, PATIENCE};
use super::lease::{Holder, Lease};
use super::{history, visitor, walk};
use crate::door;
use crate::journal::{Journal, JournalError};
use crate::run_folder::RunFolder;
use crate::world::World;

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

/// Walks the run to its terminal event and serves readers until that is acknowledged, or a day has passed.
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
    // A host whose history cannot be shortened is still rolled out.
    let _ = history::trim(&world.places, &run);
    let desk = Arc::new(Desk::new(passed_gates(&journal)));
    let mut visitors = door::listen(&world, &run).map_err(ServeError::Door)?;
    let door_name = door::socket(&world.places, &run).display().to_string();
    let mut guests = JoinSet::new();
    let walking = async {
        let mut ended = Ok(());
        if journal.terminal().is_none() {
            ended = walk::walk(&world, &record.plan, &folder, &journal, &desk).await;
        }
        folder.forget_secrets().map_err(ServeError::Secrets)?;
        ended?;
        // The host is free for the next run while this one waits to be acknowledged.
        drop(lease);
        if let Some(seq) = journal.terminal() {
            // Nobody came for a day: the event file stays for whoever asks later.
            let _ = tokio::time::timeout(PATIENCE, desk.acknowledged(seq)).await;
        }
        Ok(())
    };
    tokio::pin!(walking);
    loop {
        tokio::select! {
            ended = &mut walking => return ended,
            Some(guest) = visitors.next() => {
                let (run, journal, desk) = (run.clone(), Arc::clone(&journal), Arc::clone(&desk));
                let door_name = door_name.clone();
                guests.spawn(visitor::receive(guest, run, journal, desk, door_name));
            }
            Some(guest) = guests.join_next() => report(guest),
        }
    }
}

/// The daemon's stderr is the run's own log.
fn report(guest: Result<Result<(), omsctl_proto::FrameError>, tokio::task::JoinError>) {
    match guest {
        Ok(Err(error)) if !visitor::is_ordinary_end(&error) => crate::log::line(&error),
        Ok(_) => {}
        Err(error) => crate::log::line(&error),
    }
}

fn passed_gates(journal: &Journal) -> BTreeSet<Gate> {
    let passed =
        |kind: &EventKind| if let EventKind::GatePassed { gate, .. } = kind { Some(*gate) } else { None };
    journal.events().iter().filter_map(|event| passed(&event.kind)).collect()
}
