//! The file of a content: it grows from its beginning while the bytes come, and whoever reads it waits for more. What is
//! right of it outlives the agent, the run and the host's power: the next run goes on from there.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omsctl_proto::{Digest, MAX_PIECE, MAX_SLICE, Piece, content_digest};
use tokio::sync::watch;

use crate::private_file;
use crate::world::Places;

/// Of the list of pieces; a content of 100 GiB has 2 MiB of it.
const LARGEST_LIST: u64 = 16 * 1024 * 1024;

/// How far the file has come, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// In the file.
    pub(crate) written: u64,
    /// Whole pieces that are right.
    pub(crate) verified: u64,
}

/// The file, for the one that writes it.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    file: Arc<File>,
    mark: watch::Sender<Mark>,
    size: u64,
}

impl Spool {
    /// Opens the file of this content of `size` bytes, with what an earlier run left of it and is right.
    pub(crate) async fn open(places: &Places, content: &Digest, size: u64) -> io::Result<Self> {
        let folder = folder(places);
        private_file::make_folder(&folder)?;
        let path = folder.join(content.to_string());
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        let left = left(&path, content);
        if left.is_empty() {
            // A damaged one, which would be in the way of the right one.
            remove_if_there(&list_of(&path))?;
        }
        let verified = right_bytes(&file, &left).await;
        file.set_len(verified)?;
        let mark = watch::Sender::new(Mark { written: verified, verified });
        Ok(Self { path, file: Arc::new(file), mark, size })
    }

    pub(crate) fn mark(&self) -> Mark {
        *self.mark.borrow()
    }

    /// Of the whole content, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Of which pieces the content is, for the next run.
    pub(crate) fn keep_list(&self, pieces: &[Piece]) -> io::Result<()> {
        let list = list_of(&self.path);
        if list.exists() {
            return Ok(());
        }
        let text = serde_json::to_vec(pieces).map_err(io::Error::other)?;
        private_file::write(&list, &text)
    }

    /// The next bytes, which nobody has compared yet.
    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.mark().written)?;
        self.mark.send_modify(|mark| mark.written += bytes.len() as u64);
        Ok(())
    }

    /// All that was written is right.
    pub(crate) fn confirm(&self) {
        self.mark.send_modify(|mark| mark.verified = mark.written);
    }

    /// What was written after the last right piece never came.
    pub(crate) fn take_back(&self) {
        self.mark.send_modify(|mark| mark.written = mark.verified);
    }

    pub(crate) fn reader(&self, from: u64, trust: Trust) -> SpoolReader {
        SpoolReader {
            file: Arc::clone(&self.file),
            mark: self.mark.subscribe(),
            position: from,
            size: self.size,
            trust,
        }
    }
}

/// What a reader wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Whole pieces that are right.
    Verified,
    /// Everything, for a reader that compares by itself.
    Written,
}

/// Reads the content from one byte on, as it comes.
#[derive(Debug)]
pub(crate) struct SpoolReader {
    file: Arc<File>,
    mark: watch::Receiver<Mark>,
    position: u64,
    size: u64,
    trust: Trust,
}

impl SpoolReader {
    /// The next bytes, at most [`MAX_SLICE`]; `None` at the end of the content. The error says that no more will come.
    /// A reader that is ahead of the file, or has read bytes that were taken back, waits for those behind them: whoever
    /// reads what is not compared finds out by itself. Safe to cancel.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.position == self.size {
            return Ok(None);
        }
        let (position, trust) = (self.position, self.trust);
        let there = |mark: &Mark| match trust {
            Trust::Verified => mark.verified,
            Trust::Written => mark.written,
        };
        let mark = self.mark.wait_for(|mark| there(mark) > position).await;
        let more = there(&*mark.map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?) - position;
        let count = usize::try_from(more.min(u64::from(MAX_SLICE))).unwrap_or(usize::MAX);
        let mut bytes = vec![0; count];
        self.file.read_exact_at(&mut bytes, position)?;
        self.position += count as u64;
        Ok(Some(bytes))
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes every content but this one. Readers keep what they have open.
pub(crate) fn forget_all_but(places: &Places, content: Option<&Digest>) -> io::Result<()> {
    let folder = folder(places);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let kept = content.is_some_and(|content| name.to_string_lossy().starts_with(content.as_str()));
        if !kept {
            std::fs::remove_file(entry.path())?;
        }
    }
    // Not empty: the kept content is there.
    let _ = std::fs::remove_dir(&folder);
    Ok(())
}

/// What lies here of contents, in bytes on disk.
pub(crate) fn kept_bytes(places: &Places) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder(places)) else { return 0 };
    entries.filter_map(Result::ok).filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
}

fn folder(places: &Places) -> PathBuf {
    places.state.join("content")
}

fn list_of(path: &Path) -> PathBuf {
    path.with_extension("pieces")
}

/// The pieces of a content that an earlier run has begun; none when the list is not the content's.
fn left(path: &Path, content: &Digest) -> Vec<Piece> {
    let list = list_of(path);
    let pieces: Option<Vec<Piece>> = private_file::read(&list, LARGEST_LIST)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .filter(|pieces: &Vec<Piece>| content_digest(pieces) == *content);
    pieces.unwrap_or_default()
}

