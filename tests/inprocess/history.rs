//! The bastion's history in memory, and what must be true of it after every run.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_controller::ports::{RunRecord, StateStore, StoreError};
use omsctl_proto::{Event, EventKind, Importance, RunId, RunResult};
use tokio::sync::watch;

use crate::fleet::Fleet;

/// Keeps everything; wakes whoever waits for an event.
#[derive(Default)]
pub(crate) struct MemoryStore {
    runs: Mutex<Vec<RunRecord>>,
    events: Mutex<Vec<Event>>,
    kept: watch::Sender<usize>,
}

impl MemoryStore {
    /// Until the controller has heard of such an event.
    pub(crate) async fn heard(&self, fits: impl Fn(&Event) -> bool) {
        let mut kept = self.kept.subscribe();
        while !self.events.lock().unwrap().iter().any(&fits) {
            kept.changed().await.unwrap();
        }
    }

    /// The newest run.
    pub(crate) fn last(&self) -> RunRecord {
        self.runs.lock().unwrap().last().unwrap().clone()
    }

    pub(crate) fn of_run(&self, run: &RunId) -> Vec<Event> {
        self.events.lock().unwrap().iter().filter(|event| event.run == *run).cloned().collect()
    }
}

impl StateStore for MemoryStore {
    fn begin<'a>(&'a self, run: &'a RunRecord) -> BoxFuture<'a, Result<(), StoreError>> {
        self.runs.lock().unwrap().push(run.clone());
        async { Ok(()) }.boxed()
    }

    fn append<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut kept = self.events.lock().unwrap();
        kept.extend_from_slice(events);
        self.kept.send_replace(kept.len());
        async { Ok(()) }.boxed()
    }

    fn finish<'a>(
        &'a self,
        run: &'a RunId,
        finished: &'a str,
        result: RunResult,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut runs = self.runs.lock().unwrap();
        let record = runs.iter_mut().find(|record| record.run == *run).unwrap();
        (record.finished, record.result) = (Some(finished.to_owned()), Some(result));
        async { Ok(()) }.boxed()
    }

    fn runs(&self, limit: u32) -> BoxFuture<'_, Result<Vec<RunRecord>, StoreError>> {
        let runs = self.runs.lock().unwrap();
        let newest = runs.iter().rev().take(usize::try_from(limit).unwrap()).cloned().collect();
        async { Ok(newest) }.boxed()
    }

    fn events<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Event>, StoreError>> {
        async { Ok(self.of_run(run)) }.boxed()
    }
}

/// Of every writer: numbers from 1 without a gap and without a repetition, at most one terminal event, which is the
/// last; of every host that was heard to its end: what its own file says.
pub(crate) fn assert_whole(events: &[Event], run: &RunId, fleet: &Fleet) {
    let mut writers: BTreeMap<String, Vec<&Event>> = BTreeMap::new();
    for event in events {
        let writer = event.node.as_ref().map(ToString::to_string).unwrap_or_default();
        writers.entry(writer).or_default().push(event);
    }
    for (writer, told) in writers {
        let numbers: Vec<u64> = told.iter().map(|event| event.seq).collect();
        let expected: Vec<u64> = (1..=u64::try_from(told.len()).unwrap()).collect();
        assert_eq!(numbers, expected, "numbers of {writer:?}");
        let early = told.iter().rev().skip(1).find(|event| is_terminal(event));
        assert_eq!(early, None, "{writer:?}: something follows the terminal event");
        let last = told.last().unwrap();
        if writer.is_empty() {
            assert!(matches!(last.kind, EventKind::RolloutFinished { .. }), "{last:?}");
        } else if is_terminal(last) {
            let kept = fleet.host(&writer).journal(run);
            assert_eq!(told, kept.iter().collect::<Vec<_>>(), "history and file of {writer}");
        }
    }
}

fn is_terminal(event: &Event) -> bool {
    event.kind.importance() == Importance::Terminal
}
