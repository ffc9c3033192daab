//! One attachment of a session to a run: finds or starts its daemon, then carries frames both ways.
//!
//! A run that has ended and whose daemon has left is told from its event file.

use omsctl_proto::{FrameError, Importance, Refusal, ToAgent, ToController, read_frame, write_frame};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::start::{self, Found, Wanted};
use crate::door::Knock;
use crate::ports::ByteStream;
use crate::serve::passed_gates;
use crate::world::World;

/// Ends with its session or with the next attachment.
#[derive(Debug)]
pub(super) struct Attachment {
    orders: mpsc::Sender<ToAgent>,
    task: AbortHandle,
}

impl Attachment {
    /// Passes an order on, once the daemon is reached.
    pub(super) async fn order(&self, order: ToAgent) {
        let _ = self.orders.send(order).await;
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins to carry; `lost` is told when the daemon ends without a terminal event.
pub(super) fn begin(
    world: &World,
    message: ToAgent,
    frames: mpsc::Sender<ToController>,
    lost: mpsc::Sender<()>,
) -> Attachment {
    let (orders, taken) = mpsc::channel(16);
    let world = world.clone();
    let task = tokio::spawn(async move {
        let carried = match start::find(&world, message).await {
            Ok((wanted, found)) => carry(wanted, found, &frames, taken).await,
            Err(refusal) => refuse(refusal, &frames).await,
        };
        if !carried {
            let _ = lost.send(()).await;
        }
    });
    Attachment { orders, task: task.abort_handle() }
}

async fn refuse(refusal: Refusal, frames: &mpsc::Sender<ToController>) -> bool {
    let _ = frames.send(ToController::Refused { refusal }).await;
    true
}

/// False when the daemon was lost.
async fn carry(
    wanted: Wanted,
    found: Found,
    frames: &mpsc::Sender<ToController>,
    mut orders: mpsc::Receiver<ToAgent>,
) -> bool {
    match found {
        Found::Ended(events, claim) => {
            let latest = events.last().map_or(0, |event| event.seq);
            let opened = passed_gates(events.iter());
            let attached = ToController::Attached { run: wanted.run, latest, claim, opened };
            if frames.send(attached).await.is_err() {
                return true;
            }
            for event in events.into_iter().filter(|event| event.seq > wanted.after) {
                if frames.send(ToController::Event { event }).await.is_err() {
                    return true;
                }
            }
            // Orders to an ended run are taken and mean nothing.
            while let Some(order) = orders.recv().await {
                if let ToAgent::Order { id, .. } = order {
                    let _ = frames.send(ToController::Taken { id }).await;
                }
            }
            true
        }
        Found::Daemon(daemon) => {
            let (mut reader, mut writer) = tokio::io::split(daemon);
            if greet(&mut writer, wanted).await.is_err() {
                return false;
            }
            // Neither future is polled again once the other has ended.
            tokio::select! {
                whole = events(&mut reader, frames) => whole,
                () = pass_orders(&mut writer, &mut orders) => true,
            }
        }
    }
}

async fn greet(writer: &mut WriteHalf<Box<dyn ByteStream>>, wanted: Wanted) -> Result<(), FrameError> {
    let Wanted { run, after, claim, operator } = wanted;
    write_frame(writer, &Knock::Control).await?;
    write_frame(writer, &ToAgent::Attach { run, after, claim, operator }).await
}

/// True when the terminal event came through before the end, or the daemon let nobody in.
async fn events(reader: &mut ReadHalf<Box<dyn ByteStream>>, frames: &mpsc::Sender<ToController>) -> bool {
    let mut whole = false;
    while let Ok(Some(frame)) = read_frame(reader).await {
        if let ToController::Event { event } = &frame {
            whole |= event.kind.importance() == Importance::Terminal;
        }
        whole |= matches!(frame, ToController::Refused { .. });
        if frames.send(frame).await.is_err() {
            return true;
        }
    }
    whole
}

/// Until the session has no more; a daemon that takes none is noticed by its events' end.
async fn pass_orders(writer: &mut WriteHalf<Box<dyn ByteStream>>, orders: &mut mpsc::Receiver<ToAgent>) {
    while let Some(order) = orders.recv().await {
        if write_frame(writer, &order).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
