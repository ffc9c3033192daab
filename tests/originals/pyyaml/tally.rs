//! What the generated cases were like: a generator that makes only easy ones proves nothing.

use std::collections::BTreeMap;

/// How often each thing occurred.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// Every one of these occurred.
    pub(crate) fn has_all(&self, names: &[&str]) {
        for name in names {
            assert!(self.of(name) > 0, "no generated case had: {name}");
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(what, count)| writeln!(formatter, "{count:>7}  {what}"))
    }
}
