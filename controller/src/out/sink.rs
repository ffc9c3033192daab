//! One stream, written by whoever comes line by line: stdout, stderr, or memory in their place. It falls silent when its
//! reader is gone.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// What was written by a command that ran on [`Out::in_memory`]; clones are the same memory.
#[derive(Debug, Clone, Default)]
pub struct Written {
    pub(super) stdout: Memory,
    pub(super) stderr: Memory,
}

pub(super) type Memory = Arc<Mutex<Vec<u8>>>;

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

    pub(super) fn memory(memory: &Memory) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

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
