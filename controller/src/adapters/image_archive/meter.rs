//! What stands between a file and whoever reads it: counts, limits, progress, an end on demand.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes of the file between two calls of the progress callback.
const PROGRESS_STEP: u64 = 1024 * 1024;

/// The file as it is: tells how far it was read.
pub(super) struct Source<'a, R> {
    pub(super) inner: R,
    pub(super) read: Rc<Cell<u64>>,
    pub(super) told: u64,
    pub(super) total: u64,
    pub(super) progress: &'a dyn Fn(u64, u64),
    pub(super) cancelled: Arc<AtomicBool>,
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody waits for it any more"));
        }
        let count = self.inner.read(buffer)?;
        let read = self.read.get() + count as u64;
        self.read.set(read);
        if count == 0 || read >= self.told + PROGRESS_STEP {
            self.told = read;
            (self.progress)(read, self.total);
        }
        Ok(count)
    }
}

/// What was above its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    Headers,
    Decompressed,
}

/// Shared between the one who reads and the one who looks after it.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// Bytes that came out.
    pub(super) out: Cell<u64>,
    /// Zero bytes at the end of what came out.
    pub(super) zeros: Cell<u64>,
    /// Nothing more comes.
    pub(super) ended: Cell<bool>,
    pub(super) excess: Cell<Option<Excess>>,
    /// While set, how many more bytes may come out: tar's own headers are held in memory by the tar reader.
    pub(super) headers_left: Cell<Option<u64>>,
    /// The last error of the decompressor or the file, which the tar reader may have wrapped.
    pub(super) failure: Cell<Option<io::ErrorKind>>,
}

/// The tar as it comes out of the decompressor.
pub(super) struct Metered<R> {
    pub(super) inner: R,
    pub(super) gauge: Rc<Gauge>,
    /// Bytes that may have come out by now.
    pub(super) allowed: Box<dyn Fn() -> u64>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let gauge = &self.gauge;
        let count = self.inner.read(buffer).inspect_err(|error| {
            gauge.failure.set(Some(error.kind()));
        })?;
        if count == 0 {
            gauge.ended.set(gauge.ended.get() || !buffer.is_empty());
            return Ok(0);
        }
        gauge.out.set(gauge.out.get() + count as u64);
        let zeros = buffer[..count].iter().rev().take_while(|byte| **byte == 0).count();
        gauge.zeros.set(if zeros == count { gauge.zeros.get() } else { 0 } + zeros as u64);

        if gauge.out.get() > (self.allowed)() {
            return self.refuse(Excess::Decompressed);
        }
        if let Some(left) = gauge.headers_left.get() {
            match left.checked_sub(count as u64) {
                Some(left) => gauge.headers_left.set(Some(left)),
                None => return self.refuse(Excess::Headers),
            }
        }
        Ok(count)
    }
}

impl<R> Metered<R> {
    fn refuse(&self, excess: Excess) -> io::Result<usize> {
        self.gauge.excess.set(Some(excess));
        Err(io::Error::other("above its limit"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_is_bounded_by_what_went_in() {
        let gauge = Rc::new(Gauge::default());
        let allowed: Box<dyn Fn() -> u64> = Box::new(|| 5000);
        let mut metered = Metered { inner: io::repeat(0), gauge: Rc::clone(&gauge), allowed };
        assert!(io::copy(&mut metered, &mut io::sink()).is_err());
        assert_eq!(gauge.excess.get(), Some(Excess::Decompressed));
        assert!(gauge.out.get() < 50_000, "{}", gauge.out.get());
    }

    #[test]
    fn headers_are_bounded_while_they_are_read() {
        let gauge = Rc::new(Gauge::default());
        let mut metered =
            Metered { inner: io::repeat(7), gauge: Rc::clone(&gauge), allowed: Box::new(|| u64::MAX) };
        metered.read_exact(&mut [0; 4000]).unwrap();
        gauge.headers_left.set(Some(1000));
        metered.read_exact(&mut [0; 1000]).unwrap();
        assert!(metered.read_exact(&mut [0; 1]).is_err());
        assert_eq!(gauge.excess.get(), Some(Excess::Headers));
    }

    #[test]
    fn zeros_at_the_end_are_counted_over_several_reads() {
        let gauge = Rc::new(Gauge::default());
        let inner: &[u8] = &[0, 1, 0, 0, 0, 0];
        let mut metered = Metered { inner, gauge: Rc::clone(&gauge), allowed: Box::new(|| u64::MAX) };
        for expected in [1, 0, 1, 2, 3, 4] {
            metered.read_exact(&mut [0; 1]).unwrap();
            assert_eq!(gauge.zeros.get(), expected);
        }
    }
}
