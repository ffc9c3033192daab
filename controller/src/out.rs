//! The one door to stdout, stderr and the operator's keyboard: results to stdout, everything else to stderr.
//! Nothing else in this crate writes there. A reader that went away is no error; the writer falls silent.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use console::Term;
use indicatif::ProgressBar;
use omsctl_proto::Secret;
use serde::Serialize;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

/// Log lines that may wait for a slow stderr; what comes beyond is dropped.
const LOG_LINES_WAITING: usize = 1000;

/// How text may look on one stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    pub colour: bool,
    /// Glyphs beyond ASCII: only on a terminal with a UTF-8 locale.
    pub unicode: bool,
}

/// The colours that carry a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Good,
    Bad,
    Warning,
    Strong,
    Faint,
}

impl Style {
    /// Without colour and glyphs: pipes, files, tests.
    pub const PLAIN: Self = Self { colour: false, unicode: false };

    /// The text with its colour around it, or as it is.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Warning => "33",
            Paint::Strong => "1",
            Paint::Faint => "2",
        };
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The environment variables that decide about colour and glyphs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    pub no_color: Option<String>,
    pub clicolor_force: Option<String>,
    pub term: Option<String>,
    /// The first that is set of `LC_ALL`, `LC_CTYPE`, `LANG`.
    pub locale: Option<String>,
}

impl Environment {
    fn read() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            no_color: text("NO_COLOR"),
            clicolor_force: text("CLICOLOR_FORCE"),
            term: text("TERM"),
            locale: text("LC_ALL").or_else(|| text("LC_CTYPE")).or_else(|| text("LANG")),
        }
    }

    /// What a stream may look like that is a terminal or is not.
    pub fn style(&self, terminal: bool) -> Style {
        let dumb = self.term.as_deref().is_none_or(|term| term == "dumb");
        let forced = self.clicolor_force.as_deref().is_some_and(|value| value != "0");
        let locale = self.locale.as_deref().unwrap_or_default().to_ascii_lowercase();
        Style {
            colour: self.no_color.is_none() && (forced || (terminal && !dumb)),
            unicode: terminal && !dumb && (locale.contains("utf-8") || locale.contains("utf8")),
        }
    }
}

/// The door. Cheap to clone; all clones share the live lines that must not be written over.
#[derive(Debug, Clone)]
pub struct Out {
    environment: Environment,
    stdout_terminal: bool,
    stderr_terminal: bool,
    live: Arc<Mutex<Option<ProgressBar>>>,
    /// `None`: the streams of this process.
    memory: Option<Written>,
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

    /// Columns that a table on stdout may use: the terminal's, or 120 where there is none.
    pub fn width(&self) -> usize {
        let size = if self.stdout_terminal { Term::stdout().size_checked() } else { None };
        size.map_or(120, |(_, columns)| usize::from(columns))
    }

    /// Writes a result to stdout as it is. A reader that is gone is no error.
    pub fn result(&self, text: &str) -> io::Result<()> {
        self.aside(|| write_all(&mut self.stdout(), text))
    }

    /// Writes a result as one indented JSON document.
    pub fn document<T: Serialize>(&self, document: &T) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(document)?;
        text.push('\n');
        self.result(&text)
    }

    /// Writes a result as one line of JSON.
    pub fn line<T: Serialize>(&self, item: &T) -> io::Result<()> {
        let mut text = serde_json::to_string(item)?;
        text.push('\n');
        self.result(&text)
    }

    /// On a terminal clears the screen before the result: for `--watch`.
    pub fn result_again(&self, text: &str) -> io::Result<()> {
        if self.stdout_terminal { self.result(&format!("\x1b[H\x1b[2J{text}")) } else { self.result(text) }
    }

    /// Writes a message to stderr, with a line end when it has none.
    pub fn message(&self, text: &str) {
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

    /// Asks for a password, which is not shown while it is typed.
    pub fn ask_secret(&self, question: &str) -> io::Result<Secret> {
        self.aside(|| {
            write_all(&mut self.stderr(), &format!("{question}: "))?;
            Term::stderr().read_secure_line().map(Secret::new)
        })
    }

    /// The live lines that everything else has to be written around; `None` when they are gone.
    pub fn set_live(&self, lines: Option<ProgressBar>) {
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = lines;
    }

    /// Does something on the terminal while the live lines are away.
    fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match live {
            Some(lines) => lines.suspend(act),
            None => act(),
        }
    }
}

/// What was written by a command that ran on [`Out::in_memory`]; clones are the same memory.
#[derive(Debug, Clone, Default)]
pub struct Written {
    stdout: Memory,
    stderr: Memory,
}

type Memory = Arc<Mutex<Vec<u8>>>;

impl Written {
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }
}

