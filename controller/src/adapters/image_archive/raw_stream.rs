//! The uncompressed tar as an asynchronous stream. A compressed archive is decoded on a thread of its own, at most a
//! few buffers ahead of the reader.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use super::ArchiveError;
use super::cache::Identity;
use super::decode::{self, BUFFER, Compression};

/// Buffers between the thread and the reader.
const AHEAD: usize = 4;

/// The tar from byte `offset` on.
pub(super) async fn open(
    path: &Path,
    compression: Compression,
    identity: &Identity,
    offset: u64,
) -> Result<Box<dyn AsyncRead + Send + Unpin>, ArchiveError> {
    let (owned, expected) = (path.to_owned(), identity.clone());
    let task = tokio::task::spawn_blocking(move || open_file(&owned, compression, &expected, offset));
    let file = task.await.map_err(|error| ArchiveError::unreadable(path, io::Error::other(error)))??;
    let (send, receive) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let skip = if compression == Compression::None { 0 } else { offset };
        if let Err(error) = pump(file, compression, skip, &send) {
            // Nobody listens when the reader is gone.
            let _ = send.blocking_send(Err(error));
        }
    });
    Ok(Box::new(RawStream { receive, current: Vec::new(), given: 0 }))
}

fn open_file(
    path: &Path,
    compression: Compression,
    identity: &Identity,
    offset: u64,
) -> Result<File, ArchiveError> {
    let unreadable = |source| ArchiveError::unreadable(path, source);
    let mut file = File::open(path).map_err(unreadable)?;
    if Identity::of(path)? != *identity {
        return Err(ArchiveError::Changed { path: path.to_owned() });
    }
    if compression == Compression::None {
        file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
    }
    Ok(file)
}

type Part = io::Result<Vec<u8>>;

/// Sends until the end of the file, or until nobody receives any more.
fn pump(file: File, compression: Compression, skip: u64, send: &mpsc::Sender<Part>) -> io::Result<()> {
    let mut decoded = compression.decode(decode::buffered(file))?;
    let mut skipped = 0;
    while skipped < skip {
        let step = (skip - skipped).min(BUFFER as u64);
        let count = io::copy(&mut decoded.by_ref().take(step), &mut io::sink())?;
        if count == 0 || send.is_closed() {
            return Ok(());
        }
        skipped += count;
    }
    loop {
        let mut part = Vec::with_capacity(BUFFER);
        decoded.by_ref().take(BUFFER as u64).read_to_end(&mut part)?;
        if part.is_empty() || send.blocking_send(Ok(part)).is_err() {
            return Ok(());
        }
    }
}

struct RawStream {
    receive: mpsc::Receiver<Part>,
    current: Vec<u8>,
    /// Bytes of `current` that the reader has already.
    given: usize,
}

impl AsyncRead for RawStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.given == self.current.len() {
            match ready!(self.receive.poll_recv(context)) {
                None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                Some(Ok(part)) => {
                    self.current = part;
                    self.given = 0;
                }
            }
        }
        let rest = &self.current[self.given..];
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        self.given += count;
        Poll::Ready(Ok(()))
    }
}
