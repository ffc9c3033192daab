//! The time of day of this machine.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::ports::Clock;

/// The machine's clock; 0 before 1970.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn utc_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
