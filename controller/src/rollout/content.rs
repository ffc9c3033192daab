//! Sends the bytes of an image archive to the agent that asked for them, on a channel of their own.

use omsctl_proto::{ConnectReply, Digest, ErrorCode, ErrorReport, RunId, read_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ports::{AgentCommand, ByteStream, Connection, ContentSource};

/// What is read and written at a time; large, since every piece is one message of the SSH channel.
const PIECE: usize = 256 * 1024;

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

/// Sends everything and waits until the agent has closed its end.
pub(super) async fn send(
    connection: &dyn Connection,
    run: RunId,
    content: Digest,
    source: &dyn ContentSource,
) -> Result<u64, Broken> {
    let mut bytes = source.open().await.map_err(|error| unreadable(&error))?;
    let command = AgentCommand::Receive { run, content };
    let mut stream = connection.run_agent(command).await.map_err(Broken::NotBegun)?;
    match read_frame::<ConnectReply, _>(&mut stream).await {
        Ok(Some(ConnectReply::Connected { .. })) => {}
        Ok(Some(ConnectReply::Failed { error })) => return Err(Broken::Midway(error)),
        Ok(None) => return Err(Broken::NotBegun(broken("the agent closed the channel"))),
        Err(error) => return Err(Broken::NotBegun(broken(&error.to_string()))),
    }
    let mut piece = vec![0_u8; PIECE];
    let mut sent = 0_u64;
    loop {
        let count = bytes.read(&mut piece).await.map_err(|error| unreadable(&error))?;
        if count == 0 {
            break;
        }
        stream.write_all(&piece[..count]).await.map_err(|error| midway(&error))?;
        sent += count as u64;
    }
    finish(stream).await?;
    Ok(sent)
}

async fn finish(mut stream: Box<dyn ByteStream>) -> Result<(), Broken> {
    stream.shutdown().await.map_err(|error| midway(&error))?;
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
