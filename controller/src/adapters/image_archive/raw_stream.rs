//! The uncompressed tar as an asynchronous stream. A compressed archive is decoded on a thread of its own, at most a
//! few buffers ahead of the reader.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
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

/// These bytes of the tar, in rising order.
pub(super) async fn open(
    path: &Path,
    compression: Compression,
    identity: &Identity,
    ranges: Vec<Range<u64>>,
) -> Result<Box<dyn AsyncRead + Send + Unpin>, ArchiveError> {
    let (owned, expected) = (path.to_owned(), identity.clone());
    let task = tokio::task::spawn_blocking(move || open_file(&owned, &expected));
    let file = task.await.map_err(|error| ArchiveError::unreadable(path, io::Error::other(error)))??;
    let (send, receive) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let pumped = match compression {
            Compression::None => pump_plain(file, ranges, &send),
            Compression::Gzip | Compression::Zstd => pump_decoded(file, compression, ranges, &send),
        };
        if let Err(error) = pumped {
            // Nobody listens when the reader is gone.
            let _ = send.blocking_send(Err(error));
        }
    });
    Ok(Box::new(RawStream { receive, current: Vec::new(), given: 0 }))
}

fn open_file(path: &Path, identity: &Identity) -> Result<File, ArchiveError> {
    let file = File::open(path).map_err(|source| ArchiveError::unreadable(path, source))?;
    if Identity::of(path)? != *identity {
        return Err(ArchiveError::Changed { path: path.to_owned() });
    }
    Ok(file)
}

type Part = io::Result<Vec<u8>>;
type Sender = mpsc::Sender<Part>;

fn pump_plain(mut file: File, ranges: Vec<Range<u64>>, send: &Sender) -> io::Result<()> {
    for range in ranges {
        file.seek(SeekFrom::Start(range.start))?;
        if !pump(&mut file, range.end - range.start, send)? {
            break;
        }
    }
    Ok(())
}

/// What is between the ranges has to be decoded too.
fn pump_decoded(
    file: File,
    compression: Compression,
    ranges: Vec<Range<u64>>,
    send: &Sender,
) -> io::Result<()> {
    let mut decoded = compression.decode(decode::buffered(file))?;
    let mut position = 0;
    for range in ranges {
        while position < range.start {
            let step = (range.start - position).min(BUFFER as u64);
            let count = io::copy(&mut decoded.by_ref().take(step), &mut io::sink())?;
            if count == 0 || send.is_closed() {
                return Ok(());
            }
            position += count;
        }
        if !pump(&mut decoded, range.end - range.start, send)? {
            break;
        }
        position = range.end;
    }
    Ok(())
}

/// So many bytes; `false` when the file ends before, or nobody receives any more.
fn pump(reader: &mut impl Read, mut left: u64, send: &Sender) -> io::Result<bool> {
    while left > 0 {
        let mut part = Vec::with_capacity(BUFFER);
        let count = reader.by_ref().take(left.min(BUFFER as u64)).read_to_end(&mut part)?;
        left -= count as u64;
        if part.is_empty() || send.blocking_send(Ok(part)).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
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
