//! Live lines on a terminal. Holds the watcher's clock and the terminal; what is shown is drawn by [`super::screen`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use omsctl_proto::{Event, EventKind, Gate, NodeName, StepId};

use super::screen::{Frame, clock_key, screen};
use super::tally::Tally;
use super::words;
use crate::out::{Out, Paint, Style};

/// Lines that are told above the live ones, at most; a host that goes mad has more. The history has them all.
const TOLD: usize = 1_000;
/// Characters of such a line, at most.
const LONGEST: usize = 2_000;
/// The shortest time between two drawings.
const REDRAW: Duration = Duration::from_millis(80);

/// One live line per host and a total, redrawn in place.
pub struct Bars {
    tally: Tally,
    lines: ProgressBar,
    style: Style,
    /// Rows and columns of the terminal, which may be resized.
    size: Box<dyn Fn() -> (u16, u16) + Send>,
    out: Option<Out>,
    /// Milliseconds that the run had gone on before it was shown here.
    before_ms: u64,
    began: Instant,
    drawn: Option<Instant>,
    turn: usize,
    clocks: BTreeMap<NodeName, Clock>,
    /// What several hosts say alike is told once.
    told: BTreeSet<String>,
}

/// Since when a host does what it does.
struct Clock {
    key: (u8, Option<StepId>, Option<Gate>),
    since: Instant,
}

impl fmt::Debug for Bars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Bars").field("style", &self.style).finish_non_exhaustive()
    }
}

impl Bars {
    /// On stderr, going on from a picture; messages through the door are written above the live lines from now on.
    pub fn on_stderr(out: &Out, tally: Tally) -> Self {
        let term = Term::stderr();
        let size = Box::new(move || term.size());
        let mut bars = Self::on(ProgressDrawTarget::stderr(), size, out.message_style());
        bars.before_ms = tally.elapsed_ms();
        bars.tally = tally;
        out.set_live(Some(bars.lines.clone()));
        bars.out = Some(out.clone());
        bars
    }

    /// On any terminal; `size` gives rows and columns.
    pub fn on(target: ProgressDrawTarget, size: Box<dyn Fn() -> (u16, u16) + Send>, style: Style) -> Self {
        let lines = ProgressBar::with_draw_target(None, target);
        // All lines are one message: they are drawn at once or not at all.
        if let Ok(whole) = ProgressStyle::with_template("{msg}") {
            lines.set_style(whole);
        }
        Self {
            tally: Tally::default(),
            lines,
            style,
            size,
            out: None,
            before_ms: 0,
            began: Instant::now(),
            drawn: None,
            turn: 0,
            clocks: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    pub fn on_event(&mut self, event: &Event) {
        if !self.tally.add(event) {
            return;
        }
        if let Some((host, message)) = worth_a_line(event)
            && self.told.len() < TOLD
            && self.told.insert(message.clone())
        {
            let (_, columns) = (self.size)();
            let line = host.map_or_else(|| message.clone(), |host| format!("{host}: {message}"));
            for row in words::wrap(&line, usize::from(columns).max(20) - 1) {
                self.lines.println(self.style.paint(Paint::Warning, &row));
            }
        }
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            self.draw();
        }
    }

    /// Draws the picture as it is now.
    pub fn draw(&mut self) {
        let now = Instant::now();
        self.run_clocks(now);
        let since_ms =
            self.clocks.iter().map(|(host, clock)| (host.clone(), milliseconds(now - clock.since))).collect();
        let (rows, columns) = (self.size)();
        let frame = Frame {
            columns: usize::from(columns),
            rows: usize::from(rows),
            style: self.style,
            turn: self.turn,
            elapsed_ms: self.before_ms + milliseconds(now - self.began),
            since_ms: &since_ms,
        };
        if self.tally.run().is_some() {
            self.lines.set_message(screen(&self.tally, &frame).join("\n"));
        }
        self.turn = self.turn.wrapping_add(1);
        self.drawn = Some(now);
    }

    fn run_clocks(&mut self, now: Instant) {
        for (host, _) in self.tally.nodes() {
            let key = clock_key(&self.tally.phase(host));
            match self.clocks.get_mut(host) {
                Some(clock) if clock.key == key => {}
                Some(clock) => *clock = Clock { key, since: now },
                None => {
                    self.clocks.insert(host.clone(), Clock { key, since: now });
                }
            }
        }
    }

    /// Takes the live lines away; the summary says what became of everything.
    pub fn finish(&mut self) {
        self.lines.finish_and_clear();
        if let Some(out) = self.out.take() {
            out.set_live(None);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What must not be lost when the live lines go on.
fn worth_a_line(event: &Event) -> Option<(Option<&NodeName>, String)> {
    let (host, message) = match (&event.kind, &event.node) {
        (EventKind::StepWarning { message, .. }, Some(node)) => (Some(node), format!("warning: {message}")),
        (EventKind::Notice { message }, _) => (None, message.clone()),
        _ => return None,
    };
    Some((host, words::clean(&message).chars().take(LONGEST).collect()))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;
    use crate::report::fixtures;

    fn watch(events: &[Event], rows: u16, columns: u16) -> (Bars, InMemoryTerm) {
        let terminal = InMemoryTerm::new(rows, columns);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let mut bars = Bars::on(target, Box::new(move || (rows, columns)), Style::PLAIN);
        for event in events {
            bars.on_event(event);
        }
        bars.turn = 0;
        bars.draw();
        (bars, terminal)
    }

    /// The screen without the time at the end, which the watcher's clock gives.
    fn still(terminal: &InMemoryTerm) -> String {
        let text = terminal.contents();
        let (before, _) = text.rsplit_once("  ").unwrap();
        before.to_owned()
    }

    #[test]
    fn a_terminal_shows_warnings_then_one_line_per_host_and_a_total() {
        let (_bars, terminal) = watch(&fixtures::at_the_gate(), 24, 80);
        assert_eq!(
            still(&terminal),
            "node3: warning: the former config.yaml was readable by all\n\
             node1 |   6/8  initialising OMS, schema step\n\
             node2 .   5/8  waits for its turn: node1 is in the schema step\n\
             node3 |   3/8  loading the image  1.2 of 3.4 GB  120.0 MB/s  19 s left\n\
             3 hosts: 0 ready, 1 waiting  12 of 24 steps"
        );
    }

    #[test]
    fn lines_are_drawn_in_place() {
        let (mut bars, terminal) = watch(&fixtures::at_the_gate(), 24, 80);
        let before = still(&terminal);
        for _ in 0..5 {
            bars.turn = 0;
            bars.draw();
        }
        assert_eq!(still(&terminal), before);
    }

    #[test]
    fn a_host_that_warns_without_end_is_not_remembered_without_end() {
        let mut events = fixtures::at_the_gate();
        for (number, seq) in (0..TOLD + 50).zip(100..) {
            let message = format!("{number} {}", "x".repeat(2 * LONGEST));
            let kind = EventKind::StepWarning { step: StepId::LoadImage, message };
            let node = Some(fixtures::name("node3"));
            events.push(Event { seq, node, kind, ..events[0].clone() });
        }
        let (bars, _terminal) = watch(&events, 24, 80);
        assert_eq!(bars.told.len(), TOLD);
        assert!(bars.told.iter().all(|told| told.len() <= LONGEST));
    }

    #[test]
    fn nothing_is_left_on_the_terminal() {
        let (mut bars, terminal) = watch(&fixtures::two_failed(), 24, 80);
        assert!(terminal.contents().contains("node2 x"));
        bars.finish();
        assert_eq!(terminal.contents(), "");
    }
}
