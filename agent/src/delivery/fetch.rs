//! The bytes of an image from another agent of the run.

use std::io;
use std::time::Duration;

use omsctl_proto::{Digest, FrameError, MAX_SLICE, Peer, PeerAsk, PeerReply, read_frame, write_frame};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tokio_rustls::client;

use super::Circle;
use crate::ports::{ByteStream, Host, HostError};

/// Reached, let in and answered within this time.
const BEGINS_WITHIN: Duration = Duration::from_secs(3);
/// Three missed heartbeats: the other one is gone.
const SILENCE: Duration = Duration::from_secs(3);

/// Why the other agent does not send.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Unreachable(#[from] HostError),
    #[error("it does not have the key of this run")]
    Key(#[source] io::Error),
    #[error("it cannot be understood")]
    Frame(#[from] FrameError),
    #[error("it does not have these bytes")]
    NotThere,
    #[error("it was silent for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the connection broke off")]
    Ended,
    #[error("the connection broke off")]
    Broken(#[source] io::Error),
    #[error("it announced {0} bytes at once; at most {MAX_SLICE} are allowed")]
    TooLarge(u32),
}

/// An agent that sends.
pub(crate) struct Fetch {
    stream: client::TlsStream<Box<dyn ByteStream>>,
    /// Of the slice that is being read.
    left: u32,
}

impl Fetch {
    /// Asks this peer for a content from a byte on.
    pub(crate) async fn begin(
        host: &dyn Host,
        circle: &Circle,
        peer: &Peer,
        content: &Digest,
        offset: u64,
    ) -> Result<Self, FetchError> {
        let begun = async {
            let (stream, _) = host.connect(&peer.door.ip().to_string(), peer.door.port()).await?;
            let mut stream = circle.connect(stream).await.map_err(FetchError::Key)?;
            write_frame(&mut stream, &PeerAsk { content: content.clone(), offset }).await?;
            match read_frame(&mut stream).await? {
                Some(PeerReply::Sending) => Ok(Self { stream, left: 0 }),
                Some(PeerReply::NotHere) | None => Err(FetchError::NotThere),
            }
        };
        timeout(BEGINS_WITHIN, begun).await.unwrap_or(Err(FetchError::Silent(BEGINS_WITHIN)))
    }

    /// Some next bytes; 0 when it has sent everything. Not safe to cancel.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FetchError> {
        while self.left == 0 {
            let Some(length) = self.length().await? else { return Ok(0) };
            self.left = length;
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = patient(self.stream.read(&mut buffer[..most])).await?;
        if read == 0 {
            return Err(FetchError::Ended);
        }
        self.left -= u32::try_from(read).unwrap_or(self.left);
        Ok(read)
    }

    /// Of the next slice; `None` at the end.
    async fn length(&mut self) -> Result<Option<u32>, FetchError> {
        let mut prefix = [0; 4];
        match patient(self.stream.read(&mut prefix[..1])).await? {
            0 => return Ok(None),
            _ => patient(self.stream.read_exact(&mut prefix[1..])).await?,
        };
        match u32::from_be_bytes(prefix) {
            length if length > MAX_SLICE => Err(FetchError::TooLarge(length)),
            length => Ok(Some(length)),
        }
    }
}

async fn patient<T>(reading: impl Future<Output = io::Result<T>>) -> Result<T, FetchError> {
    let read = timeout(SILENCE, reading).await.map_err(|_| FetchError::Silent(SILENCE))?;
    read.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => FetchError::Ended,
        _ => FetchError::Broken(error),
    })
}
