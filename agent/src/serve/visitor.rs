//! One visitor of a daemon: a reader of events who may also give orders, or a bringer of bytes.
//!
//! A reader gets every kept event after the number it names exactly once and in order, then those that come. Lossy
//! events are dropped for a reader that is slow or past them. It hears too who else gives the orders, or that nobody does.

use std::io;
use std::sync::Arc;

use omsctl_proto::{
    Claim, Event, EventKind, FrameError, Operator, Order, Refusal, RunId, ToAgent, ToController, read_frame,
    write_frame,
};
use tokio::io::{AsyncWrite, ReadHalf, WriteHalf};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::desk::{Desk, Standing, VisitorId};
use crate::door::Knock;
use crate::journal::Journal;
use crate::ports::ByteStream;
use crate::run_folder::RunFolder;

/// What a daemon shows to its visitors.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) folder: RunFolder,
    pub(crate) journal: Arc<Journal>,
    pub(crate) desk: Arc<Desk>,
    /// Where visitors come in.
    pub(crate) door: String,
}

/// Serves the visitor until it leaves.
pub(crate) async fn receive(
    mut visitor: Box<dyn ByteStream>,
    id: VisitorId,
    house: Arc<House>,
) -> Result<(), FrameError> {
    match read_frame(&mut visitor).await? {
        Some(Knock::Control) => {
            let (reader, writer) = tokio::io::split(visitor);
            let attended = attend(reader, writer, id, &house).await;
            house.desk.leave(id);
            attended
        }
        Some(Knock::Receive { content }) => {
            house.desk.hatch.bring(visitor, &content, house.door.clone()).await;
            Ok(())
        }
        Some(Knock::Farewell) => {
            if let Some(seq) = house.journal.terminal() {
                house.desk.dismiss(seq);
            }
            Ok(())
        }
        None => Ok(()),
    }
}

async fn attend(
    mut reader: ReadHalf<Box<dyn ByteStream>>,
    mut writer: WriteHalf<Box<dyn ByteStream>>,
    id: VisitorId,
    house: &House,
) -> Result<(), FrameError> {
    let Some(ToAgent::Attach { run, after, claim, operator }) = read_frame(&mut reader).await? else {
        return Ok(());
    };
    if let Err(refusal) = let_in(house, id, &run, claim.as_ref(), &operator) {
        return write_frame(&mut writer, &ToController::Refused { refusal }).await;
    }
    let attached = ToController::Attached {
        run,
        latest: *house.journal.latest().borrow(),
        claim: house.desk.standing().borrow().claim.clone(),
        opened: house.desk.open_gates(),
    };
    write_frame(&mut writer, &attached).await?;
    let (answer, answers) = mpsc::channel(16);
    let telling = Telling { house, id, claims: claim.is_some() };
    // Neither future is polled again once the other has ended, so half-read frames do not matter.
    tokio::select! {
        ended = orders(&mut reader, house, id, answer) => ended,
        ended = telling.events(&mut writer, after, answers) => ended,
    }
}

fn let_in(
    house: &House,
    id: VisitorId,
    run: &RunId,
    claim: Option<&Claim>,
    operator: &Operator,
) -> Result<(), Refusal> {
    if *run != house.folder.run {
        return Err(Refusal::NoSuchRun { run: run.clone() });
    }
    let Some(claim) = claim else { return Ok(()) };
    match house.desk.claim(claim, &operator.who, id) {
        Ok(false) => Ok(()),
        Ok(true) => {
            let operator = operator.who.clone();
            // A run that has ended takes nothing more down, and needs nobody who gives orders.
            let _ = house.journal.tell(EventKind::ControllerChanged { claim: claim.clone(), operator });
            Ok(())
        }
        Err(Standing { claim, by, .. }) => Err(Refusal::Superseded { claim, by }),
    }
}

async fn orders(
    reader: &mut ReadHalf<Box<dyn ByteStream>>,
    house: &House,
    visitor: VisitorId,
    answer: mpsc::Sender<u64>,
) -> Result<(), FrameError> {
    while let Some(message) = read_frame(reader).await? {
        let ToAgent::Order { id, order } = message else { continue };
        if let Order::Secrets { secrets } = &order
            && house.desk.obeys(visitor)
            && let Err(error) = house.folder.put_secrets(secrets)
        {
            // Not taken: the step that waits for them goes on waiting.
            crate::log::line(&error);
            continue;
        }
        if house.desk.take(visitor, id, order) {
            // A visitor that reads no answers is on its way out.
            let _ = answer.send(id).await;
        }
    }
    Ok(())
}

/// What one visitor is told.
struct Telling<'a> {
    house: &'a House,
    id: VisitorId,
    claims: bool,
}

impl Telling<'_> {
    /// Sends until the reader is gone.
    async fn events(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        after: u64,
        mut answers: mpsc::Receiver<u64>,
    ) -> Result<(), FrameError> {
        let journal = &self.house.journal;
        let mut latest = journal.latest();
        let mut passing = journal.passing();
        let mut standing = self.house.desk.standing();
        // Whoever reads along learns from the beginning that nobody gives orders.
        standing.mark_changed();
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
                Some(id) = answers.recv() => write_frame(writer, &ToController::Taken { id }).await?,
                Ok(()) = standing.changed() => {
                    let now = standing.borrow_and_update().clone();
                    if let Some(word) = self.about(now) {
                        write_frame(writer, &word).await?;
                    }
                }
                lossy = passing.recv() => match lossy {
                    Ok((base, event)) if base >= floor => send(writer, &event).await?,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(()),
                },
            }
        }
    }

    /// What this visitor has to know about who gives the orders.
    fn about(&self, now: Standing) -> Option<ToController> {
        match now.speaker {
            Some(speaker) if self.claims && speaker != self.id => {
                Some(ToController::Superseded { claim: now.claim, by: now.by })
            }
            Some(_) if !self.claims => Some(ToController::Led),
            None if !self.claims => Some(ToController::Unheld),
            Some(_) | None => None,
        }
    }
}

fn is_inside_step(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::ContentWanted { .. }
            | EventKind::SecretsWanted { .. }
            | EventKind::ControllerChanged { .. }
            | EventKind::StepMilestone { .. }
            | EventKind::StepWarning { .. }
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
