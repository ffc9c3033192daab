//! The runs that left their folder on this host, and what came of an image that nobody receives any more.

use omsctl_proto::{Event, EventKind, Gate, Holder, Left, RunFacts, RunPhase, StepId};

use crate::delivery;
use crate::door::{self, knock};
use crate::journal;
use crate::run_folder::RunFolder;
use crate::serve::lease;
use crate::world::World;

pub(crate) async fn left(world: &World) -> Left {
    let runs = all(world).await;
    let idle = matches!(lease::holder(&world.places), Ok(None));
    let begun_image_bytes = if idle { delivery::kept_bytes(&world.places) } else { 0 };
    Left { runs, begun_image_bytes }
}

pub(super) async fn all(world: &World) -> Vec<RunFacts> {
    let holder = lease::holder(&world.places).ok().flatten();
    let mut runs = Vec::new();
    for folder in RunFolder::all(&world.places) {
        runs.extend(one(world, &folder, holder.as_ref()).await);
    }
    runs
}

async fn one(world: &World, folder: &RunFolder, holder: Option<&Holder>) -> Option<RunFacts> {
    let record = folder.record().ok()?;
    let events = journal::read(&folder.journal()).unwrap_or_default();
    let ended = journal::terminal(events.last()).is_some();
    // A daemon that only waits for its terminal event to be acknowledged walks no more.
    let phase = if ended {
        RunPhase::Ended
    } else if is_alive(folder, holder) {
        RunPhase::Running
    } else {
        RunPhase::Broken
    };
    let (step, gate) = if ended { (None, None) } else { stands(&events) };
    let agent = door::is_there(world, &folder.run) && knock(world, &folder.run).await.is_ok();
    let (run, operator, started) = (folder.run.clone(), record.operator.who, record.started);
    Some(RunFacts { run, operator, started, phase, step, gate, agent })
}

/// The step that it is in or waits before, and the gate that it waits at.
fn stands(events: &[Event]) -> (Option<StepId>, Option<Gate>) {
    let place = |kind: &EventKind| match kind {
        EventKind::GateWaiting { step, gate } => Some((Some(*step), Some(*gate))),
        EventKind::StepStarted { step, .. } => Some((Some(*step), None)),
        EventKind::StepDone { .. } => Some((None, None)),
        _ => None,
    };
    events.iter().rev().find_map(|event| place(&event.kind)).unwrap_or_default()
}

/// The lock dies with its holder, so whoever is named there lives.
pub(crate) fn is_alive(folder: &RunFolder, holder: Option<&Holder>) -> bool {
    holder.is_some_and(|holder| holder.run == folder.run)
}
