//! The agent's stdin and stdout as one byte stream, with the bytes that were read along with the script's last line.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::process::Process;

/// A started agent. Dropping it closes both directions.
pub(super) struct AgentStream {
    process: Process,
    first: BytesMut,
    /// The agent has said something.
    spoke: bool,
    /// Waits for the last words of an agent that ended without a byte.
    silent_end: Option<BoxFuture<'static, ()>>,
}

/// How long stderr and the exit status may come after the end of stdout.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl AgentStream {
    pub(super) fn new(process: Process, first: BytesMut) -> Self {
        Self { process, first, spoke: false, silent_end: None }
    }

    /// The end of an agent that said nothing: an error when it left words on stderr.
    fn poll_silent_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ended = self.process.ended.clone();
        let wait = self.silent_end.get_or_insert_with(|| {
            // Late or never, it is time to look at what there is.
            Box::pin(
                async move { drop(tokio::time::timeout(LAST_WORDS, ended.wait_for(Option::is_some)).await) },
            )
        });
        ready!(wait.as_mut().poll(context));
        self.spoke = true;
        let words = self.process.stderr.text("");
        if words.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let message = format!("the agent ended before it said a word: {words}");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, message)))
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
        if self.silent_end.is_some() && !self.spoke {
            return self.poll_silent_end(context);
        }
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        ready!(Pin::new(&mut self.process.stdout).poll_read(context, buffer))?;
        self.spoke |= buffer.filled().len() > before;
        if self.spoke || room == 0 { Poll::Ready(Ok(())) } else { self.poll_silent_end(context) }
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
