//! A layer that is not kept, frame by frame, of the file of the archive that it is.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use super::decode::{self, Compression, Peeked};
use super::frames::{CHUNK, frame};

/// Reads the archive on a thread of its own, at most two chunks ahead.
pub(super) struct Remaking {
    chunks: Receiver<io::Result<Vec<u8>>>,
    next: usize,
}

impl Remaking {
    /// `member` is the path of a regular file in the archive, which was found whole before.
    pub(super) fn begin(archive: File, path: &Path, member: String) -> io::Result<Self> {
        let (send, chunks) = sync_channel(1);
        let name = format!("{} in {}", member, path.display());
        std::thread::Builder::new().name("archive".to_owned()).spawn(move || {
            let read = read(archive, &member, |chunk| send.send(Ok(chunk)).is_ok());
            if let Err(error) = read {
                // Nobody listens when the reader is gone.
                let _ = send.send(Err(io::Error::new(error.kind(), format!("{name}: {error}"))));
            }
        })?;
        Ok(Self { chunks, next: 0 })
    }

    /// The frame of that number, counted from 0; each number is above the last one.
    pub(super) fn frame(&mut self, number: usize) -> io::Result<Vec<u8>> {
        loop {
            let chunk = self.chunks.recv().unwrap_or_else(|_| Err(ErrorKind::UnexpectedEof.into()))?;
            self.next += 1;
            if self.next > number {
                return frame(&chunk);
            }
        }
    }
}

fn read(archive: File, member: &str, take: impl FnMut(Vec<u8>) -> bool) -> io::Result<()> {
    let (head, whole) = decode::peek(archive)?;
    // A member of an archive that is not compressed is reached by a jump.
    if Compression::of(&head) == Compression::None {
        let mut archive = whole.into_inner().1;
        io::Seek::rewind(&mut archive)?;
        let mut tar = tar::Archive::new(archive);
        return chunks(find(tar.entries_with_seek()?, member)?, take);
    }
    let mut tar = tar::Archive::new(Compression::of(&head).decode(decode::buffered(whole))?);
    chunks(find(tar.entries()?, member)?, take)
}

fn find<'a, R: Read + 'a>(
    entries: tar::Entries<'a, R>,
    member: &str,
) -> io::Result<Peeked<tar::Entry<'a, R>>> {
    for entry in entries {
        let entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let file = entry.header().entry_type().is_file() || entry.header().entry_type().is_contiguous();
        if file && super::scan::inside("", &name).as_deref() == Some(member) {
            let (head, whole) = decode::peek(entry)?;
            drop(head);
            return Ok(whole);
        }
    }
    Err(ErrorKind::NotFound.into())
}

/// What is in the file, decompressed, until `take` says that it is enough.
fn chunks<R: Read>(file: Peeked<R>, mut take: impl FnMut(Vec<u8>) -> bool) -> io::Result<()> {
    let compression = Compression::of(file.get_ref().0.get_ref());
    let mut content = compression.decode(decode::buffered(file))?;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        content.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
        if chunk.is_empty() || !take(chunk) {
            return Ok(());
        }
    }
}
