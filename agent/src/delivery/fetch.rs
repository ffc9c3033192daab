//! The bytes of an image from another agent of the run. No more than was asked for is taken, whatever it sends.

use std::io;
use std::ops::Range;
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
    #[error("it announced {announced} bytes where {left} were left to come")]
    TooMuch { announced: u32, left: u64 },
}

/// What comes from an agent that has let this one in.
pub(crate) type PeerStream = client::TlsStream<Box<dyn ByteStream>>;

/// An agent that sends.
pub(crate) struct Fetch<S> {
    stream: S,
    /// Of the slice that is being read.
    of_slice: u32,
    /// That were asked for and are not announced yet.
    to_come: u64,
}

impl Fetch<PeerStream> {
    /// Asks this peer for these bytes of a content, which are its last ones.
    pub(crate) async fn begin(
        host: &dyn Host,
        circle: &Circle,
        peer: &Peer,
        content: &Digest,
        wanted: Range<u64>,
    ) -> Result<Self, FetchError> {
        let begun = async {
            let (stream, _) = host.connect(&peer.door.ip().to_string(), peer.door.port()).await?;
            let stream = circle.connect(stream).await.map_err(FetchError::Key)?;
            Self::ask(stream, content, wanted).await
        };
        timeout(BEGINS_WITHIN, begun).await.unwrap_or(Err(FetchError::Silent(BEGINS_WITHIN)))
    }
}

impl<S: ByteStream> Fetch<S> {
    /// As [`Self::begin`], once it is let in.
    pub(crate) async fn ask(mut stream: S, content: &Digest, wanted: Range<u64>) -> Result<Self, FetchError> {
        write_frame(&mut stream, &PeerAsk { content: content.clone(), offset: wanted.start }).await?;
        match read_frame(&mut stream).await? {
            Some(PeerReply::Sending) => {
                Ok(Self { stream, of_slice: 0, to_come: wanted.end.saturating_sub(wanted.start) })
            }
            Some(PeerReply::NotHere) | None => Err(FetchError::NotThere),
        }
    }

    /// Some next bytes; 0 when it has sent everything. Not safe to cancel.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FetchError> {
        while self.of_slice == 0 {
            let Some(length) = self.length().await? else { return Ok(0) };
            self.of_slice = length;
        }
        let most = buffer.len().min(usize::try_from(self.of_slice).unwrap_or(usize::MAX));
        let read = patient(self.stream.read(&mut buffer[..most])).await?;
        if read == 0 {
            return Err(FetchError::Ended);
        }
        self.of_slice -= u32::try_from(read).unwrap_or(self.of_slice);
        Ok(read)
    }

    /// Of the next slice; `None` at the end.
    async fn length(&mut self) -> Result<Option<u32>, FetchError> {
        let mut prefix = [0; 4];
        match patient(self.stream.read(&mut prefix[..1])).await? {
            0 => return Ok(None),
            _ => patient(self.stream.read_exact(&mut prefix[1..])).await?,
        };
        let announced = u32::from_be_bytes(prefix);
        if announced > MAX_SLICE {
            return Err(FetchError::TooLarge(announced));
        }
        let left = self.to_come;
        self.to_come =
            left.checked_sub(u64::from(announced)).ok_or(FetchError::TooMuch { announced, left })?;
        Ok(Some(announced))
    }
}

async fn patient<T>(reading: impl Future<Output = io::Result<T>>) -> Result<T, FetchError> {
    let read = timeout(SILENCE, reading).await.map_err(|_| FetchError::Silent(SILENCE))?;
    read.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => FetchError::Ended,
        _ => FetchError::Broken(error),
    })
}
