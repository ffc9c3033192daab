//! An image archive from the controller straight into `docker load`, each piece held against its digest before Docker
//! gets any of it: Docker never gets a wrong byte, nor the end of an archive that did not come whole.
//!
//! A connection that breaks off costs what had come of one piece: Docker waits where it is.

use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Fuse};
use omsctl_proto::{
    Consignment, Digest, ErrorCode, ErrorReport, EventKind, MAX_PIECE, Piece, Unit, content_digest,
    content_size, read_frame,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use super::{Context, Stop};
use crate::ports::RuntimeError;
use crate::serve::{Called, Delivery, PATIENCE};

/// Bytes between the connection and Docker.
const BUFFER: usize = 1024 * 1024;
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// How one delivery ended.
enum Ending {
    Whole,
    /// The connection broke off before the last byte.
    Broken,
}

/// Asks for the bytes until they came whole; returns what Docker said.
pub(crate) async fn receive_archive(
    context: &Context<'_>,
    wanted: &Digest,
    size: u64,
) -> Result<String, Stop> {
    let mut delivery = next_delivery(context, wanted, 0).await?;
    let (source, sink) = tokio::io::duplex(BUFFER);
    let mut arrival = Arrival { context, wanted, size, received: 0, told: Instant::now(), sink };
    // Declared last, so that it goes first: it must not take the end of the pipe for the end of the archive.
    let mut docker = Docker { loading: context.world.docker.load(Box::new(source)).fuse(), said: None };
    while let Ending::Broken = docker.meanwhile(arrival.take(delivery)).await? {
        context.warn("The connection broke off while the image was coming; the rest is asked for again.")?;
        delivery = docker.meanwhile(next_delivery(context, wanted, arrival.received)).await?;
    }
    drop(arrival);
    docker.end().await
}

async fn next_delivery(context: &Context<'_>, wanted: &Digest, offset: u64) -> Result<Delivery, Stop> {
    let hatch = &context.desk.hatch;
    hatch.open(wanted);
    context.tell(EventKind::ContentWanted { step: context.step, content: wanted.to_string(), offset })?;
    let nobody = || Stop::Called(Called::nobody("nobody brought the image"));
    let next = tokio::select! {
        next = hatch.next() => next.ok_or_else(nobody),
        called = context.desk.called_off() => Err(Stop::Called(called)),
        () = tokio::time::sleep(PATIENCE) => Err(nobody()),
    };
    hatch.close().await;
    next
}

/// `docker load`, and what it said when it has ended.
struct Docker<'a> {
    loading: Fuse<BoxFuture<'a, Result<String, RuntimeError>>>,
    said: Option<String>,
}

impl Docker<'_> {
    /// Lets Docker load while something else goes on. Docker that needs no more may end early; one that cannot go on
    /// ends both.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                result = &mut self.loading, if self.said.is_none() => {
                    self.said = Some(result.map_err(|error| refused(&error))?);
                }
            }
        }
    }

    async fn end(self) -> Result<String, Stop> {
        match self.said {
            Some(said) => Ok(said),
            None => self.loading.await.map_err(|error| refused(&error)),
        }
    }
}

/// What has come, and where it goes.
struct Arrival<'a> {
    context: &'a Context<'a>,
    wanted: &'a Digest,
    size: u64,
    /// Bytes of whole pieces, all of them right.
    received: u64,
    told: Instant,
    sink: DuplexStream,
}

impl Arrival<'_> {
    async fn take(&mut self, mut delivery: Delivery) -> Result<Ending, Stop> {
        let Ok(Some(head)) = read_frame::<Consignment, _>(&mut delivery).await else {
            return Ok(Ending::Broken);
        };
        let pieces = self.missing(&head)?;
        self.context.progress(self.received, Some(self.size), Unit::Bytes)?;
        for piece in pieces {
            let Some(bytes) = self.read(piece, &mut delivery).await? else { return Ok(Ending::Broken) };
            if Piece::of(&bytes) != *piece {
                return Err(not_announced(format!(
                    "the {} bytes from byte {} on differ",
                    piece.size, self.received
                )));
            }
            // Docker that needs no more has said so by ending; its answer is awaited elsewhere.
            let _ = self.sink.write_all(&bytes).await;
            self.received += u64::from(piece.size);
        }
        self.context.progress(self.received, Some(self.size), Unit::Bytes)?;
        Ok(Ending::Whole)
    }

    /// The pieces that follow, when they are those of the wanted content from where this host is.
    fn missing<'h>(&self, head: &'h Consignment) -> Result<&'h [Piece], Stop> {
        let wrong_size = head.pieces.iter().any(|piece| piece.size == 0 || piece.size > MAX_PIECE);
        if wrong_size
            || content_size(&head.pieces) != self.size
            || content_digest(&head.pieces) != *self.wanted
        {
            return Err(not_announced("its pieces are others".to_owned()));
        }
        if head.offset != self.received {
            let why = format!("it begins at byte {} instead of {}", head.offset, self.received);
            return Err(not_announced(why));
        }
        let mut pieces = head.pieces.as_slice();
        let mut before = 0;
        while let Some((piece, rest)) = pieces.split_first().filter(|_| before < self.received) {
            before += u64::from(piece.size);
            pieces = rest;
        }
        Ok(pieces)
    }

    /// `None` when the bringer is gone before its end.
    async fn read(&mut self, piece: &Piece, delivery: &mut Delivery) -> Result<Option<Vec<u8>>, Stop> {
        let mut bytes = Vec::new();
        let size = u64::from(piece.size);
        let mut limited = delivery.take(size);
        while (bytes.len() as u64) < size {
            match limited.read_buf(&mut bytes).await {
                Ok(0) | Err(_) => return Ok(None),
                Ok(_) => {}
            }
            if self.told.elapsed() >= PROGRESS_EVERY {
                self.told = Instant::now();
                let current = self.received + bytes.len() as u64;
                self.context.progress(current, Some(self.size), Unit::Bytes)?;
            }
        }
        Ok(Some(bytes))
    }
}

fn not_announced(why: String) -> Stop {
    ErrorReport::new(ErrorCode::Image, "The image archive that came is not the announced one.")
        .cause(why)
        .hint("The archive on the bastion changed during the rollout, or was damaged on its way: run again.")
        .into()
}

fn refused(error: &RuntimeError) -> Stop {
    let report = error.report(ErrorCode::Image, "Docker could not load the image.");
    let full = report.causes.iter().any(|cause| cause.contains("no space left on device"));
    if full {
        let report = ErrorReport { code: ErrorCode::Disk, ..report };
        return report.hint("Make room in Docker's folder (`docker info` names it) and run again.").into();
    }
    report.into()
}