fn text(memory: &Memory) -> String {
    String::from_utf8_lossy(&memory.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

fn write_all(sink: &mut Sink, text: &str) -> io::Result<()> {
    sink.write_all(text.as_bytes())?;
    sink.flush()
}

/// A stream for a reporter that runs on a thread of its own. It falls silent when its reader is gone.
#[derive(Debug)]
pub struct Sink {
    stream: Stream,
    gone: bool,
}

#[derive(Debug)]
enum Stream {
    Stdout(io::Stdout),
    Stderr(io::Stderr),
    Memory(Memory),
}

impl Sink {
    pub fn stdout() -> Self {
        Self { stream: Stream::Stdout(io::stdout()), gone: false }
    }

    pub fn stderr() -> Self {
        Self { stream: Stream::Stderr(io::stderr()), gone: false }
    }

    fn memory(memory: &Memory) -> Self {
        Self { stream: Stream::Memory(Arc::clone(memory)), gone: false }
    }

    fn quietly<T>(&mut self, result: io::Result<T>, instead: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(instead)
            }
            other => other,
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone {
            return Ok(bytes.len());
        }
        let written = match &mut self.stream {
            Stream::Stdout(stdout) => stdout.write(bytes),
            Stream::Stderr(stderr) => stderr.write(bytes),
            Stream::Memory(memory) => memory.lock().unwrap_or_else(PoisonError::into_inner).write(bytes),
        };
        self.quietly(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gone {
            return Ok(());
        }
        let flushed = match &mut self.stream {
            Stream::Stdout(stdout) => stdout.flush(),
            Stream::Stderr(stderr) => stderr.flush(),
            Stream::Memory(_) => Ok(()),
        };
        self.quietly(flushed, ())
    }
}

/// Sends the log for developers to `--log-file` (everything from debug on) and, with `-v`, to stderr. Call once.
///
/// # Errors
/// The file cannot be opened for appending, or logging was installed before.
pub fn install_log(out: &Out, verbosity: u8, file: Option<&Path>) -> io::Result<()> {
    let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = Vec::new();
    if let Some(path) = file {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Mutex::new(file));
        layers.push(layer.with_filter(LevelFilter::DEBUG).boxed());
    }
    let level = match verbosity {
        0 => None,
        1 => Some(LevelFilter::INFO),
        2 => Some(LevelFilter::DEBUG),
        3.. => Some(LevelFilter::TRACE),
    };
    if let Some(level) = level {
        let writer = LogWriter::start(out.clone())?;
        let layer =
            tracing_subscriber::fmt::layer().with_ansi(out.message_style().colour).with_writer(writer);
        layers.push(layer.with_filter(level).boxed());
    }
    if layers.is_empty() {
        return Ok(());
    }
    tracing_subscriber::registry().with(layers).try_init().map_err(io::Error::other)
}

/// Log lines for stderr, written by a thread of their own so that a slow terminal stalls nobody.
#[derive(Debug, Clone)]
struct LogWriter(SyncSender<Vec<u8>>);

impl LogWriter {
    fn start(out: Out) -> io::Result<Self> {
        let (sender, lines) = sync_channel::<Vec<u8>>(LOG_LINES_WAITING);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            for line in lines {
                out.message(&String::from_utf8_lossy(&line));
            }
        })?;
        Ok(Self(sender))
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full queue drops the line: the log must not hold up what it tells about.
        let _ = self.0.try_send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let get =
            |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Environment {
            no_color: get("NO_COLOR"),
            clicolor_force: get("CLICOLOR_FORCE"),
            term: get("TERM"),
            locale: get("LANG"),
        }
    }

    #[test]
    fn colour_and_glyphs_follow_the_terminal_and_the_environment() {
        let xterm = ("TERM", "xterm");
        let utf8 = ("LANG", "en_US.UTF-8");
        for (pairs, terminal, colour, unicode) in [
            (vec![xterm, utf8], true, true, true),
            (vec![xterm, utf8], false, false, false),
            (vec![xterm, ("LANG", "C")], true, true, false),
            (vec![xterm, utf8, ("NO_COLOR", "1")], true, false, true),
            (vec![("TERM", "dumb"), utf8], true, false, false),
            (vec![utf8], true, false, false),
            (vec![("CLICOLOR_FORCE", "1")], false, true, false),
            (vec![("CLICOLOR_FORCE", "0")], false, false, false),
            (vec![("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true, false, false),
        ] {
            let style = environment(&pairs).style(terminal);
            assert_eq!(style, Style { colour, unicode }, "{pairs:?} terminal={terminal}");
        }
    }

    #[test]
    fn paint_is_there_only_when_colour_is() {
        let colourful = Style { colour: true, unicode: false };
        assert_eq!(colourful.paint(Paint::Bad, "no"), "\x1b[31mno\x1b[0m");
        assert_eq!(colourful.paint(Paint::Bad, ""), "");
        assert_eq!(Style::PLAIN.paint(Paint::Bad, "no"), "no");
    }

    #[test]
    fn a_reader_that_went_away_silences_the_sink() {
        let mut sink = Sink::stdout();
        let broken = Err(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(sink.quietly(broken, 5).unwrap(), 5);
        assert!(sink.gone);
        assert_eq!(sink.write(b"more").unwrap(), 4);
        sink.flush().unwrap();
    }

    #[test]
    fn a_full_disk_is_told() {
        let full = Err(io::Error::from(io::ErrorKind::StorageFull));
        assert!(Sink::stdout().quietly(full, 5).is_err());
    }
}
