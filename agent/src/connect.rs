//! A TCP connection from this host, byte for byte over stdio: the way to the MetaDB.

use omsctl_proto::{ConnectReply, ErrorCode, ErrorReport, FrameError, write_frame};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::ports::HostError;
use crate::world::World;

/// One reply, then bytes both ways until both directions have ended.
pub async fn connect<R, W>(
    mut input: R,
    mut output: W,
    world: &World,
    host: &str,
    port: u16,
) -> Result<(), FrameError>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin,
{
    match world.host.connect(host, port).await {
        Ok((stream, peer)) => {
            write_frame(&mut output, &ConnectReply::Connected { peer }).await?;
            splice(&mut input, &mut output, stream).await.map_err(FrameError::Connection)
        }
        Err(error) => {
            let error = report(&error, host, port);
            write_frame(&mut output, &ConnectReply::Failed { error }).await
        }
    }
}

fn report(error: &HostError, host: &str, port: u16) -> ErrorReport {
    let inner = ErrorReport::from_error(ErrorCode::Unreachable, error);
    let mut report =
        ErrorReport::new(ErrorCode::Unreachable, format!("{host}:{port} cannot be reached from this host."));
    report.causes = std::iter::once(inner.message).chain(inner.causes).collect();
    report
}

/// Each direction ends by itself; the end of one is passed on as the end of its writing side.
async fn splice<R, W, S>(input: &mut R, output: &mut W, stream: S) -> std::io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from, mut to) = tokio::io::split(stream);
    let outwards = async {
        tokio::io::copy(input, &mut to).await?;
        // The peer may have closed already.
        let _ = to.shutdown().await;
        Ok(())
    };
    let inwards = async {
        tokio::io::copy(&mut from, output).await?;
        output.shutdown().await
    };
    tokio::try_join!(outwards, inwards).map(|((), ())| ())
}
