//! The time of day in a test: a paused clock that was moved on takes it along, so that what comes later is also newer.

use std::time::{Instant, SystemTime};

pub(super) fn now() -> SystemTime {
    let paused = tokio::time::Instant::now().into_std();
    SystemTime::now() + paused.saturating_duration_since(Instant::now())
}

/// As Docker writes it.
pub(super) fn text() -> String {
    jiff::Timestamp::try_from(now()).map(|time| time.to_string()).unwrap_or_default()
}
