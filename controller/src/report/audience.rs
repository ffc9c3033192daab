//! Feeds a reporter on a thread of its own, so that a slow or closed reader never holds up who tells. What is shown in
//! memory needs no such thread.
//!
//! The queue is bounded. Lossy events are dropped when a thousand events wait. Numbered events wait up to
//! [`KEPT_WAITING`], more than a rollout on two hundred hosts has; beyond that they are dropped too, counted, and
//! told at the end. The history has them all in any case.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use omsctl_proto::{Event, Importance};

use super::Reporter;

const LOSSY_WAITING: usize = 1_000;
const KEPT_WAITING: usize = 30_000;
const TICK: Duration = Duration::from_millis(120);

/// The teller's end; may be shared.
#[derive(Debug)]
pub enum Audience {
    /// Shows on its own thread.
    Beside(Beside),
    /// Shows while it is told: for writers that never wait.
    AtOnce(Mutex<AtOnce>),
}

#[derive(Debug)]
pub struct Beside {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub struct AtOnce {
    /// `None` after the end.
    reporter: Option<Reporter>,
    heard: Heard,
}

/// How the telling went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// Numbered events that were not shown.
    pub missed: u64,
    /// The reader stopped reading and was not waited for any longer.
    pub gave_up: bool,
    /// Why showing was given up, for instance a full disk.
    pub trouble: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    closed: bool,
    ended: bool,
    shown: u64,
    missed: u64,
    trouble: Option<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audience {
    /// # Errors
    /// No thread can be started.
    pub fn start(reporter: Reporter) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        // The thread says itself when it ended: nobody has to hold it.
        std::thread::Builder::new().name("reporter".to_owned()).spawn(move || show(&theirs, reporter))?;
        Ok(Self::Beside(Beside { shared }))
    }

    /// For a reporter that writes where nothing is ever waited for.
    pub fn at_once(reporter: Reporter) -> Self {
        Self::AtOnce(Mutex::new(AtOnce { reporter: Some(reporter), heard: Heard::default() }))
    }

    /// Never waits.
    pub fn tell(&self, event: &Event) {
        match self {
            Self::Beside(beside) => beside.tell(event),
            Self::AtOnce(at_once) => at_once.lock().unwrap_or_else(PoisonError::into_inner).tell(event),
        }
    }

    /// Takes nothing more and waits until everything is shown; gives up on a reader that takes nothing for
    /// `patience`. Blocks the thread that calls it.
    pub fn finish(&self, patience: Duration) -> Heard {
        match self {
            Self::Beside(beside) => beside.finish(patience),
            Self::AtOnce(at_once) => at_once.lock().unwrap_or_else(PoisonError::into_inner).finish(),
        }
    }
}

impl AtOnce {
    fn tell(&mut self, event: &Event) {
        let shown = self.reporter.as_mut().map_or(Ok(()), |reporter| reporter.on_event(event));
        self.heard(shown);
    }

    fn finish(&mut self) -> Heard {
        let shown = self.reporter.take().map_or(Ok(()), |mut reporter| reporter.finish(0));
        self.heard(shown);
        self.heard.clone()
    }

    fn heard(&mut self, shown: io::Result<()>) {
        if let Err(error) = shown {
            self.heard.trouble = Some(error.to_string());
            self.reporter = None;
        }
    }
}

impl Beside {
    fn tell(&self, event: &Event) {
        let mut queue = self.shared.lock();
        if queue.closed || queue.trouble.is_some() {
            return;
        }
        let lossy = event.kind.importance() == Importance::Lossy;
        let room = if lossy { LOSSY_WAITING } else { KEPT_WAITING };
        if queue.events.len() < room {
            queue.events.push_back(event.clone());
            // The reporter sleeps only when there is nothing.
            if queue.events.len() == 1 {
                self.shared.changed.notify_all();
            }
        } else if !lossy {
            queue.missed += 1;
        }
    }

    fn finish(&self, patience: Duration) -> Heard {
        let mut queue = self.shared.lock();
        queue.closed = true;
        self.shared.changed.notify_all();
        let mut shown = queue.shown;
        let mut gave_up = false;
        while !queue.ended && !gave_up {
            let (again, waited) =
                self.shared.changed.wait_timeout(queue, patience).unwrap_or_else(PoisonError::into_inner);
            queue = again;
            gave_up = waited.timed_out() && !queue.ended && queue.shown == shown;
            shown = queue.shown;
        }
        let left = queue.events.iter().filter(|event| event.kind.importance() != Importance::Lossy).count();
        let missed = queue.missed + u64::try_from(left).unwrap_or(u64::MAX);
        Heard { missed, gave_up, trouble: queue.trouble.clone() }
    }
}

