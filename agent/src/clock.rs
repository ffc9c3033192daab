//! This host's clock, as events and greetings show it. In a test with a paused clock it moves with that one.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(crate) fn utc_ms() -> u64 {
    let elapsed = time().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// RFC 3339, UTC, milliseconds.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::try_from(time()).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
}

#[cfg(not(any(test, feature = "fakes")))]
fn time() -> SystemTime {
    SystemTime::now()
}

#[cfg(any(test, feature = "fakes"))]
fn time() -> SystemTime {
    crate::fakes::now()
}
