//! The log for developers: to a file, to stderr, or nowhere. It never holds up what it tells about.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{SyncSender, sync_channel};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use super::Out;

/// Log lines that may wait for a slow stderr; what comes beyond is dropped.
const LOG_LINES_WAITING: usize = 1000;

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
