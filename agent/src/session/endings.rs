//! What is done about runs whose agent is gone: their story gets an end, and what they left in memory goes.

use std::io;

use omsctl_proto::{ErrorCode, ErrorReport, EventKind, RunId, write_frame};

use crate::door::{self, Knock};
use crate::facts::is_alive;
use crate::journal::{self, Journal};
use crate::run_folder::RunFolder;
use crate::serve::lease;
use crate::world::World;

/// Writes the terminal event of a run that nobody walks any more; what it did is seen on the host, not here.
pub(super) fn close(world: &World, run: &RunId) -> Result<(), ErrorReport> {
    let folder = RunFolder::new(&world.places, run);
    let failed = |error: &dyn std::error::Error| {
        ErrorReport::new(
            ErrorCode::State,
            format!("The story of the run {run} cannot be ended on this host."),
        )
        .cause(error.to_string())
    };
    let holder = lease::holder(&world.places).map_err(|error| failed(&error))?;
    if is_alive(&folder, holder.as_ref()) {
        return Err(ErrorReport::new(ErrorCode::Busy, format!("The run {run} is walked by a living agent.")));
    }
    let record = folder.record().map_err(|error| failed(&error))?;
    let journal =
        Journal::open(folder.journal(), run.clone(), record.plan.node).map_err(|error| failed(&error))?;
    if journal.terminal().is_none() {
        let error = ErrorReport::new(ErrorCode::Agent, "The agent ended before its run did.")
            .hint("What is there now: omsctl status. To go on: omsctl apply.");
        journal.tell(EventKind::NodeUnknown { error }).map_err(|error| failed(&error))?;
    }
    leave_nothing(world, &folder).map_err(|error| failed(&error))
}

/// Agents whose run has ended and whose controller was lost before it could say that it knows; sockets and secrets of
/// agents that were killed just before they could tidy up.
pub(super) async fn tidy(world: &World) {
    for folder in RunFolder::all(&world.places) {
        let left = door::is_there(world, &folder.run) || folder.has_secrets();
        if !left || !has_ended(&folder) {
            continue;
        }
        // Whoever cannot be tidied up after is in nobody's way.
        match door::knock(world, &folder.run).await {
            Ok(mut daemon) => drop(write_frame(&mut daemon, &Knock::Farewell).await),
            Err(_) => drop(leave_nothing(world, &folder)),
        }
    }
}

fn has_ended(folder: &RunFolder) -> bool {
    journal::read(&folder.journal()).is_ok_and(|events| journal::terminal(events.last()).is_some())
}

fn leave_nothing(world: &World, folder: &RunFolder) -> io::Result<()> {
    folder.forget_secrets()?;
    match std::fs::remove_file(door::socket(&world.places, &folder.run)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
