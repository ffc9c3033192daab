//! An image archive from the controller straight into `docker load`, hashed on its way.
//!
//! The last part is held back until the hash is right: Docker never gets the end of an archive that is not the
//! announced one, so it loads nothing of it.

use std::collections::VecDeque;
use std::time::Duration;

use omsctl_proto::{Digest, ErrorCode, ErrorReport, EventKind, Unit};
use sha2::Digest as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use super::{Context, Stop};
use crate::ports::RuntimeError;
use crate::serve::{Called, Delivery, PATIENCE};

const PART: usize = 256 * 1024;
/// Parts that are held back.
const HELD: usize = 2;
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// How the bytes ended.
enum Ending {
    Whole,
    /// The connection broke off before the last byte.
    Broken,
    WrongHash(Digest),
}

/// Asks for the bytes until they came whole; returns what Docker said.
pub(crate) async fn receive_archive(
    context: &Context<'_>,
    wanted: &Digest,
    size: u64,
) -> Result<String, Stop> {
    loop {
        let delivery = next_delivery(context, wanted).await?;
        if let Some(said) = load(context, delivery, wanted, size).await? {
            return Ok(said);
        }
    }
}

async fn next_delivery(context: &Context<'_>, wanted: &Digest) -> Result<Delivery, Stop> {
    let hatch = &context.desk.hatch;
    hatch.open(wanted);
    let asking = EventKind::ContentWanted { step: context.step, content: wanted.to_string(), offset: 0 };
    context.tell(asking)?;
    let nobody = || Stop::Called(Called::nobody("nobody brought the image"));
    let next = tokio::select! {
        next = hatch.next() => next.ok_or_else(nobody),
        called = context.desk.called_off() => Err(Stop::Called(called)),
        () = tokio::time::sleep(PATIENCE) => Err(nobody()),
    };
    hatch.close().await;
    next
}

/// `None` when the bytes broke off.
async fn load(
    context: &Context<'_>,
    delivery: Delivery,
    wanted: &Digest,
    size: u64,
) -> Result<Option<String>, Stop> {
    let (source, sink) = tokio::io::duplex(4 * PART);
    let mut loading = context.world.docker.load(Box::new(source));
    let mut said: Option<Result<String, RuntimeError>> = None;
    let passing = pass_on(context, delivery, sink, wanted, size);
    tokio::pin!(passing);
    let (ending, sink) = loop {
        tokio::select! {
            ended = &mut passing => break ended?,
            result = &mut loading, if said.is_none() => match result {
                Ok(text) => said = Some(Ok(text)),
                Err(error) => return Err(refused(&error)),
            },
        }
    };
    match ending {
        Ending::Whole => {
            drop(sink);
            let result = match said {
                Some(result) => result,
                None => loading.await,
            };
            result.map(Some).map_err(|error| refused(&error))
        }
        // Docker's side goes first: it must not take the end of the pipe for the end of the archive.
        Ending::Broken => {
            drop(loading);
            drop(sink);
            context.warn("The connection broke off while the image was coming; it is asked for again.")?;
            Ok(None)
        }
        Ending::WrongHash(found) => {
            drop(loading);
            drop(sink);
            Err(ErrorReport::new(ErrorCode::Image, "The image archive that came is not the announced one.")
                .cause(format!("SHA-256 {}…, announced {}…", found.short(), wanted.short()))
                .hint("The archive on the bastion changed during the rollout, or was damaged on its way: run again.")
                .into())
        }
    }
}

/// Returns the sink too, so that its end is the caller's decision.
async fn pass_on(
    context: &Context<'_>,
    mut delivery: Delivery,
    mut sink: DuplexStream,
    wanted: &Digest,
    size: u64,
) -> Result<(Ending, DuplexStream), Stop> {
    let mut hasher = sha2::Sha256::new();
    let mut held: VecDeque<Vec<u8>> = VecDeque::new();
    let mut received = 0;
    let mut told = Instant::now();
    context.progress(0, Some(size), Unit::Bytes)?;
    while received < size {
        let part = read_part(&mut delivery, size - received).await;
        let Some(part) = part else { return Ok((Ending::Broken, sink)) };
        hasher.update(&part);
        received += u64::try_from(part.len()).unwrap_or(0);
        held.push_back(part);
        if held.len() > HELD
            && let Some(part) = held.pop_front()
        {
            // Docker that needs no more has said so by ending; its answer is awaited elsewhere.
            let _ = sink.write_all(&part).await;
        }
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            context.progress(received, Some(size), Unit::Bytes)?;
        }
    }
    let found = Digest::from_hash(&hasher.finalize().into());
    if found != *wanted {
        return Ok((Ending::WrongHash(found), sink));
    }
    context.progress(received, Some(size), Unit::Bytes)?;
    for part in held {
        let _ = sink.write_all(&part).await;
    }
    Ok((Ending::Whole, sink))
}

/// A part that is full unless it is the last; `None` when the bringer is gone before.
async fn read_part(delivery: &mut Delivery, left: u64) -> Option<Vec<u8>> {
    let wanted = usize::try_from(left).unwrap_or(PART).min(PART);
    let mut part = vec![0; wanted];
    delivery.read_exact(&mut part).await.ok()?;
    Some(part)
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
