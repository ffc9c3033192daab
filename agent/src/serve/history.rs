//! How much of the past a host keeps: the last twenty runs, at most 64 MiB.

use std::io;

use omsctl_proto::RunId;

use crate::run_folder::RunFolder;
use crate::world::Places;

const RUNS: usize = 20;
const BYTES: u64 = 64 * 1024 * 1024;

/// Removes the oldest runs over the limits; called by whoever holds the lease, so no other run lives.
pub(crate) fn trim(places: &Places, current: &RunId) -> io::Result<()> {
    let mut runs = RunFolder::all(places);
    runs.retain(|folder| folder.run != *current && folder.exists());
    let mut bytes: u64 = runs.iter().map(RunFolder::size).sum();
    let surplus = (runs.len() + 1).saturating_sub(RUNS);
    for (index, folder) in runs.iter().enumerate() {
        if index >= surplus && bytes <= BYTES {
            break;
        }
        bytes = bytes.saturating_sub(folder.size());
        folder.remove()?;
    }
    Ok(())
}
