//! The runs that left their folder on this host.

use omsctl_proto::{RunFacts, RunPhase};

use crate::journal;
use crate::run_folder::RunFolder;
use crate::serve::lease::{self, Holder};
use crate::world::Places;

pub(super) fn all(places: &Places) -> Vec<RunFacts> {
    let holder = lease::holder(places).ok().flatten();
    RunFolder::all(places).iter().filter_map(|folder| one(folder, holder.as_ref())).collect()
}

fn one(folder: &RunFolder, holder: Option<&Holder>) -> Option<RunFacts> {
    let record = folder.record().ok()?;
    // A daemon that only waits for its terminal event to be acknowledged walks no more.
    let phase = if has_ended(folder) {
        RunPhase::Ended
    } else if is_alive(folder, holder) {
        RunPhase::Running
    } else {
        RunPhase::Broken
    };
    Some(RunFacts { run: folder.run.clone(), operator: record.operator.who, started: record.started, phase })
}

/// The lock dies with its holder, so whoever is named there lives.
pub(crate) fn is_alive(folder: &RunFolder, holder: Option<&Holder>) -> bool {
    holder.is_some_and(|holder| holder.run == folder.run)
}

fn has_ended(folder: &RunFolder) -> bool {
    journal::read(&folder.journal()).is_ok_and(|events| journal::terminal(events.last()).is_some())
}
