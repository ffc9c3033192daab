//! omsctl's own marker: which files and folders of the host omsctl made. Nothing but these may ever be removed.
//!
//! It lies in `STATE/made.json` and not in the folders, which are OMS's. An entry counts only as long as the very file or
//! folder that was made is there: one that somebody made anew under the same path is not omsctl's.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use omsctl_proto::MadeFacts;
use serde::{Deserialize, Serialize};

use crate::private_file;
use crate::world::Places;

/// A host has a dozen entries of some hundred bytes.
const LARGEST: u64 = 1024 * 1024;
/// So many entries of folders are counted at most, and for so long.
const MOST_ENTRIES: usize = 1_000_000;
const LONGEST: Duration = Duration::from_secs(15);

/// What tells one file or folder from every other of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    inode: u64,
    /// Numbers of devices may change when the machine boots, so that it only counts where there is no birth.
    device: u64,
    /// Nanoseconds since 1970; older file systems do not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    born: Option<u64>,
    folder: bool,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        Self {
            inode: metadata.ino(),
            device: metadata.dev(),
            born: born.and_then(|since| u64::try_from(since.as_nanos()).ok()),
            folder: metadata.is_dir(),
        }
    }

    fn is(self, other: Self) -> bool {
        let same_birth = match (self.born, other.born) {
            (Some(one), Some(other)) => one == other,
            (None, None) => self.device == other.device,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_birth && self.inode == other.inode && self.folder == other.folder
    }
}

/// How a path stands to the marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing is there.
    Absent,
    /// What omsctl made.
    Ours,
    /// Something that omsctl did not make, or that took the place of what it made.
    Foreign,
}

/// The marker of one host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made {
    file: PathBuf,
    entries: BTreeMap<PathBuf, Identity>,
}

impl Made {
    pub(crate) fn read(places: &Places) -> io::Result<Self> {
        let file = places.state.join("made.json");
        let entries = match private_file::read(&file, LARGEST) {
            Ok(text) => serde_json::from_slice(&text).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { file, entries })
    }

    /// omsctl has just made this.
    pub(crate) fn add(&mut self, path: &Path) -> io::Result<()> {
        let identity = Identity::of(&std::fs::symlink_metadata(path)?);
        self.entries.insert(path.to_owned(), identity);
        self.write()
    }

    /// It is not there any more.
    pub(crate) fn forget(&mut self, path: &Path) -> io::Result<()> {
        if self.entries.remove(path).is_some() { self.write() } else { Ok(()) }
    }

    pub(crate) fn mark(&self, path: &Path) -> io::Result<Mark> {
        let found = match std::fs::symlink_metadata(path) {
            Ok(metadata) => Identity::of(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Mark::Absent),
            Err(error) => return Err(error),
        };
        let ours = self.entries.get(path).is_some_and(|made| made.is(found));
        Ok(if ours { Mark::Ours } else { Mark::Foreign })
    }

    fn write(&self) -> io::Result<()> {
        if let Some(folder) = self.file.parent() {
            private_file::make_folder(folder)?;
        }
        private_file::write(&self.file, &serde_json::to_vec(&self.entries).map_err(io::Error::other)?)
    }
}

/// Those of the paths that omsctl made, with what is in them.
pub(crate) fn measured(places: &Places, paths: &[String]) -> BTreeMap<String, MadeFacts> {
    let Ok(made) = Made::read(places) else { return BTreeMap::new() };
    let until = Instant::now() + LONGEST;
    let of = |path: &String| {
        let place = places.on_host(path);
        (made.mark(&place).ok()? == Mark::Ours).then(|| (path.clone(), measure(&place, until)))
    };
    paths.iter().filter_map(of).collect()
}

/// As `du` counts, without following links; what cannot be read makes the answer a part of the truth.
fn measure(path: &Path, until: Instant) -> MadeFacts {
    let mut facts = MadeFacts { bytes: 0, whole: true };
    let mut left = MOST_ENTRIES;
    let mut waiting = vec![path.to_owned()];
    while let Some(path) = waiting.pop() {
        if left == 0 || Instant::now() > until {
            return MadeFacts { whole: false, ..facts };
        }
        left -= 1;
        let Ok(metadata) = std::fs::symlink_metadata(&path) else {
            facts.whole = false;
            continue;
        };
        facts.bytes = facts.bytes.saturating_add(metadata.blocks().saturating_mul(512));
        if metadata.is_dir() {
            match std::fs::read_dir(&path) {
                Ok(entries) => {
                    waiting.extend(entries.filter_map(Result::ok).take(left).map(|entry| entry.path()));
                }
                Err(_) => facts.whole = false,
            }
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn places(folder: &Path) -> Places {
        Places { state: folder.join("state"), runtime: folder.join("runtime"), root: folder.join("root") }
    }

    #[test]
    fn only_the_very_folder_that_was_made_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        let (made_there, other) = (folder.path().join("made"), folder.path().join("other"));
        std::fs::create_dir(&made_there).unwrap();
        std::fs::create_dir(&other).unwrap();
        Made::read(&places).unwrap().add(&made_there).unwrap();
        let mark = |path: &Path| Made::read(&places).unwrap().mark(path).unwrap();
        assert_eq!((mark(&made_there), mark(&other)), (Mark::Ours, Mark::Foreign));
        // Moved away, and another one in its place, also as a link to it.
        let moved = folder.path().join("moved");
        std::fs::rename(&made_there, &moved).unwrap();
        assert_eq!((mark(&made_there), mark(&moved)), (Mark::Absent, Mark::Foreign));
        symlink(&moved, &made_there).unwrap();
        assert_eq!(mark(&made_there), Mark::Foreign);
        std::fs::remove_file(&made_there).unwrap();
        std::fs::create_dir(&made_there).unwrap();
        assert_eq!(mark(&made_there), Mark::Foreign);
    }

    #[test]
    fn what_is_measured_is_ours_and_counted_without_links() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        let data = places.on_host("/data");
        std::fs::create_dir_all(&data).unwrap();
        assert!(measured(&places, &["/data".to_owned()]).is_empty(), "nobody marked it");
        Made::read(&places).unwrap().add(&data).unwrap();
        std::fs::write(data.join("log"), vec![1; 100_000]).unwrap();
        symlink("/usr", data.join("link")).unwrap();
        let found = measured(&places, &["/data".to_owned(), "/else".to_owned()]);
        assert_eq!(found.len(), 1);
        let found = found["/data"];
        assert!(found.whole && (100_000..300_000).contains(&found.bytes), "{found:?}");
    }
}
