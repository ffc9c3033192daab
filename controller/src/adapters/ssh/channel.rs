//! One command on one channel: its streams as the launcher wants them, closed when they are dropped.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures::task::AtomicWaker;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, oneshot, watch};

use super::session::Session;
use crate::adapters::launch::{Ended, Process, StderrTail};

/// Packets that wait between the channel and its reader.
const QUEUE: usize = 16;

/// Starts the command line on the channel. Does not wait for the host's answer: the first byte is one. A session that is
/// there for this channel alone lives as long as the command and is closed behind it.
pub(super) async fn execute(
    channel: Channel<Msg>,
    line: String,
    own: Option<Arc<Session>>,
) -> Result<Process, russh::Error> {
    channel.exec(true, line).await?;
    let (read, write) = channel.split();
    let (output, stdout) = mpsc::channel(QUEUE);
    let (report_end, ended) = watch::channel(None);
    let (in_use, dropped) = oneshot::channel();
    let stderr = Arc::new(StderrTail::default());
    let gate = Arc::new(Gate::default());
    let stdin = Outgoing { inner: Box::new(write.make_writer()), gate: Arc::clone(&gate), _in_use: in_use };
    let pump = Pump { output: Some(output), stderr: Arc::clone(&stderr), gate, report_end };
    tokio::spawn(async move {
        pump.run(read, write, dropped).await;
        if let Some(session) = own {
            session.close().await;
        }
    });
    Ok(Process {
        stdin: Box::new(stdin),
        stdout: Box::new(Incoming { packets: stdout, current: Bytes::new() }),
        stderr,
        ended,
    })
}

/// Sorts what comes from the channel.
struct Pump {
    output: Option<mpsc::Sender<Bytes>>,
    stderr: Arc<StderrTail>,
    gate: Arc<Gate>,
    report_end: watch::Sender<Option<Ended>>,
}

impl Pump {
    async fn run(
        mut self,
        mut read: ChannelReadHalf,
        write: ChannelWriteHalf<Msg>,
        mut dropped: oneshot::Receiver<()>,
    ) {
        let mut status = None;
        let ended = loop {
            let message = tokio::select! {
                message = read.wait() => message,
                _ = &mut dropped => break Ended::Otherwise,
            };
            match message {
                Some(ChannelMsg::Data { data }) => {
                    if let Some(output) = &self.output {
                        tokio::select! {
                            sent = output.send(data) => if sent.is_err() { self.output = None },
                            _ = &mut dropped => break Ended::Otherwise,
                        }
                    }
                }
                Some(ChannelMsg::ExtendedData { data, ext: 1 }) => self.stderr.push(&data),
                Some(ChannelMsg::Eof) => self.output = None,
                Some(ChannelMsg::ExitStatus { exit_status }) => status = Some(Ended::Status(exit_status)),
                Some(ChannelMsg::ExitSignal { .. }) => status = Some(Ended::Otherwise),
                Some(ChannelMsg::Failure) => {
                    self.stderr.push(b"sshd refuses to run a command");
                    break Ended::Otherwise;
                }
                Some(ChannelMsg::Close) => break status.unwrap_or(Ended::Otherwise),
                None => break status.unwrap_or(Ended::Lost),
                Some(_) => {}
            }
        };
        self.gate.shut();
        self.report_end.send_replace(Some(ended));
        // The end is announced before the output ends: who sees the end of the output can ask how.
        drop(self.output);
        // A connection that is gone needs no farewell.
        drop(write.close().await);
    }
}

/// Wakes a writer that waits for a window which will never open again.
#[derive(Default)]
struct Gate {
    shut: AtomicBool,
    writer: AtomicWaker,
}

impl Gate {
    fn shut(&self) {
        self.shut.store(true, Ordering::Release);
        self.writer.wake();
    }
}

struct Outgoing {
    inner: Box<dyn AsyncWrite + Send + Unpin>,
    gate: Arc<Gate>,
    _in_use: oneshot::Sender<()>,
}

impl AsyncWrite for Outgoing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.gate.writer.register(context.waker());
        if self.gate.shut.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the command on the host has ended",
            )));
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gate.shut.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

struct Incoming {
    packets: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl AsyncRead for Incoming {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.current.is_empty() {
            match ready!(self.packets.poll_recv(context)) {
                Some(packet) => self.current = packet,
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.current.len().min(buffer.remaining());
        buffer.put_slice(&self.current[..length]);
        self.current.advance(length);
        Poll::Ready(Ok(()))
    }
}

/// The words as one line that sh, csh and fish read alike: plain words as they are, the others in single quotes.
/// The launcher's words hold nothing that any of them would treat specially there (its tests see to it).
pub(super) fn command_line(words: &[String]) -> String {
    let plain =
        |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./:-".contains(&byte));
    words.iter().fold("exec".to_owned(), |mut line, word| {
        line.push(' ');
        if plain(word) && !word.is_empty() {
            line.push_str(word);
        } else {
            line.push('\'');
            line.push_str(&word.replace('\'', r"'\''"));
            line.push('\'');
        }
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_words_are_quoted() {
        let check = |words: &[&str], expected: &str| {
            assert_eq!(
                command_line(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()),
                expected
            );
        };
        check(&["sh", "-c", "echo $x"], "exec sh -c 'echo $x'");
        check(&["/a/b-c_d:e", "", "a'b"], r"exec /a/b-c_d:e '' 'a'\''b'");
    }
}
