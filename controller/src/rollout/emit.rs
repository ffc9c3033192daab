//! The one place that numbers the controller's events, keeps every event in the history, and shows it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use omsctl_proto::{ErrorCode, ErrorReport, Event, EventKind, Importance, RunId};
use tokio::time::Instant;

use crate::ports::{Clock, StateStore};

/// Whoever is shown every event as it happens. Must not block: a slow screen never stalls a rollout.
pub type Audience = Box<dyn FnMut(&Event) + Send>;

/// Numbers, keeps and shows.
pub struct Emitter {
    run: RunId,
    boot: String,
    sequence: u64,
    began: Instant,
    left_out: Duration,
    clock: Arc<dyn Clock>,
    store: Option<Arc<dyn StateStore>>,
    /// What happened before it was known whether this run is kept.
    held_back: Option<Vec<Event>>,
    /// Whoever only reads along keeps what the hosts tell, and leaves the controller's part to the controller.
    keeps_own: bool,
    /// Its own events until it leads.
    unkept: Vec<Event>,
    /// The number in the history before the first of this controller, and the number that was shown then.
    kept_after: u64,
    shown_after: u64,
    audience: Audience,
}

impl std::fmt::Debug for Emitter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Emitter")
            .field("run", &self.run)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl Emitter {
    /// Keeps nothing before [`Self::keep`], which then keeps all that was told.
    pub fn new(run: RunId, clock: Arc<dyn Clock>, audience: Audience) -> Self {
        let boot = format!("controller-{}", std::process::id());
        Self {
            run,
            boot,
            sequence: 0,
            began: Instant::now(),
            left_out: Duration::ZERO,
            clock,
            store: None,
            held_back: Some(Vec::new()),
            keeps_own: true,
            unkept: Vec::new(),
            kept_after: 0,
            shown_after: 0,
            audience,
        }
    }

    /// The run has a place in the history from now on, from its first event.
    pub async fn keep(&mut self, store: Arc<dyn StateStore>) {
        let events = self.held_back.take().unwrap_or_default();
        self.store = Some(store);
        for event in events {
            self.record(&event).await;
        }
    }

    /// Nothing of this run is kept.
    pub fn forget(&mut self) {
        self.held_back = None;
    }

    /// Goes on after the events of a controller before this one; without `leads` beside one that goes on itself.
    pub fn resume(&mut self, last: u64, leads: bool) {
        self.sequence = self.sequence.max(last);
        (self.kept_after, self.shown_after) = (self.sequence, self.sequence);
        self.keeps_own = leads;
    }

    /// This controller leads the run from now on. What it told so far follows what the controller before it kept here.
    pub async fn lead(&mut self) {
        if self.keeps_own {
            return;
        }
        self.keeps_own = true;
        if let Some(store) = &self.store {
            self.kept_after = last_own(store.as_ref(), &self.run).await;
        }
        for event in std::mem::take(&mut self.unkept) {
            self.record(&event).await;
        }
    }

    /// Whether the controller's part of the history is this one's.
    pub fn leads(&self) -> bool {
        self.keeps_own
    }

    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Time in which nothing went on but the operator thinking: it does not count.
    pub fn leave_out(&mut self, time: Duration) {
        self.left_out += time;
    }

    /// An event of the controller itself.
    pub async fn say(&mut self, kind: EventKind) {
        let seq = if kind.importance() == Importance::Lossy {
            0
        } else {
            self.sequence += 1;
            self.sequence
        };
        let event = Event {
            v: Event::VERSION,
            run: self.run.clone(),
            node: None,
            boot: self.boot.clone(),
            seq,
            t: timestamp(self.clock.utc_ms()),
            mono_ms: u64::try_from(self.began.elapsed().saturating_sub(self.left_out).as_millis())
                .unwrap_or(u64::MAX),
            kind,
        };
        self.pass_on(&event).await;
    }

    /// An event that came from an agent, or from this controller.
    pub async fn pass_on(&mut self, event: &Event) {
        self.record(event).await;
        (self.audience)(event);
    }

    async fn record(&mut self, event: &Event) {
        if event.kind.importance() == Importance::Lossy {
            return;
        }
        if event.node.is_none() && !self.keeps_own {
            self.unkept.push(event.clone());
            return;
        }
        if let Some(events) = &mut self.held_back {
            events.push(event.clone());
            return;
        }
        let Some(store) = self.store.clone() else { return };
        let mut event = event.clone();
        if event.node.is_none() {
            event.seq = event.seq - self.shown_after + self.kept_after;
        }
        let Err(error) = store.append(&[event]).await else { return };
        // The hosts keep their own events and decisions are made on what is observed: a full disk on the bastion must
        // not stop a rollout half-way. It is told once.
        self.store = None;
        let report = ErrorReport::from_error(ErrorCode::State, &error).one_line();
        tracing::warn!(error = %report, "the history of this run is incomplete");
        let message = format!("{error}; the rollout goes on, its history on this bastion is incomplete");
        Box::pin(self.say(EventKind::Notice { message })).await;
    }
}

/// The number of the controllers' last event that is kept here.
pub async fn last_own(store: &dyn StateStore, run: &RunId) -> u64 {
    let events = store.events(run).await.unwrap_or_default();
    events.iter().filter(|event| event.node.is_none()).map(|event| event.seq).max().unwrap_or(0)
}

/// RFC 3339, UTC, milliseconds.
pub fn timestamp(utc_ms: u64) -> String {
    let ms = i64::try_from(utc_ms).unwrap_or(0);
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A new run's id: the time it began, then six random hexadecimal digits.
pub fn run_id(utc_ms: u64, random: [u8; 3]) -> RunId {
    let ms = i64::try_from(utc_ms).unwrap_or(0);
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let [a, b, c] = random;
    let text = format!("{}-{a:02x}{b:02x}{c:02x}", time.strftime("%Y%m%dt%H%M%S"));
    // Digits, a letter and a hyphen: always valid.
    RunId::new(text).unwrap_or_else(|invalid| unreachable!("{invalid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_run_ids_are_utc_and_sortable() {
        assert_eq!(timestamp(1_795_369_445_007), "2026-11-22T17:44:05.007Z");
        assert_eq!(run_id(1_795_369_445_007, [1, 0xab, 0]).as_str(), "20261122t174405-01ab00");
    }
}
