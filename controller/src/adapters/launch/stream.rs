//! The agent's stdin and stdout as one byte stream, with the bytes that were read along with the script's last line.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::process::Process;

/// A started agent. Dropping it closes both directions.
pub(super) struct AgentStream {
    process: Process,
    first: BytesMut,
    /// The agent has said something.
    spoke: bool,
}

impl AgentStream {
    pub(super) fn new(process: Process, first: BytesMut) -> Self {
        Self { process, first, spoke: false }
    }
}

impl AsyncRead for AgentStream {
    /// An agent that ends without a byte, but with words on stderr, is an error that quotes them.
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let length = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first[..length]);
            self.first.advance(length);
            self.spoke = true;
            return Poll::Ready(Ok(()));
        }
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        ready!(Pin::new(&mut self.process.stdout).poll_read(context, buffer))?;
        if buffer.filled().len() > before || room == 0 {
            self.spoke = true;
        } else if !self.spoke {
            let words = self.process.stderr.text("");
            if !words.is_empty() {
                let message = format!("the agent ended before it said a word: {words}");
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for AgentStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        Pin::new(&mut self.process.stdin).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.process.stdin).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.process.stdin).poll_shutdown(context)
    }
}
