//! The bastion's history in memory, and what must be true of it after every run.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_controller::ports::{RunRecord, StateStore, StoreError};
use omsctl_proto::{Event, EventKind, Importance, NodeName, RunId, RunResult};
use tokio::sync::watch;

use crate::fleet::Fleet;

/// Keeps everything; wakes whoever waits for an event.
#[derive(Default)]
pub(crate) struct MemoryStore {
    runs: Mutex<Vec<RunRecord>>,
    events: Mutex<Vec<Event>>,
    /// Run, writer and number of each.
    places: Mutex<HashSet<(RunId, Option<NodeName>, u64)>>,
    kept: watch::Sender<usize>,
    /// Events that were told again although they were kept already.
    repeated: Mutex<Vec<Event>>,
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

    /// What is remembered of this run.
    pub(crate) fn record(&self, run: &RunId) -> Option<RunRecord> {
        self.runs.lock().unwrap().iter().find(|record| record.run == *run).cloned()
    }

    /// The runs in the order in which they were begun here.
    pub(crate) fn all_runs(&self) -> Vec<RunId> {
        self.runs.lock().unwrap().iter().map(|record| record.run.clone()).collect()
    }

    pub(crate) fn repeated(&self) -> Vec<Event> {
        self.repeated.lock().unwrap().clone()
    }

    pub(crate) fn of_run(&self, run: &RunId) -> Vec<Event> {
        self.events.lock().unwrap().iter().filter(|event| event.run == *run).cloned().collect()
    }
}

impl StateStore for MemoryStore {
    fn begin<'a>(&'a self, run: &'a RunRecord) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut runs = self.runs.lock().unwrap();
        if runs.iter().all(|known| known.run != run.run) {
            runs.push(run.clone());
        }
        async { Ok(()) }.boxed()
    }

    fn append<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut kept = self.events.lock().unwrap();
        let mut places = self.places.lock().unwrap();
        for event in events {
            if places.insert((event.run.clone(), event.node.clone(), event.seq)) {
                kept.push(event.clone());
            } else {
                self.repeated.lock().unwrap().push(event.clone());
            }
        }
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

/// What was called proved is there. Of every writer: numbers from 1 without a gap and without a repetition, and nothing after a terminal event but, of
/// the controllers', another controller that carries the run on; of every host that was heard to its end: what its own
/// file says.
pub(crate) fn assert_whole(events: &[Event], run: &RunId, fleet: &Fleet) {
    let mut writers: BTreeMap<String, Vec<&Event>> = BTreeMap::new();
    for event in events {
        if let EventKind::HostRegistered { host, .. } = &event.kind {
            assert!(fleet.metadb.shows(&fleet.host(host.as_str()).address), "{host} is not in the MetaDB");
        }
        let writer = event.node.as_ref().map(ToString::to_string).unwrap_or_default();
        writers.entry(writer).or_default().push(event);
    }
    for (writer, told) in writers {
        let numbers: Vec<u64> = told.iter().map(|event| event.seq).collect();
        let expected: Vec<u64> = (1..=u64::try_from(told.len()).unwrap()).collect();
        assert_eq!(numbers, expected, "numbers of {writer:?}");
        let begins = |event: &Event| matches!(event.kind, EventKind::RolloutStarted { .. });
        let early = told.windows(2).find(|pair| is_terminal(pair[0]) && !begins(pair[1]));
        assert_eq!(early, None, "{writer:?}: something follows the terminal event");
        let last = told.last().unwrap();
        if !writer.is_empty() && is_terminal(last) {
            let kept = fleet.host(&writer).journal(run);
            assert_eq!(told, kept.iter().collect::<Vec<_>>(), "history and file of {writer}");
        }
    }
}

fn is_terminal(event: &Event) -> bool {
    event.kind.importance() == Importance::Terminal
}
