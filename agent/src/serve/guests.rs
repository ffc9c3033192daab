//! Work of a daemon that may outlive the step that began it, but not the daemon.

use std::sync::{Mutex, PoisonError};

use tokio::task::JoinSet;

/// Ends with its owner.
#[derive(Debug, Default)]
pub(crate) struct Guests(Mutex<JoinSet<()>>);

impl Guests {
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }
}
