//! What the bastion remembers: runs and their events. For people; decisions are made on what is observed.

use futures::future::BoxFuture;
use omsctl_proto::{Event, RunId, RunResult};

/// One run, as `history` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    pub run: RunId,
    pub command: String,
    /// `user@bastion`.
    pub operator: String,
    /// RFC 3339, UTC.
    pub started: String,
    pub finished: Option<String>,
    /// `None` while it runs, or when its controller died.
    pub result: Option<RunResult>,
}

/// Why the state store could not keep or give something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the state store {place} cannot be opened")]
    Open {
        place: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the state store {place} cannot be read")]
    Read {
        place: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the state store {place} cannot be written")]
    Write {
        place: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Two tables, runs and events; everything shown later is a fold over the events.
pub trait StateStore: Send + Sync {
    fn begin<'a>(&'a self, run: &'a RunRecord) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Keeps the events; one that is there already (same run, node and seq) is left as it is.
    fn append<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<(), StoreError>>;

    fn finish<'a>(
        &'a self,
        run: &'a RunId,
        finished: &'a str,
        result: RunResult,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Newest first, at most `limit`.
    fn runs(&self, limit: u32) -> BoxFuture<'_, Result<Vec<RunRecord>, StoreError>>;

    /// In the order in which they were kept.
    fn events<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Event>, StoreError>>;
}