/// How many bytes from the file's beginning are whole and right.
async fn right_bytes(file: &File, pieces: &[Piece]) -> u64 {
    let mut right = 0;
    let mut reader = io::BufReader::new(file);
    for piece in pieces.iter().take_while(|piece| piece.size <= MAX_PIECE) {
        let mut bytes = Vec::new();
        let read = (&mut reader).take(u64::from(piece.size)).read_to_end(&mut bytes);
        if read.is_err() || Piece::of(&bytes) != *piece {
            break;
        }
        right += u64::from(piece.size);
        // Comparing takes a second for each GiB; whoever knocks meanwhile is answered.
        tokio::task::yield_now().await;
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home {
        places: Places,
        _folder: tempfile::TempDir,
    }

    fn home() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            state: folder.path().join("state"),
            runtime: folder.path().join("runtime"),
            root: "/".into(),
        };
        Home { places, _folder: folder }
    }

    const PARTS: [&[u8]; 3] = [b"first", b"second", b"third"];

    fn pieces() -> Vec<Piece> {
        PARTS.map(Piece::of).to_vec()
    }

    async fn open(home: &Home) -> Spool {
        Spool::open(&home.places, &content_digest(&pieces()), 16).await.unwrap()
    }

    #[tokio::test]
    async fn the_next_run_goes_on_where_the_last_right_piece_ended() {
        let home = home();
        let spool = open(&home).await;
        spool.keep_list(&pieces()).unwrap();
        spool.append(PARTS[0]).unwrap();
        spool.append(PARTS[1]).unwrap();
        spool.confirm();
        spool.append(b"thi").unwrap();
        drop(spool);
        let spool = open(&home).await;
        assert_eq!(spool.mark(), Mark { written: 11, verified: 11 });
        drop(spool);
        let path = folder(&home.places).join(content_digest(&pieces()).to_string());
        let damaged = OpenOptions::new().write(true).open(&path).unwrap();
        damaged.write_all_at(b"X", 6).unwrap();
        let spool = open(&home).await;
        assert_eq!(spool.mark().verified, 5, "the second piece is damaged");
    }

    #[tokio::test]
    async fn a_list_of_another_content_is_worth_nothing() {
        let home = home();
        let spool = open(&home).await;
        spool.keep_list(&pieces()[..1]).unwrap();
        spool.append(PARTS[0]).unwrap();
        drop(spool);
        let spool = open(&home).await;
        assert_eq!(spool.mark(), Mark::default());
        spool.keep_list(&pieces()).unwrap();
        spool.append(PARTS[0]).unwrap();
        drop(spool);
        assert_eq!(open(&home).await.mark().verified, 5, "the right one took its place");
    }

    #[tokio::test]
    async fn readers_see_what_they_trust_and_wait_for_the_rest() {
        let home = home();
        let spool = open(&home).await;
        let mut verified = spool.reader(0, Trust::Verified);
        let mut written = spool.reader(0, Trust::Written);
        spool.append(b"fir").unwrap();
        assert_eq!(written.next().await.unwrap().as_deref(), Some(&b"fir"[..]));
        assert!(futures::poll!(std::pin::pin!(verified.next())).is_pending());
        spool.append(b"st").unwrap();
        spool.confirm();
        assert_eq!(verified.next().await.unwrap().as_deref(), Some(&b"first"[..]));
        assert_eq!(written.next().await.unwrap().as_deref(), Some(&b"st"[..]));
        spool.append(b"wrong").unwrap();
        assert_eq!(written.next().await.unwrap().as_deref(), Some(&b"wrong"[..]));
        spool.take_back();
        assert!(futures::poll!(std::pin::pin!(written.next())).is_pending());
        spool.append(b"secondthird").unwrap();
        spool.confirm();
        assert_eq!(written.next().await.unwrap().as_deref(), Some(&b"dthird"[..]));
        assert_eq!(verified.next().await.unwrap().map(|bytes| bytes.len()), Some(11));
        drop(spool);
        assert_eq!(verified.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_reader_that_is_ahead_waits() {
        let home = home();
        let spool = open(&home).await;
        let mut reader = spool.reader(5, Trust::Written);
        spool.append(b"fir").unwrap();
        assert!(futures::poll!(std::pin::pin!(reader.next())).is_pending());
        spool.append(b"stsec").unwrap();
        assert_eq!(reader.next().await.unwrap().as_deref(), Some(&b"sec"[..]));
    }

    #[tokio::test]
    async fn a_writer_that_is_gone_ends_its_readers() {
        let home = home();
        let spool = open(&home).await;
        let mut reader = spool.reader(0, Trust::Written);
        drop(spool);
        assert_eq!(reader.next().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn contents_that_nobody_wants_any_more_go() {
        let home = home();
        let spool = open(&home).await;
        spool.keep_list(&pieces()).unwrap();
        let other = Spool::open(&home.places, &Digest::of(b"other"), 1).await.unwrap();
        drop((spool, other));
        forget_all_but(&home.places, Some(&content_digest(&pieces()))).unwrap();
        assert_eq!(std::fs::read_dir(folder(&home.places)).unwrap().count(), 2);
        assert!(kept_bytes(&home.places) > 0);
        forget_all_but(&home.places, None).unwrap();
        assert!(!folder(&home.places).exists());
        assert_eq!(kept_bytes(&home.places), 0);
        forget_all_but(&home.places, None).unwrap();
    }
}
