//! How long the waiting actions wait: they warn once after a quarter of an hour, and can be called off from then on.

use std::time::Duration;

use tokio::time::Instant;

use crate::action::{Context, Stop};

/// When a wait becomes worth a word.
pub(crate) const LONG: Duration = Duration::from_mins(15);

/// One wait.
#[derive(Debug)]
pub(crate) struct Patience {
    begun: Instant,
    what: &'static str,
    warned: bool,
}

impl Patience {
    /// `what` is waited for, in words: "the services to run".
    pub(crate) fn new(what: &'static str) -> Self {
        Self { begun: Instant::now(), what, warned: false }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Sleeps; warns when it has become long.
    pub(crate) async fn pause(&mut self, context: &Context<'_>, pause: Duration) -> Result<(), Stop> {
        if self.elapsed() >= LONG {
            if !self.warned {
                self.warned = true;
                context.warn(format!("Still waiting for {} after 15 minutes.", self.what))?;
            }
            if let Some(called) = context.desk.cancelled() {
                return Err(Stop::Called(called));
            }
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}
