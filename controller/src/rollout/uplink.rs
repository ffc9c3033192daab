//! The bastion's own way out: how fast images may leave it, all hosts together.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Shared by everything that is sent.
#[derive(Debug)]
pub(super) struct Uplink {
    /// Bytes in a second; without one as fast as it goes.
    limit: Option<NonZeroU64>,
    /// When the next part may leave.
    free: Mutex<Instant>,
}

impl Uplink {
    pub(super) fn new(limit: Option<NonZeroU64>) -> Self {
        Self { limit, free: Mutex::new(Instant::now()) }
    }

    /// Until so many bytes may leave. Whoever comes first goes first, so that several share it evenly.
    pub(super) async fn pass(&self, bytes: usize) {
        let Some(limit) = self.limit else { return };
        let nanoseconds = bytes as u128 * 1_000_000_000 / u128::from(limit.get());
        let takes = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        let turn = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*free).max(Instant::now());
            *free = turn + takes;
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_senders_together_keep_to_the_limit() {
        let uplink = Uplink::new(NonZeroU64::new(1_000_000));
        let begun = Instant::now();
        let send = async |parts: u32| {
            for _ in 0..parts {
                uplink.pass(100_000).await;
            }
            begun.elapsed().as_millis()
        };
        // Forty parts of a tenth of a second each; the last one leaves at its beginning.
        let (one, other) = tokio::join!(send(20), send(20));
        assert_eq!(one.max(other), 3900);
        assert!(one.min(other) >= 3700, "they share it evenly: {one} {other}");
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nothing_was_sent_is_not_made_up_for() {
        let uplink = Uplink::new(NonZeroU64::new(1_000_000));
        tokio::time::sleep(Duration::from_mins(1)).await;
        let begun = Instant::now();
        for _ in 0..11 {
            uplink.pass(100_000).await;
        }
        assert_eq!(begun.elapsed().as_millis(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nothing_waits() {
        let begun = Instant::now();
        Uplink::new(None).pass(usize::MAX).await;
        assert!(begun.elapsed().is_zero());
    }
}
