//! The time of day in a test: a paused clock that was moved on takes it along, so that what comes later is also newer.

use std::cell::Cell;
use std::time::SystemTime;

use tokio::time::Instant;

thread_local! {
    /// A moment of tokio's clock, and the time of day that it is.
    static EPOCH: Cell<Option<(Instant, SystemTime)>> = const { Cell::new(None) };
}

/// The time of day on this thread, by tokio's clock.
pub fn now() -> SystemTime {
    let now = Instant::now();
    match EPOCH.get() {
        Some((then, time)) => time + now.saturating_duration_since(then),
        None => SystemTime::now() + now.into_std().saturating_duration_since(std::time::Instant::now()),
    }
}

/// It is this time now, on this thread: a simulation that is replayed must not depend on when that is.
pub fn set_time(time: SystemTime) {
    EPOCH.set(Some((Instant::now(), time)));
}

/// As Docker writes it.
pub(super) fn text() -> String {
    jiff::Timestamp::try_from(now()).map(|time| time.to_string()).unwrap_or_default()
}
