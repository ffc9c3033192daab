//! A package as an asynchronous stream. A thread of its own reads the layers that are kept, and makes those that are not
//! once more of the archive, a few pieces ahead of the reader.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use omsctl_proto::Piece;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use super::ImageArchive;
use super::layers::right_bytes;
use super::package::{LayerSource, Part, Source};
use super::remaking::Remaking;

/// Pieces between the thread and the reader.
const AHEAD: usize = 1;

/// These bytes of the package, in rising order.
pub(super) fn open(archive: &ImageArchive, ranges: Vec<Range<u64>>) -> Box<dyn AsyncRead + Send + Unpin> {
    let (send, receive) = mpsc::channel(AHEAD);
    let archive = archive.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = pump(&archive, &ranges, &send) {
            // Nobody listens when the reader is gone.
            let _ = send.blocking_send(Err(error));
        }
    });
    Box::new(Stream { receive, current: Vec::new(), given: 0 })
}

type Sender = mpsc::Sender<io::Result<Vec<u8>>>;

fn pump(archive: &ImageArchive, ranges: &[Range<u64>], send: &Sender) -> io::Result<()> {
    for range in ranges {
        for Part { range: part, source } in archive.package.parts.iter() {
            let wanted = range.start.max(part.start)..range.end.min(part.end);
            if wanted.is_empty() {
                continue;
            }
            let wanted = wanted.start - part.start..wanted.end - part.start;
            let goes_on = match source {
                Source::Memory(frame) => give(frame, 0, &wanted, send),
                Source::Layer(layer) => pump_layer(archive, layer, &wanted, send)?,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// `false` when nobody receives any more.
fn pump_layer(
    archive: &ImageArchive,
    layer: &LayerSource,
    wanted: &Range<u64>,
    send: &Sender,
) -> io::Result<bool> {
    let mut bytes_of = Frames { archive, layer, kept: None, remaking: None };
    bytes_of.kept = archive.layers_kept.as_ref().and_then(|layers| layers.open(&layer.layer).ok());
    let mut position = 0;
    for (number, piece) in layer.pieces.iter().enumerate() {
        let end = position + u64::from(piece.size);
        if position < wanted.end && end > wanted.start {
            let frame = bytes_of.get(number, position, piece)?;
            if !give(&frame, position, wanted, send) {
                return Ok(false);
            }
        }
        position = end;
    }
    Ok(true)
}

/// What is wanted of the frame that begins at `position`.
fn give(frame: &[u8], position: u64, wanted: &Range<u64>, send: &Sender) -> bool {
    let place = |at: u64| usize::try_from(at.saturating_sub(position)).unwrap_or(usize::MAX).min(frame.len());
    send.blocking_send(Ok(frame[place(wanted.start)..place(wanted.end)].to_vec())).is_ok()
}

/// The frames of one layer, in rising order.
struct Frames<'a> {
    archive: &'a ImageArchive,
    layer: &'a LayerSource,
    kept: Option<File>,
    remaking: Option<Remaking>,
}

impl Frames<'_> {
    fn get(&mut self, number: usize, position: u64, piece: &Piece) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.kept.as_ref().and_then(|file| right_bytes(file, position, piece)) {
            return Ok(bytes);
        }
        let remaking = match &mut self.remaking {
            Some(remaking) => remaking,
            None => self.remaking.insert(self.archive.remake(&self.layer.member).map_err(io::Error::other)?),
        };
        let frame = remaking.frame(number)?;
        if Piece::of(&frame) == *piece {
            return Ok(frame);
        }
        Err(io::Error::other(self.archive.changed()))
    }
}

struct Stream {
    receive: mpsc::Receiver<io::Result<Vec<u8>>>,
    current: Vec<u8>,
    /// Bytes of `current` that the reader has already.
    given: usize,
}

impl AsyncRead for Stream {
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