impl Drop for Beside {
    /// Lets the thread end by itself when nobody called [`Audience::finish`].
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

fn show(shared: &Shared, mut reporter: Reporter) {
    let ended = Ended(shared);
    loop {
        match next(shared) {
            Next::Event(event) => {
                if let Err(error) = reporter.on_event(&event) {
                    shared.lock().trouble = Some(error.to_string());
                    break;
                }
                shared.lock().shown += 1;
            }
            Next::Tick => reporter.tick(),
            Next::Closed(missed) => {
                if let Err(error) = reporter.finish(missed) {
                    shared.lock().trouble = Some(error.to_string());
                }
                break;
            }
        }
    }
    drop(reporter);
    drop(ended);
}

/// Tells that the thread ended, also when a reporter panicked.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

enum Next {
    Event(Box<Event>),
    Tick,
    Closed(u64),
}

fn next(shared: &Shared) -> Next {
    let mut queue = shared.lock();
    if queue.events.is_empty() && !queue.closed {
        queue = shared.changed.wait_timeout(queue, TICK).unwrap_or_else(PoisonError::into_inner).0;
    }
    match queue.events.pop_front() {
        Some(event) => Next::Event(Box::new(event)),
        None if queue.closed => Next::Closed(queue.missed),
        None => Next::Tick,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc;

    use super::*;
    use crate::report::buffer::Buffer;
    use crate::report::fixtures::{self, Recording};
    use crate::report::json_lines::JsonLines;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A reader that takes nothing until it is let go.
    struct Stuck {
        gate: mpsc::Receiver<()>,
        then: Buffer,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Once the test let go, the channel is closed and every write goes through.
            let _ = self.gate.recv();
            self.then.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stuck() -> (Audience, mpsc::Sender<()>, Buffer) {
        let (open, gate) = mpsc::channel();
        let then = Buffer::default();
        let writer = Stuck { gate, then: then.clone() };
        let reporter = Reporter::JsonLines(JsonLines::new(Box::new(writer)));
        (Audience::start(reporter).unwrap(), open, then)
    }

    fn many(kept: usize, lossy: u64) -> Vec<Event> {
        let mut story = Recording::default();
        for _ in 0..kept {
            story.begin(&["n"]);
        }
        for current in 0..lossy {
            story.bytes("n", current, lossy);
        }
        story.events
    }

    #[test]
    fn everything_is_shown_in_order() {
        let buffer = Buffer::default();
        let reporter = Reporter::JsonLines(JsonLines::new(Box::new(buffer.clone())));
        let audience = Audience::start(reporter).unwrap();
        let events = fixtures::success();
        for event in &events {
            audience.tell(event);
        }
        assert_eq!(audience.finish(PATIENCE), Heard::default());
        let read: Vec<Event> =
            buffer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, events);
    }

    #[test]
    fn a_slow_reader_gets_every_numbered_event_and_stalls_nobody() {
        let (audience, open, buffer) = stuck();
        // Telling returns although the reader takes nothing: that this line is passed is the assertion.
        for event in many(5_000, 5_000) {
            audience.tell(&event);
        }
        drop(open);
        assert_eq!(audience.finish(PATIENCE), Heard::default());
        let text = buffer.text();
        assert_eq!(text.matches("rollout_started").count(), 5_000);
        assert_eq!(text.matches("step_progress").count(), 0, "too much waited for them");
    }

    #[test]
    fn what_does_not_fit_is_counted_and_told() {
        let (audience, open, buffer) = stuck();
        for event in many(KEPT_WAITING + 500, 0) {
            audience.tell(&event);
        }
        drop(open);
        let heard = audience.finish(PATIENCE);
        assert!((499..=500).contains(&heard.missed), "{heard:?}");
        let told = format!("{} events were dropped", heard.missed);
        assert!(buffer.text().lines().last().unwrap().contains(&told));
    }

    #[test]
    fn a_reader_that_never_reads_is_given_up() {
        let (audience, open, _buffer) = stuck();
        for event in many(10, 0) {
            audience.tell(&event);
        }
        let heard = audience.finish(Duration::from_millis(20));
        assert!(heard.gave_up && heard.missed >= 9, "{heard:?}");
        drop(open);
    }

    #[test]
    fn a_full_disk_is_told_and_ends_the_telling() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("no space left on device"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let audience = Audience::start(Reporter::JsonLines(JsonLines::new(Box::new(Full)))).unwrap();
        audience.tell(&fixtures::success()[0]);
        let heard = audience.finish(PATIENCE);
        assert_eq!(heard.trouble.as_deref(), Some("no space left on device"));
    }
}
