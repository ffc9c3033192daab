//! A call of `omsctl` under way: what it has said so far, signals to it, its end. Nothing here waits without an end.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use system_tests::rig::until;
use system_tests::steps;

use super::outcome::Outcome;

/// A call that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(4);

/// What an operator, a terminal or a machine in trouble sends to a process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// The terminal is gone.
    HangUp,
    Kill,
}

/// A call that has not ended. Dropped before its end it is killed: a story that fails leaves nothing running.
pub(super) struct Running {
    line: String,
    child: Child,
    began: Instant,
    stdout: Stream,
    stderr: Stream,
}

/// What comes out of a pipe, read as it comes.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Running {
    pub(super) fn start(line: String, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let stdout = Stream::read(child.stdout.take().unwrap());
        let stderr = Stream::read(child.stderr.take().unwrap());
        Self { line, child, began, stdout, stderr }
    }

    #[track_caller]
    pub(super) fn signal(&self, signal: Signal) {
        assert!(send(self.child.id(), signal), "it has ended before\n$ {}\n{}", self.line, self.said());
    }

    /// Waits until it has said this on either stream.
    #[track_caller]
    pub(super) fn until_told(&mut self, word: &str) {
        let told = until(word, PATIENCE, || {
            let ended = self.child.try_wait().unwrap().is_some();
            let told = self.said().contains(word);
            (told || ended).then_some(told)
        });
        assert!(told.is_ok_and(|told| told), "`{word}` was never told\n$ {}\n{}", self.line, self.said());
    }

    fn said(&self) -> String {
        self.stdout.text() + &self.stderr.text()
    }

    /// Waits for its end.
    #[track_caller]
    pub(super) fn end(mut self) -> Outcome {
        let ended = until(&self.line, PATIENCE, || self.child.try_wait().unwrap());
        let took = self.began.elapsed();
        if ended.is_err() {
            self.child.kill().unwrap();
        }
        let code = ended.as_ref().ok().and_then(ExitStatus::code).unwrap_or(-1);
        let (stdout, stderr) = (self.stdout.whole(), self.stderr.whole());
        steps::say(&format!("  $ {} → {code} ({:.1} s)", self.line, took.as_secs_f64()));
        let outcome = Outcome { line: self.line.clone(), code, stdout, stderr, took };
        if ended.is_err() {
            outcome.fail("it does not end");
        }
        outcome
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Stream {
    fn read(mut from: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut part = [0; 8192];
            while let Ok(count @ 1..) = from.read(&mut part) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&part[..count]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    /// So far; the last character may be half there.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Everything, after the end.
    fn whole(&mut self) -> String {
        self.reader.take().unwrap().join().unwrap();
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).expect("omsctl writes UTF-8")
    }
}

/// Sends a signal to a process of this machine; false when it is gone.
#[must_use]
pub(super) fn send(pid: u32, signal: Signal) -> bool {
    let name = match signal {
        Signal::Interrupt => "INT",
        Signal::HangUp => "HUP",
        Signal::Kill => "KILL",
    };
    let sent =
        Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &pid.to_string()]).status();
    sent.unwrap().success()
}
