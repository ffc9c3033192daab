//! An image archive into `docker load`: from the controller or from another agent of the run into a file, each piece held
//! against its digest, and from there into Docker, which never gets a wrong byte, nor the end of an archive that did not
//! come whole.
//!
//! While the bytes come, other agents of the run may have them from here. What came is kept until Docker has the image: a
//! connection or an agent that breaks off costs what had come of one piece, and the next run goes on there too.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use omsctl_proto::{Digest, Door, ErrorCode, ErrorReport, EventKind};
use tokio::io::DuplexStream;

use super::arrival::{Arrival, Came, Ending, not_kept};
use super::{Context, Stop};
use crate::delivery::{self, Circle, Ended, Spool, SpoolReader, Trust, Unpacking};
use crate::ports::RuntimeError;
use crate::serve::{Called, Delivery, PATIENCE};

/// Bytes between the file and Docker.
const BUFFER: usize = 1024 * 1024;

/// What is received.
pub(crate) struct Archive<'a> {
    pub(crate) content: &'a Digest,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) door: Option<Door>,
}

/// Asks for the bytes until they came whole; returns what Docker said, and from where they came.
pub(crate) async fn receive_archive(
    context: &Context<'_>,
    archive: &Archive<'_>,
) -> Result<(String, Came), Stop> {
    let places = &context.world.places;
    let spool = Spool::open(places, archive.content, archive.size).await.map_err(|error| not_kept(&error))?;
    let spool = Arc::new(spool);
    let circle = Circle::of(&context.key()?).map_err(|error| no_circle(&error))?;
    let offer = match archive.door {
        Some(door) => let_others_in(context, circle.clone(), door, archive, &spool)?,
        None => None,
    };
    let door = offer.as_ref().map(|offer| offer.address);
    let loading = load(context, spool.reader(0, Trust::Verified));
    let arrival = Arrival::new(context, &circle, archive, &spool);
    let arriving = arrive(context, archive, arrival, door);
    tokio::pin!(loading, arriving);
    tokio::select! {
        // Docker that cannot go on ends both; one that needs no more may end early.
        said = &mut loading => {
            let said = said?;
            Ok((said, arriving.await?))
        }
        arrived = &mut arriving => {
            let came = arrived?;
            Ok((loading.await?, came))
        }
    }
}

/// Opens the door; a host that cannot is served like the others, and serves nobody.
fn let_others_in(
    context: &Context<'_>,
    circle: Circle,
    door: Door,
    archive: &Archive<'_>,
    spool: &Arc<Spool>,
) -> Result<Option<delivery::Offer>, Stop> {
    match delivery::open(context.world.host.as_ref(), circle, door, archive.content, spool) {
        Ok((offer, guests)) => {
            context.desk.guests.spawn(guests);
            Ok(Some(offer))
        }
        Err(error) => {
            let address = SocketAddr::new(door.address, door.port);
            context.warn(format!("No other host can have the image from this one: {address}: {error}"))?;
            Ok(None)
        }
    }
}

/// Until everything is in the file.
async fn arrive(
    context: &Context<'_>,
    archive: &Archive<'_>,
    mut arrival: Arrival<'_>,
    door: Option<SocketAddr>,
) -> Result<Came, Stop> {
    while !arrival.is_whole() {
        let delivery = next_delivery(context, archive.content, arrival.received(), door).await?;
        if let Ending::Broken(why) = arrival.take(delivery).await? {
            context.warn(format!("{why}; the rest of the image is asked for again."))?;
        }
    }
    Ok(arrival.came)
}

async fn next_delivery(
    context: &Context<'_>,
    wanted: &Digest,
    offset: u64,
    door: Option<SocketAddr>,
) -> Result<Delivery, Stop> {
    let hatch = &context.desk.hatch;
    hatch.open(wanted);
    context.tell(EventKind::ContentWanted {
        step: context.step,
        content: wanted.to_string(),
        offset,
        door,
    })?;
    let nobody = || Stop::Called(Called::nobody("nobody brought the image"));
    let next = tokio::select! {
        next = hatch.next() => next.ok_or_else(nobody),
        called = context.desk.called_off() => Err(Stop::Called(called)),
        () = tokio::time::sleep(PATIENCE) => Err(nobody()),
    };
    hatch.close().await;
    next
}

/// `docker load` of what is right of the file, as it comes, decompressed.
async fn load(context: &Context<'_>, reader: SpoolReader) -> Result<String, Stop> {
    let (source, sink) = tokio::io::duplex(BUFFER);
    let feeding = feed(reader, sink);
    tokio::pin!(feeding);
    // Declared last, so that it goes first: it must not take the end of the pipe for the end of the archive.
    let loading = context.world.docker.load(Box::new(source));
    tokio::pin!(loading);
    let said = tokio::select! {
        said = &mut loading => said,
        fed = &mut feeding => {
            fed.map_err(|error| no_frames(&error))?;
            loading.await
        }
    };
    said.map_err(|error| refused(&error))
}

/// Ends when Docker has everything or wants no more; what cannot be read it waits for.
async fn feed(mut reader: SpoolReader, mut sink: DuplexStream) -> io::Result<()> {
    let mut unpacking = Unpacking::begin()?;
    loop {
        match reader.next().await {
            Ok(Some(bytes)) => match unpacking.write(&bytes, &mut sink).await {
                Ok(()) => {}
                Err(Ended::Reader) => return Ok(()),
                Err(Ended::Damaged(error)) => return Err(error),
            },
            Ok(None) => return Ok(()),
            Err(_) => std::future::pending().await,
        }
    }
}

/// They are what the controller announced: it cannot have meant that.
fn no_frames(error: &io::Error) -> Stop {
    ErrorReport::new(ErrorCode::Internal, "What came of the image cannot be decompressed.")
        .cause(error.to_string())
        .into()
}

fn no_circle(error: &dyn std::error::Error) -> Stop {
    ErrorReport::new(ErrorCode::Internal, "The key of the run cannot be used.")
        .cause(error.to_string())
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
