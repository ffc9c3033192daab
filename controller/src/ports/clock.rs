//! The time of day, so that a simulation can bring its own.

/// Milliseconds since 1970, UTC.
pub trait Clock: Send + Sync {
    fn utc_ms(&self) -> u64;
}
