//! One visitor of a daemon: a reader of events who may also give orders, or a bringer of bytes.
//!
//! A reader gets every kept event after the number it names exactly once and in order, then those that come. Lossy
//! events are dropped for a reader that is slow or past them.

use std::io;
use std::sync::Arc;

use omsctl_proto::{Event, EventKind, FrameError, RunId, ToAgent, ToController, read_frame, write_frame};
use tokio::io::{AsyncWrite, ReadHalf, WriteHalf};
use tokio::sync::broadcast::error::RecvError;

use super::desk::Desk;
use crate::door::Knock;
use crate::journal::Journal;
use crate::ports::ByteStream;

/// Serves the visitor until it leaves.
pub(crate) async fn receive(
    mut visitor: Box<dyn ByteStream>,
    run: RunId,
    journal: Arc<Journal>,
    desk: Arc<Desk>,
    door: String,
) -> Result<(), FrameError> {
    match read_frame(&mut visitor).await? {
        Some(Knock::Control) => {
            let (reader, writer) = tokio::io::split(visitor);
            attend(reader, writer, &run, &journal, &desk).await
        }
        Some(Knock::Receive { content }) => {
            desk.hatch.bring(visitor, &content, door).await;
            Ok(())
        }
        None => Ok(()),
    }
}

async fn attend(
    mut reader: ReadHalf<Box<dyn ByteStream>>,
    mut writer: WriteHalf<Box<dyn ByteStream>>,
    run: &RunId,
    journal: &Journal,
    desk: &Desk,
) -> Result<(), FrameError> {
    let after = loop {
        match read_frame(&mut reader).await? {
            Some(ToAgent::Attach { run: wanted, after }) if wanted == *run => break after,
            Some(order) => desk.take(order),
            None => return Ok(()),
        }
    };
    write_frame(&mut writer, &ToController::Attached { run: run.clone() }).await?;
    // Neither future is polled again once the other has ended, so half-read frames do not matter.
    tokio::select! {
        ended = orders(&mut reader, desk) => ended,
        ended = events(&mut writer, journal, after) => ended,
    }
}

async fn orders(reader: &mut ReadHalf<Box<dyn ByteStream>>, desk: &Desk) -> Result<(), FrameError> {
    while let Some(order) = read_frame(reader).await? {
        desk.take(order);
    }
    Ok(())
}

/// Sends until the reader is gone.
async fn events(
    writer: &mut (impl AsyncWrite + Unpin),
    journal: &Journal,
    after: u64,
) -> Result<(), FrameError> {
    let mut latest = journal.latest();
    let mut passing = journal.passing();
    let mut sent = after;
    // The last event that began or ended a step: lossy ones from before it show something that is over.
    let mut floor = after;
    loop {
        latest.mark_unchanged();
        while let Some(event) = journal.after(sent) {
            sent = event.seq;
            if !is_inside_step(&event.kind) {
                floor = sent;
            }
            send(writer, &event).await?;
        }
        tokio::select! {
            biased;
            changed = latest.changed() => if changed.is_err() { return Ok(()) },
            lossy = passing.recv() => match lossy {
                Ok((base, event)) if base >= floor => send(writer, &event).await?,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

fn is_inside_step(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::ContentWanted { .. } | EventKind::StepMilestone { .. } | EventKind::StepWarning { .. }
    )
}

async fn send(writer: &mut (impl AsyncWrite + Unpin), event: &Event) -> Result<(), FrameError> {
    write_frame(writer, &ToController::Event { event: event.clone() }).await
}

/// For the daemon's log: a reader that leaves is no failure.
pub(crate) fn is_ordinary_end(error: &FrameError) -> bool {
    match error {
        FrameError::Truncated => true,
        FrameError::Connection(source) => {
            matches!(source.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
        }
        FrameError::TooLarge(_) | FrameError::Malformed(_) | FrameError::Oversized(_) => false,
    }
}
