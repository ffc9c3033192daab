//! The one door to stdout, stderr and the operator's keyboard: results to stdout, everything else to stderr.
//! Nothing else in this crate writes there. A reader that went away is no error; the writer falls silent.

mod echo;
mod json;
mod log;
mod sink;
mod style;

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use console::{AnsiCodeIterator, Term};
use indicatif::ProgressBar;
use omsctl_proto::Secret;
use serde::Serialize;

use self::echo::WithoutControlEcho;
pub use self::json::json_line;
pub use self::log::install_log;
pub use self::sink::{Sink, Written};
pub use self::style::{Environment, Paint, Style};

/// The door. Cheap to clone; all clones share the live lines that must not be written over.
#[derive(Debug, Clone)]
pub struct Out {
    environment: Environment,
    stdout_terminal: bool,
    stderr_terminal: bool,
    live: Arc<Mutex<Option<Live>>>,
    /// `None`: the streams of this process.
    memory: Option<Written>,
}

/// Live lines, and the terminal as they need it.
#[derive(Debug)]
struct Live {
    lines: ProgressBar,
    _echo: Option<WithoutControlEcho>,
}

impl Out {
    /// Looks at the streams and the environment of this process.
    pub fn open() -> Self {
        Self {
            environment: Environment::read(),
            stdout_terminal: io::stdout().is_terminal(),
            stderr_terminal: io::stderr().is_terminal(),
            live: Arc::default(),
            memory: None,
        }
    }

    /// Writes into memory instead, as to pipes: for whoever runs commands inside another program.
    pub fn in_memory() -> (Self, Written) {
        let written = Written::default();
        let out = Self {
            environment: Environment::default(),
            stdout_terminal: false,
            stderr_terminal: false,
            live: Arc::default(),
            memory: Some(written.clone()),
        };
        (out, written)
    }

    /// Nobody is behind it who could be slow.
    pub fn is_in_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// For results that come line by line.
    pub fn stdout(&self) -> Sink {
        self.memory.as_ref().map_or_else(Sink::stdout, |written| Sink::memory(&written.stdout))
    }

    /// For progress that comes line by line.
    pub fn stderr(&self) -> Sink {
        self.memory.as_ref().map_or_else(Sink::stderr, |written| Sink::memory(&written.stderr))
    }

    /// How results may look.
    pub fn style(&self) -> Style {
        self.environment.style(self.stdout_terminal)
    }

    /// How progress and messages may look.
    pub fn message_style(&self) -> Style {
        self.environment.style(self.stderr_terminal)
    }

    /// Live lines are possible: stderr is a terminal that can move its cursor.
    pub fn can_draw(&self) -> bool {
        self.stderr_terminal && self.environment.term.as_deref().is_some_and(|term| term != "dumb")
    }

    /// Somebody can be asked: both stdin and stderr are terminals.
    pub fn can_ask(&self) -> bool {
        self.stderr_terminal && io::stdin().is_terminal()
    }

    /// The columns of the terminal that stdout is; `None` where there is none and nothing need be left out.
    pub fn columns(&self) -> Option<usize> {
        let size = if self.stdout_terminal { Term::stdout().size_checked() } else { None };
        size.map(|(_, columns)| usize::from(columns))
    }

    /// Writes a result to stdout as it is. A reader that is gone is no error.
    pub fn result(&self, text: &str) -> io::Result<()> {
        self.aside(|| write_all(&mut self.stdout(), text))
    }

    /// Writes text of hosts to stdout, without what would move the cursor.
    pub fn foreign(&self, text: &str) -> io::Result<()> {
        self.result(&harmless(text))
    }

    /// Writes a result as one indented JSON document.
    pub fn document<T: Serialize>(&self, document: &T) -> io::Result<()> {
        let mut text = json::json_document(document)?;
        text.push('\n');
        self.result(&text)
    }

