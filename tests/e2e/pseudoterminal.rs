//! A terminal that a person sits at: util-linux `script` makes the pseudoterminal, vt100 is its screen. The screen is
//! higher than the terminal says, so that nothing scrolls out of sight.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use system_tests::rig::until;
use vt100::Parser;

use super::operator::{Operator, program};

/// What a person waits for takes no longer.
const PATIENCE: Duration = Duration::from_mins(3);
const ROWS: u16 = 500;

/// A terminal with a shell line in it. Dropped it is closed, as a window is.
pub(super) struct Pseudoterminal {
    line: String,
    script: Child,
    keyboard: ChildStdin,
    shown: Arc<Mutex<Shown>>,
    reader: Option<JoinHandle<()>>,
}

struct Shown {
    screen: Parser,
    bytes: Vec<u8>,
    /// Rows that were ever too long for the terminal.
    wrapped: Vec<String>,
}

impl Pseudoterminal {
    /// Runs a shell line in which `omsctl` is the program under test. `TERM` and what else is given are set.
    pub(super) fn open(operator: &Operator, columns: u16, line: &str, environment: &[(&str, &str)]) -> Self {
        let inside =
            format!("stty rows 24 cols {columns}; omsctl() {{ \"$OMSCTL_UNDER_TEST\" \"$@\"; }}; {line}");
        let mut command = operator.command("script");
        // Echo is on, as at any terminal: whoever wants it off has to say so.
        command.args([
            "--quiet",
            "--flush",
            "--return",
            "--echo",
            "always",
            "--command",
            &inside,
            "/dev/null",
        ]);
        command.env("SHELL", "/bin/sh").env("TERM", "xterm-256color").env("OMSCTL_UNDER_TEST", program());
        command.envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = command.spawn().expect("util-linux's script");
        let (keyboard, mut output) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
        let shown = Shown { screen: Parser::new(ROWS, columns, 0), bytes: Vec::new(), wrapped: Vec::new() };
        let shown = Arc::new(Mutex::new(shown));
        let kept = Arc::clone(&shown);
        let reader = std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut part) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).add(&part[..count]);
            }
        });
        Self { line: line.to_owned(), script, keyboard, shown, reader: Some(reader) }
    }

    pub(super) fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until the screen shows this.
    #[track_caller]
    pub(super) fn until_shows(&mut self, word: &str) {
        let met = until(word, PATIENCE, || {
            let ended = self.script.try_wait().unwrap().is_some();
            let shows = self.text().contains(word);
            (shows || ended).then_some(shows)
        });
        assert!(met.is_ok_and(|met| met), "`{word}` never shows\n$ {}\n{}", self.line, self.text());
    }

    /// The screen as it is, rows without the blanks at their ends.
    pub(super) fn text(&self) -> String {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).screen.screen().contents()
    }

    /// Every byte that ever went to the terminal.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).bytes.clone()
    }

    /// Waits for the line's end and asserts its exit code; the last screen.
    #[track_caller]
    pub(super) fn exits(&mut self, code: i32) -> String {
        let ended = until(&self.line, PATIENCE, || self.script.try_wait().unwrap());
        if let (Ok(_), Some(reader)) = (&ended, self.reader.take()) {
            reader.join().unwrap();
        }
        let text = self.text();
        let ended = ended.unwrap_or_else(|_| panic!("it does not end\n$ {}\n{text}", self.line));
        assert_eq!(ended.code(), Some(code), "$ {}\n{text}", self.line);
        text
    }

    /// Rows that were ever longer than the terminal is wide.
    pub(super) fn wrapped(&self) -> Vec<String> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).wrapped.clone()
    }
}

impl Drop for Pseudoterminal {
    fn drop(&mut self) {
        self.script.kill().ok();
        self.script.wait().ok();
    }
}

impl Shown {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.screen.process(bytes);
        let screen = self.screen.screen();
        let columns = screen.size().1;
        for (at, row) in (0..ROWS).zip(screen.rows(0, columns)) {
            // Blanks up to the margin are no text that did not fit.
            let full = row.trim_end().chars().count() == usize::from(columns);
            if full && screen.row_wrapped(at) && self.wrapped.last() != Some(&row) {
                self.wrapped.push(row);
            }
        }
    }
}
