//! Child processes: argument vectors, bounded output, gone with whoever waits for them.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::ports::{ByteSource, ExecOutput, RuntimeError};

/// What is kept of an output that nobody parses.
pub(super) const SMALL: usize = 64 * 1024;

/// One run of the docker command.
pub(super) struct Run<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: Vec<String>,
    /// Paths that differ from those in the agent's own environment.
    pub(super) environment: Vec<(&'static str, &'a Path)>,
    pub(super) stdin: Option<ByteSource>,
    /// Bytes of stdout that are kept, from its beginning.
    pub(super) keep: usize,
    pub(super) limit: Option<Duration>,
}

impl Run<'_> {
    /// Waits for its end; it is killed when nobody waits any more.
    pub(super) async fn output(self) -> Result<ExecOutput, RuntimeError> {
        let verb = self.arguments.first().cloned().unwrap_or_default();
        let failed = |source| RuntimeError::Process { verb: verb.clone(), source };
        let mut child = Command::new(self.program)
            .args(&self.arguments)
            .env("LC_ALL", "C")
            .envs(self.environment)
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let feeding = feed(child.stdin.take(), self.stdin);
        let stdout = first(child.stdout.take(), self.keep);
        let stderr = last(child.stderr.take(), SMALL);
        let ending = async { tokio::join!(feeding, stdout, stderr, child.wait()) };
        let ((), stdout, stderr, status) = match self.limit {
            Some(limit) => tokio::time::timeout(limit, ending)
                .await
                .map_err(|_| RuntimeError::TimedOut { verb: verb.clone(), seconds: limit.as_secs() })?,
            None => ending.await,
        };
        Ok(ExecOutput {
            status: status.map_err(failed)?.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }
}

/// A child that reads no further has its reason, which its status and stderr tell.
async fn feed(stdin: Option<tokio::process::ChildStdin>, source: Option<ByteSource>) {
    if let (Some(mut stdin), Some(mut source)) = (stdin, source) {
        let mut part = vec![0; 256 * 1024];
        while let Ok(count @ 1..) = source.read(&mut part).await {
            if tokio::io::AsyncWriteExt::write_all(&mut stdin, &part[..count]).await.is_err() {
                break;
            }
        }
    }
}

/// Reads to the end, keeps the beginning.
async fn first(stream: Option<impl AsyncRead + Unpin>, keep: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    each_part(stream, |part| {
        let room = keep.saturating_sub(kept.len()).min(part.len());
        kept.extend_from_slice(&part[..room]);
    })
    .await;
    kept
}

/// Reads to the end, keeps the end.
async fn last(stream: Option<impl AsyncRead + Unpin>, keep: usize) -> Vec<u8> {
    let mut kept = VecDeque::new();
    each_part(stream, |part| {
        kept.extend(part);
        let surplus = kept.len().saturating_sub(keep);
        kept.drain(..surplus);
    })
    .await;
    kept.into()
}

async fn each_part(stream: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(&[u8])) {
    let Some(mut stream) = stream else { return };
    let mut part = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut part).await {
        take(&part[..count]);
    }
}
