//! Which reporter shows a run while it goes on.

use std::io;

use omsctl_proto::Event;

use super::bars::Bars;
use super::json_lines::JsonLines;
use super::lines::Lines;
use crate::out::Out;

/// Shows events as they come.
#[derive(Debug)]
pub enum Reporter {
    /// One live line per host on a terminal.
    Bars(Box<Bars>),
    Lines(Box<Lines>),
    JsonLines(JsonLines),
    /// Nobody looks.
    Silent,
}

impl Reporter {
    /// For `--format human` and `json`: progress on stderr, live when that is a terminal.
    pub fn progress(out: &Out) -> Self {
        if out.can_draw() {
            Self::Bars(Box::new(Bars::on_stderr(out)))
        } else {
            Self::Lines(Box::new(Lines::new(Box::new(out.stderr()), out.message_style())))
        }
    }

    /// For `--format jsonl`: events on stdout.
    pub fn json_lines(out: &Out) -> Self {
        Self::JsonLines(JsonLines::new(Box::new(out.stdout())))
    }

    /// Plain lines on stdout, for the replay of a recorded run.
    pub fn replay(out: &Out) -> Self {
        Self::Lines(Box::new(Lines::new(Box::new(out.stdout()), out.style())))
    }

    /// # Errors
    /// The stream cannot be written. Nothing more should be given to it then.
    pub fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match self {
            Self::Bars(bars) => {
                bars.on_event(event);
                Ok(())
            }
            Self::Lines(lines) => lines.on_event(event),
            Self::JsonLines(json) => json.on_event(event),
            Self::Silent => Ok(()),
        }
    }

    /// Time went by; moves what moves.
    pub fn tick(&mut self) {
        match self {
            Self::Bars(bars) => bars.draw(),
            Self::Lines(_) | Self::JsonLines(_) | Self::Silent => {}
        }
    }

    /// The last call: `missed` numbered events could not be shown.
    pub fn finish(&mut self, missed: u64) -> io::Result<()> {
        match self {
            Self::Bars(bars) => bars.finish(),
            Self::JsonLines(json) if missed > 0 => return json.missed(missed),
            Self::Lines(_) | Self::JsonLines(_) | Self::Silent => {}
        }
        Ok(())
    }
}
