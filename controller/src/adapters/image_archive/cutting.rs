//! Cuts whatever passes into sections, one for each member of the archive, and those into pieces with their digests.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use omsctl_proto::{Digest, MAX_PIECE, Piece};
use sha2::{Digest as _, Sha256};

/// A reader that hashes what is read through it.
pub(super) struct Cutting<R> {
    inner: R,
    /// Where the section ends, counted from the beginning of everything; set once that is known.
    end: Rc<Cell<Option<u64>>>,
    position: u64,
    hash: Sha256,
    /// Bytes in the piece that has begun.
    size: u32,
    section: Vec<Piece>,
    sections: Vec<Vec<Piece>>,
}

impl<R> Cutting<R> {
    /// Whoever reads sets `end` before anything behind it is read.
    pub(super) fn new(inner: R, end: Rc<Cell<Option<u64>>>) -> Self {
        let hash = Sha256::new();
        Self { inner, end, position: 0, hash, size: 0, section: Vec::new(), sections: Vec::new() }
    }

    /// All sections; what is behind the last end is one too.
    pub(super) fn finish(mut self) -> Vec<Vec<Piece>> {
        self.end_section();
        self.sections
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let mut room = u64::from(MAX_PIECE - self.size);
            if let Some(end) = self.end.get() {
                if self.position >= end {
                    self.end_section();
                    continue;
                }
                room = room.min(end - self.position);
            }
            // A piece is no larger than MAX_PIECE.
            let count = bytes.len().min(usize::try_from(room).unwrap_or(MAX_PIECE as usize));
            let (now, later) = bytes.split_at(count);
            self.hash.update(now);
            self.position += count as u64;
            self.size += u32::try_from(count).unwrap_or(MAX_PIECE);
            if self.size == MAX_PIECE {
                self.end_piece();
            }
            bytes = later;
        }
    }

    fn end_section(&mut self) {
        self.end_piece();
        self.end.set(None);
        self.sections.push(std::mem::take(&mut self.section));
    }

    fn end_piece(&mut self) {
        if self.size > 0 {
            let digest = Digest::from_hash(&self.hash.finalize_reset().into());
            self.section.push(Piece { size: self.size, digest });
            self.size = 0;
        }
    }
}

impl<R: Read> Read for Cutting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.take(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    #[test]
    fn sections_end_where_they_should_however_it_is_read() {
        let bytes: Vec<u8> = (0..MAX_PIECE + 3000).map(|i| i.to_le_bytes()[1]).collect();
        let whole = MAX_PIECE as usize + 1500;
        for step in [512, 1000, 1 << 20] {
            let end = Rc::new(Cell::new(None));
            let mut cutting = Cutting::new(bytes.as_slice(), Rc::clone(&end));
            let mut read = |from: usize, to: usize| {
                for at in (from..to).step_by(step) {
                    cutting.read_exact(&mut vec![0; step.min(to - at)]).unwrap();
                }
            };
            read(0, 500);
            end.set(Some(1000));
            read(500, 1000);
            // A section whose end is known when it has been read.
            read(1000, 1500);
            end.set(Some(1500));
            read(1500, 2000);
            end.set(Some(whole as u64));
            read(2000, bytes.len());
            let expected = [0..1000, 1000..1500, 1500..whole, whole..bytes.len()];
            let pieces = |range: Range<usize>| {
                bytes[range].chunks(MAX_PIECE as usize).map(Piece::of).collect::<Vec<_>>()
            };
            assert_eq!(cutting.finish(), expected.map(pieces), "{step}");
        }
    }
}
