//! Sees what must never happen, over all hosts that share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by the machines of one cluster; clones are the same judge.
#[derive(Debug, Clone, Default)]
pub struct Judge(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    in_schema: Vec<String>,
    most_in_schema: usize,
    initialised: Vec<String>,
    interrupted: Vec<String>,
    offences: Vec<String>,
}

impl Judge {
    /// What broke the vendor's rules, in words; empty when all went well.
    pub fn offences(&self) -> Vec<String> {
        self.seen().offences.clone()
    }

    /// Containers that were initialised, in their order.
    pub fn initialised(&self) -> Vec<String> {
        self.seen().initialised.clone()
    }

    /// Containers whose initialisation was broken off.
    pub fn interrupted(&self) -> Vec<String> {
        self.seen().interrupted.clone()
    }

    /// How many hosts were in the schema step at once, at most.
    pub fn most_in_schema(&self) -> usize {
        self.seen().most_in_schema
    }

    pub(super) fn enter_schema(&self, who: &str) {
        let mut seen = self.seen();
        seen.in_schema.push(who.to_owned());
        seen.most_in_schema = seen.most_in_schema.max(seen.in_schema.len());
        if seen.in_schema.len() > 1 {
            let offence = format!("schema step on several hosts at once: {}", seen.in_schema.join(", "));
            seen.offences.push(offence);
        }
    }

    pub(super) fn leave_schema(&self, who: &str) {
        self.seen().in_schema.retain(|other| other != who);
    }

    pub(super) fn offence(&self, what: String) {
        self.seen().offences.push(what);
    }

    pub(super) fn success(&self, who: &str) {
        self.seen().initialised.push(who.to_owned());
    }

    pub(super) fn interruption(&self, who: &str) {
        self.seen().interrupted.push(who.to_owned());
        self.leave_schema(who);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
