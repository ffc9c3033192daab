//! Length-prefixed JSON: four bytes big-endian, then that many bytes of one JSON document.
//!
//! The length is checked before anything is allocated, and the buffer grows with what really arrives.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest frame, in bytes. Facts of a host with 500 images stay below half of it.
pub const MAX_FRAME: u32 = 4 * 1024 * 1024;

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the peer announced a message of {0} bytes; at most {MAX_FRAME} are allowed")]
    TooLarge(u32),
    #[error("the connection ended in the middle of a message")]
    Truncated,
    #[error("the peer sent a message that is not understood")]
    Malformed(#[source] serde_json::Error),
    #[error("a message of {0} bytes is too large to send")]
    Oversized(usize),
    #[error("the connection failed")]
    Connection(#[source] std::io::Error),
}

/// Reads one frame; `None` when the peer closed between two frames.
pub async fn read_frame<T, R>(reader: &mut R) -> Result<Option<T>, FrameError>
where
    T: DeserializeOwned,
    R: AsyncRead + Unpin,
{
    let mut prefix = [0_u8; 4];
    let mut filled = 0;
    while filled < prefix.len() {
        match reader.read(&mut prefix[filled..]).await.map_err(FrameError::Connection)? {
            0 if filled == 0 => return Ok(None),
            0 => return Err(FrameError::Truncated),
            count => filled += count,
        }
    }
    let length = u32::from_be_bytes(prefix);
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    let mut body = Vec::new();
    let received =
        reader.take(u64::from(length)).read_to_end(&mut body).await.map_err(FrameError::Connection)?;
    if u32::try_from(received) != Ok(length) {
        return Err(FrameError::Truncated);
    }
    serde_json::from_slice(&body).map(Some).map_err(FrameError::Malformed)
}

/// Writes one frame and flushes it.
pub async fn write_frame<T, W>(writer: &mut W, message: &T) -> Result<(), FrameError>
where
    T: Serialize + Sync,
    W: AsyncWrite + Unpin,
{
    let mut frame = vec![0_u8; 4];
    serde_json::to_writer(&mut frame, message).map_err(FrameError::Malformed)?;
    let length = frame.len() - 4;
    let prefix = u32::try_from(length).ok().filter(|length| *length <= MAX_FRAME);
    let prefix = prefix.ok_or(FrameError::Oversized(length))?;
    frame[..4].copy_from_slice(&prefix.to_be_bytes());
    writer.write_all(&frame).await.map_err(FrameError::Connection)?;
    writer.flush().await.map_err(FrameError::Connection)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Order, ToAgent};

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn read(mut bytes: &[u8]) -> Result<Option<ToAgent>, FrameError> {
        block_on(read_frame(&mut bytes))
    }

    #[test]
    fn what_was_written_is_read() {
        let message = ToAgent::Order { id: 7, order: Order::Acknowledge { seq: 7 } };
        let mut wire = Vec::new();
        block_on(write_frame(&mut wire, &message)).unwrap();
        assert_eq!(wire[..4], [0, 0, 0, 62]);
        assert_eq!(read(&wire).unwrap(), Some(message));
        assert!(matches!(read(&wire[..20]), Err(FrameError::Truncated)));
        assert!(matches!(read(&wire[..2]), Err(FrameError::Truncated)));
        assert!(matches!(read(&[]), Ok(None)));
    }

    #[test]
    fn a_huge_announcement_is_refused_before_it_is_read() {
        assert!(matches!(read(&[0xff, 0xff, 0xff, 0xff]), Err(FrameError::TooLarge(u32::MAX))));
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
