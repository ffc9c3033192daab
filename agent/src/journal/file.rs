//! The event file of one run on one host. An event is on disk before anybody hears of it; numbers have no gap, also
//! over restarts of the agent.
//!
//! Lossy events pass through without a number and are never written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omsctl_proto::{Event, EventKind, Importance, NodeName, RunId};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use crate::{clock, private_file};

/// A run of some twelve steps writes a few KiB; warnings may repeat.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Freed when the disk is full, so that the terminal event can still be written.
const RESERVE: usize = 64 * 1024;
/// How many lossy events a slow reader may lag behind before it loses the oldest.
const LOSSY_BACKLOG: usize = 64;

/// Why events could not be kept or read back.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the event file {} cannot be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the event file {} cannot be written", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the event file {} is damaged at line {line}", path.display())]
    Damaged { path: PathBuf, line: usize },
    #[error("the run has ended; nothing can follow its terminal event")]
    Ended,
}

/// A lossy event and the number of the kept event before it.
pub(crate) type Passing = (u64, Arc<Event>);

/// The one writer of a run's events on this host.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    run: RunId,
    node: NodeName,
    /// Of this incarnation.
    boot: String,
    begun: Instant,
    kept: Mutex<Kept>,
    latest: watch::Sender<u64>,
    passing: broadcast::Sender<Passing>,
}

#[derive(Debug)]
struct Kept {
    file: File,
    events: Vec<Arc<Event>>,
}

impl Journal {
    /// Opens the file, cuts a torn last line off, and goes on with the next number.
    pub(crate) fn open(path: PathBuf, run: RunId, node: NodeName) -> Result<Self, JournalError> {
        let (events, length) = load(&path)?;
        let failed = |source| JournalError::Write { path: path.clone(), source };
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .and_then(|file| file.set_len(length).map(|()| file))
            .map_err(failed)?;
        // Without a reserve the run goes on: it only matters on a disk that is full already.
        if terminal(events.last()).is_none() {
            let _ = private_file::write(&reserve(&path), &vec![0; RESERVE]);
        }
        let last = events.last().map_or(0, |event| event.seq);
        Ok(Self {
            path,
            run,
            node,
            boot: boot(),
            begun: Instant::now(),
            kept: Mutex::new(Kept { file, events: events.into_iter().map(Arc::new).collect() }),
            latest: watch::Sender::new(last),
            passing: broadcast::Sender::new(LOSSY_BACKLOG),
        })
    }

    /// Numbers the event, writes it to disk, then shows it to readers. Lossy events are only shown.
    pub(crate) fn tell(&self, kind: EventKind) -> Result<(), JournalError> {
        let mut kept = self.lock();
        let last = kept.events.last().map_or(0, |event| event.seq);
        if kept.events.last().is_some_and(|event| event.kind.importance() == Importance::Terminal) {
            return Err(JournalError::Ended);
        }
        let lossy = kind.importance() == Importance::Lossy;
        let event = self.envelope(if lossy { 0 } else { last + 1 }, kind);
        if lossy {
            // Nobody listens: nothing is lost that was not allowed to be.
            let _ = self.passing.send((last, Arc::new(event)));
            return Ok(());
        }
        let failed = |source| JournalError::Write { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(&event).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.append(&mut kept.file, &line).map_err(failed)?;
        let seq = event.seq;
        if event.kind.importance() == Importance::Terminal {
            // Nothing more needs it. A disk that was full has used it already.
            let _ = std::fs::remove_file(reserve(&self.path));
        }
        kept.events.push(Arc::new(event));
        drop(kept);
        self.latest.send_replace(seq);
        Ok(())
    }

    /// The first kept event after this number.
    pub(crate) fn after(&self, seq: u64) -> Option<Arc<Event>> {
        let index = usize::try_from(seq).unwrap_or(usize::MAX);
        self.lock().events.get(index).cloned()
    }

    /// Everything kept so far.
    pub(crate) fn events(&self) -> Vec<Arc<Event>> {
        self.lock().events.clone()
    }

    /// The number of the last kept event, as it changes.
    pub(crate) fn latest(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    pub(crate) fn passing(&self) -> broadcast::Receiver<Passing> {
        self.passing.subscribe()
    }

    /// The number of the terminal event, when it is there.
    pub(crate) fn terminal(&self) -> Option<u64> {
        terminal(self.lock().events.last().map(AsRef::as_ref))
    }

    fn envelope(&self, seq: u64, kind: EventKind) -> Event {
        Event {
            v: Event::VERSION,
            run: self.run.clone(),
            node: Some(self.node.clone()),
            boot: self.boot.clone(),
            seq,
            t: clock::now(),
            mono_ms: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            kind,
        }
    }

    /// Whole or not at all: a part that was written when the disk became full is cut off again.
    fn append(&self, file: &mut File, line: &[u8]) -> io::Result<()> {
        let length = file.metadata()?.len();
        let attempt = |file: &mut File| file.write_all(line).and_then(|()| file.sync_data());
        let Err(error) = attempt(file) else { return Ok(()) };
        file.set_len(length)?;
        if error.kind() != io::ErrorKind::StorageFull || std::fs::remove_file(reserve(&self.path)).is_err() {
            return Err(error);
        }
        attempt(file).inspect_err(|_| drop(file.set_len(length)))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events of a file that nobody writes; a torn last line is left out. A missing file has none.
pub(crate) fn read(path: &Path) -> Result<Vec<Event>, JournalError> {
    load(path).map(|(events, _)| events)
}

/// The number of the event when it is terminal.
pub(crate) fn terminal(last: Option<&Event>) -> Option<u64> {
    last.filter(|event| event.kind.importance() == Importance::Terminal).map(|event| event.seq)
}

/// Events and how many bytes of the file they take.
fn load(path: &Path) -> Result<(Vec<Event>, u64), JournalError> {
    let bytes = match private_file::read(path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(JournalError::Read { path: path.to_owned(), source }),
    };
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut events = Vec::new();
    for (index, line) in bytes[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
        let damaged = || JournalError::Damaged { path: path.to_owned(), line: index + 1 };
        let event: Event = serde_json::from_slice(line).map_err(|_| damaged())?;
        if usize::try_from(event.seq) != Ok(index + 1) {
            return Err(damaged());
        }
        events.push(event);
    }
    Ok((events, u64::try_from(whole).unwrap_or(u64::MAX)))
}

fn reserve(journal: &Path) -> PathBuf {
    journal.with_file_name("reserve")
}

/// Eight random hexadecimal digits.
fn boot() -> String {
    let random = getrandom::u32().unwrap_or_else(|_| std::process::id());
    format!("{random:08x}")
}