    /// Writes a result as one line of JSON.
    pub fn line<T: Serialize>(&self, item: &T) -> io::Result<()> {
        let mut text = json_line(item)?;
        text.push('\n');
        self.result(&text)
    }

    /// On a terminal clears the screen before the result: for `--watch`.
    pub fn result_again(&self, text: &str) -> io::Result<()> {
        if self.stdout_terminal { self.result(&format!("\x1b[H\x1b[2J{text}")) } else { self.result(text) }
    }

    /// Writes a message to stderr, with a line end when it has none. What hosts and servers said may be in it: of all
    /// that a terminal obeys, only line ends, tabs and colours get through.
    pub fn message(&self, text: &str) {
        let text = harmless(text);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        // There is nobody left to tell that stderr is broken.
        let _ = self.aside(|| write_all(&mut self.stderr(), &format!("{text}{end}")));
    }

    /// Asks a question that only `yes` or `y` answers with yes.
    pub fn confirm(&self, question: &str) -> io::Result<bool> {
        self.aside(|| {
            write_all(&mut self.stderr(), &format!("{question} [y/N] "))?;
            let mut answer = String::new();
            // Ctrl-D leaves the cursor behind the question.
            if io::stdin().read_line(&mut answer)? == 0 {
                write_all(&mut self.stderr(), "\n")?;
            }
            Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
        })
    }

    /// Asks for a word, which is shown while it is typed; `None` when nothing more comes.
    pub fn ask_word(&self, question: &str) -> io::Result<Option<String>> {
        self.aside(|| {
            write_all(&mut self.stderr(), &format!("{question}: "))?;
            let mut answer = String::new();
            if io::stdin().read_line(&mut answer)? == 0 {
                write_all(&mut self.stderr(), "\n")?;
                return Ok(None);
            }
            Ok(Some(answer.trim().to_owned()))
        })
    }

    /// Asks for a password, which is not shown while it is typed.
    pub fn ask_secret(&self, question: &str) -> io::Result<Secret> {
        self.aside(|| {
            write_all(&mut self.stderr(), &format!("{question}: "))?;
            Term::stderr().read_secure_line().map(Secret::new)
        })
    }

    /// The live lines that everything else has to be written around; `None` when they are gone.
    pub fn set_live(&self, lines: Option<ProgressBar>) {
        let live = lines.map(|lines| Live { lines, _echo: WithoutControlEcho::begin() });
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = live;
    }

    /// Does something on the terminal while the live lines are away.
    fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = live.as_ref().map(|live| live.lines.clone());
        drop(live);
        match lines {
            Some(lines) => lines.suspend(act),
            None => act(),
        }
    }
}

fn harmless(text: &str) -> String {
    let colour = |code: &str| code.starts_with("\x1b[") && code.ends_with('m');
    let kept = |character: &char| !character.is_control() || matches!(character, '\n' | '\t');
    let mut harmless = String::with_capacity(text.len());
    for (part, is_code) in AnsiCodeIterator::new(text) {
        if !is_code {
            harmless.extend(part.chars().filter(kept));
        } else if colour(part) {
            harmless.push_str(part);
        }
    }
    harmless
}

fn write_all(sink: &mut Sink, text: &str) -> io::Result<()> {
    sink.write_all(text.as_bytes())?;
    sink.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_move_the_cursor_and_may_have_colours() {
        let (out, written) = Out::in_memory();
        out.message("\x1b[31mred\x1b[0m\tn1: \x1b[2Jgone\x1b]0;title\x07\u{9b}2J\r\x1bc\nsecond");
        let text = written.stderr();
        assert!(text.starts_with("\x1b[31mred\x1b[0m\tn1: gone"), "{text:?}");
        assert!(text.ends_with("\nsecond\n"), "{text:?}");
        assert_eq!(text.matches('\x1b').count(), 2, "{text:?}");
        assert!(!text.contains(['\r', '\x07', '\u{9b}']), "{text:?}");
    }
}
