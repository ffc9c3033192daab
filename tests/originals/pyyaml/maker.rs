//! Makes choices for a generator: mostly what is valid, now and then a slip, and of slips few in one file, since a reader
//! sees only the first.

use fastrand::Rng;

use crate::tally::Tally;

pub(crate) struct Maker<'run> {
    pub(crate) rng: Rng,
    /// How many slips may still be made.
    slips: u32,
    pub(crate) tally: &'run mut Tally,
}

impl<'run> Maker<'run> {
    /// Three files of five are without a slip, one has at most one, one is wild.
    pub(crate) fn new(seed: u64, tally: &'run mut Tally) -> Self {
        let mut rng = Rng::with_seed(seed);
        let slips = [0, 0, 0, 1, 1000][rng.usize(..5)];
        Self { rng, slips, tally }
    }

    pub(crate) fn is_wild(&self) -> bool {
        self.slips > 1
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.rng.usize(..end)
    }

    /// True once in `odds` times.
    pub(crate) fn once_in(&mut self, odds: usize) -> bool {
        self.below(odds) == 0
    }

    /// Whether something invalid shall be done here.
    pub(crate) fn slip(&mut self, odds: usize) -> bool {
        let slip = self.slips > 0 && self.once_in(odds);
        self.slips -= u32::from(slip);
        slip
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.rng.usize(..from.len())]
    }

    /// One of the valid, or as a slip one of the invalid.
    pub(crate) fn choose<'a>(&mut self, valid: &[&'a str], invalid: &[&'a str]) -> &'a str {
        if self.slip(8) { self.pick(invalid) } else { self.pick(valid) }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        self.tally.count(what);
    }
}
