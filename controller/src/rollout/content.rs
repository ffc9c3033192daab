//! Sends the bytes of an image archive to the agent that asked for them, or tells it which other agent has them, on a
//! channel of their own.

use omsctl_proto::{
    ConnectReply, Consignment, Digest, ErrorCode, ErrorReport, Peer, RunId, read_frame, write_frame,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::uplink::Uplink;
use crate::ports::{AgentCommand, ByteStream, Connection, Content};

/// What is read and written at a time; large, since every part is one message of the SSH channel.
const PART: usize = 256 * 1024;

/// Why not everything was sent.
#[derive(Debug)]
pub(super) enum Broken {
    /// The archive on the bastion: sending it again leads nowhere.
    Unreadable(ErrorReport),
    /// The agent never got a byte and waits on.
    NotBegun(ErrorReport),
    /// The agent noticed: it asks again when it still wants them.
    Midway(ErrorReport),
}

/// Sends everything from `offset` on and waits until the agent has closed its end. When `stop` is notified, it stops
/// early, which makes the agent ask again.
pub(super) async fn send(
    (connection, uplink): (&dyn Connection, &Uplink),
    run: RunId,
    name: &Digest,
    content: &Content,
    offset: u64,
    stop: &Notify,
) -> Result<(), Broken> {
    let ranges = content.parcel.ranges_after(offset);
    let mut bytes = content.source.open(ranges).await.map_err(|error| unreadable(&error))?;
    let head = Consignment { pieces: content.parcel.pieces.clone(), offset, from: None };
    let mut stream = begin(connection, run, name, &head).await?;
    tokio::select! {
        sent = pour(bytes.as_mut(), &mut stream, uplink) => sent?,
        () = stop.notified() => {}
    }
    finish(stream).await
}

async fn pour(
    bytes: &mut (impl AsyncRead + Unpin + ?Sized),
    stream: &mut Box<dyn ByteStream>,
    uplink: &Uplink,
) -> Result<(), Broken> {
    let mut part = vec![0_u8; PART];
    loop {
        let count = bytes.read(&mut part).await.map_err(|error| unreadable(&error))?;
        if count == 0 {
            return Ok(());
        }
        uplink.pass(count).await;
        stream.write_all(&part[..count]).await.map_err(|error| midway(&error))?;
    }
}

/// Tells the agent who has the bytes, and waits until it has them from there, or has closed its end for any other reason.
/// When `unlink` is notified, the agent is made to ask again: never before it knows that this was an answer.
pub(super) async fn refer(
    connection: &dyn Connection,
    run: RunId,
    name: &Digest,
    content: &Content,
    offset: u64,
    (from, unlink): (Peer, &Notify),
) -> Result<(), Broken> {
    let head = Consignment { pieces: content.parcel.pieces.clone(), offset, from: Some(from) };
    let mut stream = begin(connection, run, name, &head).await?;
    tokio::select! {
        closed = until_closed(&mut stream) => return closed,
        () = unlink.notified() => {}
    }
    finish(stream).await
}

/// The agent waits for this content, and knows what comes.
async fn begin(
    connection: &dyn Connection,
    run: RunId,
    name: &Digest,
    head: &Consignment,
) -> Result<Box<dyn ByteStream>, Broken> {
    let command = AgentCommand::Receive { run, content: name.clone() };
    let mut stream = connection.run_agent(command).await.map_err(Broken::NotBegun)?;
    match read_frame::<ConnectReply, _>(&mut stream).await {
        Ok(Some(ConnectReply::Connected { .. })) => {}
        Ok(Some(ConnectReply::Failed { error })) => return Err(Broken::Midway(error)),
        Ok(None) => return Err(Broken::NotBegun(broken("the agent closed the channel"))),
        Err(error) => return Err(Broken::NotBegun(broken(&error.to_string()))),
    }
    write_frame(&mut stream, head).await.map_err(|error| Broken::Midway(broken(&error.to_string())))?;
    Ok(stream)
}

async fn finish(mut stream: Box<dyn ByteStream>) -> Result<(), Broken> {
    stream.shutdown().await.map_err(|error| midway(&error))?;
    until_closed(&mut stream).await
}

async fn until_closed(stream: &mut Box<dyn ByteStream>) -> Result<(), Broken> {
    let mut rest = [0_u8; 64];
    while stream.read(&mut rest).await.map_err(|error| midway(&error))? > 0 {}
    Ok(())
}

fn midway(error: &std::io::Error) -> Broken {
    Broken::Midway(broken(&error.to_string()))
}

fn broken(why: &str) -> ErrorReport {
    ErrorReport::new(ErrorCode::Unreachable, "sending the image broke off").cause(why)
}

fn unreadable(error: &std::io::Error) -> Broken {
    let report = ErrorReport::new(ErrorCode::Image, "the image archive cannot be read any more");
    Broken::Unreadable(report.cause(error.to_string()).hint(
        "the file changed or its disk failed during the rollout: put it back and run the same command again",
    ))
}
