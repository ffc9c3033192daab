//! `--format jsonl`: one event a line, as it happens, exactly as it was written by whom it came from.

use std::fmt;
use std::io::{self, Write};

use omsctl_proto::{Event, EventKind, RunId};

use crate::out::json_line;

/// Writes events as JSON lines.
pub struct JsonLines {
    writer: Box<dyn Write + Send>,
    run: Option<RunId>,
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JsonLines").field("run", &self.run).finish_non_exhaustive()
    }
}

impl JsonLines {
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { writer, run: None }
    }

    /// # Errors
    /// The stream cannot be written.
    pub fn on_event(&mut self, event: &Event) -> io::Result<()> {
        if self.run.is_none() {
            self.run = Some(event.run.clone());
        }
        self.line(event)
    }

    /// Says how many events a slow reader missed. The line has no number: it is in no journal.
    pub fn missed(&mut self, events: u64) -> io::Result<()> {
        let Some(run) = self.run.clone() else { return Ok(()) };
        let message =
            format!("{events} events were dropped: the reader was too slow. 'omsctl show {run}' has all.");
        self.line(&Event {
            v: Event::VERSION,
            run,
            node: None,
            boot: "reader".to_owned(),
            seq: 0,
            t: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            mono_ms: 0,
            kind: EventKind::Notice { message },
        })
    }

    fn line(&mut self, event: &Event) -> io::Result<()> {
        let mut line = json_line(event)?;
        line.push('\n');
        self.writer.write_all(line.as_bytes())?;
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::buffer::Buffer;
    use crate::report::fixtures;

    #[test]
    fn every_line_is_the_event_itself() {
        let buffer = Buffer::default();
        let mut json = JsonLines::new(Box::new(buffer.clone()));
        let events = fixtures::success();
        for event in &events {
            json.on_event(event).unwrap();
        }
        let text = buffer.text();
        let read: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, events);
    }

    #[test]
    fn a_reader_is_told_what_it_missed() {
        let buffer = Buffer::default();
        let mut json = JsonLines::new(Box::new(buffer.clone()));
        json.on_event(&fixtures::success()[0]).unwrap();
        json.missed(7).unwrap();
        let last: Event = serde_json::from_str(buffer.text().lines().last().unwrap()).unwrap();
        assert!(matches!(last.kind, EventKind::Notice { message } if message.starts_with("7 events")));
        assert!(last.t.ends_with('Z') && last.t.len() == 24, "{}", last.t);
    }
}
