//! The bytes of an image archive from stdio to the daemon whose step waits for them.

use omsctl_proto::{ConnectReply, Digest, ErrorCode, ErrorReport, FrameError, RunId, write_frame};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::door::{Knock, knock};
use crate::world::World;

/// The daemon's own reply, then bytes until the daemon has them all or the sender ends.
pub async fn receive<R, W>(
    mut input: R,
    mut output: W,
    world: &World,
    run: &RunId,
    content: &Digest,
) -> Result<(), FrameError>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin,
{
    match knock(world, run).await {
        Ok(mut daemon) => {
            write_frame(&mut daemon, &Knock::Receive { content: content.clone() }).await?;
            take(&mut input, &mut output, daemon).await
        }
        Err(error) => {
            let error =
                ErrorReport::new(ErrorCode::Agent, format!("The run {run} has no daemon on this host."))
                    .cause(error.to_string());
            write_frame(&mut output, &ConnectReply::Failed { error }).await
        }
    }
}

/// The daemon closes its end when it needs no more: then it is over, whatever the sender still has.
async fn take<R, W>(
    input: &mut R,
    output: &mut W,
    daemon: Box<dyn crate::ports::ByteStream>,
) -> Result<(), FrameError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (mut from, mut to) = tokio::io::split(daemon);
    let outwards = async {
        // A daemon that has all it needs closes: its end is seen below.
        if tokio::io::copy(input, &mut to).await.is_ok() {
            let _ = to.shutdown().await;
        }
        std::future::pending::<()>().await;
    };
    let inwards = async {
        tokio::io::copy(&mut from, output).await?;
        output.shutdown().await
    };
    tokio::select! {
        ended = inwards => ended.map_err(FrameError::Connection),
        () = outwards => Ok(()),
    }
}
