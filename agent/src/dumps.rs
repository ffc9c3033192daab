//! The dumps of OMS's databases on this host: `STATE/dumps/RUN` holds a file of SQL for each database and, once all are
//! proved, what they are. Nothing here removes one that was proved.

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use omsctl_proto::{Digest, DumpFacts, RunId};
use sha2::{Digest as _, Sha256};

use crate::private_file;
use crate::world::Places;

const LARGEST_RECORD: u64 = 8 * 1024 * 1024;
/// What is told of them; the rest stays where it is.
const TOLD: usize = 20;
/// Of a line of SQL only its beginning says what it is.
const BEGINNING: usize = 1024;

/// Lies in a folder of omsctl's making for as long as its dump is not proved.
const UNPROVED: &str = "unproved";

/// The folder of one dump.
#[derive(Debug, Clone)]
pub(crate) struct DumpFolder(PathBuf);

impl DumpFolder {
    pub(crate) fn of(places: &Places, run: &RunId) -> Self {
        Self(places.state.join("dumps").join(run.as_str()))
    }

    /// With the sign that it may go again.
    pub(crate) fn make(&self) -> io::Result<()> {
        private_file::make_folder(&self.0)?;
        private_file::write(&self.file(UNPROVED), b"")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What the dump is; `None` when it was never proved.
    pub(crate) fn record(&self) -> io::Result<Option<DumpFacts>> {
        match private_file::read(&self.record_path(), LARGEST_RECORD) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// From here on the dump counts.
    pub(crate) fn keep(&self, facts: &DumpFacts) -> io::Result<()> {
        private_file::write(&self.record_path(), &serde_json::to_vec(facts).map_err(io::Error::other)?)?;
        match std::fs::remove_file(self.file(UNPROVED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn record_path(&self) -> PathBuf {
        self.0.join("dump.json")
    }
}

/// Attempts that were never proved go: half a dump is none, and it takes room.
pub(crate) fn forget_unproved(places: &Places) -> io::Result<()> {
    let entries = match std::fs::read_dir(places.state.join("dumps")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        // What somebody else put there is no dump.
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let folder = DumpFolder(entry.path());
        if folder.file(UNPROVED).try_exists()? && !folder.record_path().try_exists()? {
            std::fs::remove_dir_all(&folder.0)?;
        }
    }
    Ok(())
}

/// Those that were proved, newest first.
pub(crate) fn all(places: &Places) -> Vec<DumpFacts> {
    let Ok(entries) = std::fs::read_dir(places.state.join("dumps")) else { return Vec::new() };
    let names = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok());
    let mut runs: Vec<RunId> = names.filter_map(|name| RunId::new(name).ok()).collect();
    runs.sort_unstable_by(|one, other| other.cmp(one));
    let records = runs.iter().filter_map(|run| DumpFolder::of(places, run).record().ok().flatten());
    records.take(TOLD).collect()
}

/// What a file of SQL holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Examined {
    pub(crate) bytes: u64,
    pub(crate) sha256: Digest,
    pub(crate) tables: BTreeSet<String>,
    /// `mysqldump` wrote its last line.
    pub(crate) complete: bool,
}

/// Reads the file to its end, with little memory however long its lines are.
pub(crate) fn examine(path: &Path) -> io::Result<Examined> {
    let mut reader = BufReader::with_capacity(1024 * 1024, File::open(path)?);
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let (mut tables, mut complete, mut line) = (BTreeSet::new(), false, Vec::new());
    let mut take = |line: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(line);
        if let Some(table) = text.strip_prefix("CREATE TABLE ").and_then(quoted_name) {
            tables.insert(table);
        }
        if !text.trim().is_empty() {
            complete = text.starts_with("-- Dump completed");
        }
        line.clear();
    };
    loop {
        let part = reader.fill_buf()?;
        if part.is_empty() {
            break;
        }
        hash.update(part);
        for piece in part.split_inclusive(|byte| *byte == b'\n') {
            let room = BEGINNING.saturating_sub(line.len()).min(piece.len());
            line.extend_from_slice(&piece[..room]);
            if piece.ends_with(b"\n") {
                take(&mut line);
            }
        }
        let length = part.len();
        bytes += u64::try_from(length).unwrap_or(u64::MAX);
        reader.consume(length);
    }
    take(&mut line);
    let sha256 = Digest::from_hash(&hash.finalize().into());
    Ok(Examined { bytes, sha256, tables, complete })
}

/// Nobody but root reads it, and it is on the disk.
pub(crate) fn settle(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.sync_all()
}

/// The name between the first two back-ticks; two of them stand for one.
fn quoted_name(text: &str) -> Option<String> {
    let mut rest = text.strip_prefix("IF NOT EXISTS ").unwrap_or(text).strip_prefix('`')?;
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('`')?;
        name.push_str(part);
        match after.strip_prefix('`') {
            Some(more) => {
                name.push('`');
                rest = more;
            }
            None => return Some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examined(text: &str) -> Examined {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        examine(file.path()).unwrap()
    }

    #[test]
    fn tables_and_the_last_line_are_seen_whatever_the_rows_hold() {
        let row = format!("INSERT INTO `a` VALUES ('{}');\n", "CREATE TABLE `no` ".repeat(200_000));
        let text =
            format!("CREATE TABLE `a` (\n{row}CREATE TABLE `b``c` (\n-- Dump completed on 2026-01-01\n\n");
        let found = examined(&text);
        assert_eq!(found.tables, BTreeSet::from(["a".to_owned(), "b`c".to_owned()]));
        assert!(found.complete);
        assert_eq!((found.bytes, found.sha256), (text.len() as u64, Digest::of(text.as_bytes())));
    }

    #[test]
    fn what_is_no_dump_of_ours_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            state: folder.path().join("state"),
            runtime: folder.path().join("runtime"),
            root: folder.path().join("root"),
        };
        let unproved = DumpFolder::of(&places, &RunId::new("r-1").unwrap());
        unproved.make().unwrap();
        std::fs::write(places.state.join("dumps/notes.txt"), "whose").unwrap();
        std::fs::create_dir(places.state.join("dumps/somebody's")).unwrap();
        forget_unproved(&places).unwrap();
        assert!(!unproved.path().exists());
        assert!(
            places.state.join("dumps/notes.txt").is_file() && places.state.join("dumps/somebody's").is_dir()
        );
    }

    #[test]
    fn a_dump_that_was_cut_off_is_not_complete() {
        for text in ["", "CREATE TABLE `a` (", "-- Dump completed\nINSERT INTO `a` VALUES (1);\n"] {
            assert!(!examined(text).complete, "{text:?}");
        }
    }
}
