//! Sends the bytes of an image archive to the agent that asked for them, on a channel of their own.

use omsctl_proto::{ConnectReply, Digest, ErrorCode, ErrorReport, RunId, read_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ports::{AgentCommand, ByteStream, Connection, ContentSource};

/// What is read and written at a time; large, since every piece is one message of the SSH channel.
const PIECE: usize = 256 * 1024;

/// Sends everything and waits until the agent has closed its end. A failure here is no failure of the host: the
/// agent asks again when it did not get all of it.
pub(super) async fn send(
    connection: &dyn Connection,
    run: RunId,
    content: Digest,
    source: &dyn ContentSource,
) -> Result<u64, ErrorReport> {
    let mut bytes = source.open().await.map_err(|error| unreadable(&error))?;
    let mut stream = connection.run_agent(AgentCommand::Receive { run, content }).await?;
    match read_frame::<ConnectReply, _>(&mut stream).await {
        Ok(Some(ConnectReply::Connected { .. })) => {}
        Ok(Some(ConnectReply::Failed { error })) => return Err(error),
        Ok(None) => return Err(broken("the agent closed the channel")),
        Err(error) => return Err(broken(&error.to_string())),
    }
    let mut piece = vec![0_u8; PIECE];
    let mut sent = 0_u64;
    loop {
        let count = bytes.read(&mut piece).await.map_err(|error| unreadable(&error))?;
        if count == 0 {
            break;
        }
        stream.write_all(&piece[..count]).await.map_err(|error| broken(&error.to_string()))?;
        sent += count as u64;
    }
    finish(stream).await?;
    Ok(sent)
}

async fn finish(mut stream: Box<dyn ByteStream>) -> Result<(), ErrorReport> {
    stream.shutdown().await.map_err(|error| broken(&error.to_string()))?;
    let mut rest = [0_u8; 64];
    while stream.read(&mut rest).await.map_err(|error| broken(&error.to_string()))? > 0 {}
    Ok(())
}

fn broken(why: &str) -> ErrorReport {
    ErrorReport::new(ErrorCode::Unreachable, "sending the image broke off").cause(why)
}

fn unreadable(error: &std::io::Error) -> ErrorReport {
    ErrorReport::new(ErrorCode::Image, "the image archive cannot be read any more")
        .cause(error.to_string())
        .hint("the file changed or its disk failed during the rollout: put it back and run the same command again")
}
