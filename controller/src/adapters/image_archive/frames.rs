//! What of a layer travels: zstd frames, each of which is one piece and can be decompressed alone. Bytes that zstd cannot
//! make smaller stay as they are inside of theirs.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::thread::{self, JoinHandle};

use omsctl_proto::Piece;

/// Uncompressed bytes of a frame. Frames of 4 MiB made programs one percent smaller, and whoever serves two hundred
/// hosts at once would hold most of a GiB.
pub(super) const CHUNK: usize = 1024 * 1024;

/// zstd's own default. Of 27 MB of programs it left 10.2 MB at 247 MB/s on one core, level 19 8.7 MB at 3.5 MB/s.
const LEVEL: i32 = 3;

/// Frames that are made at the same time; each holds its bytes and what comes of them.
const MOST_THREADS: usize = 4;

/// Names the way in which frames are made: another one may make others of the same bytes.
pub(super) fn recipe() -> String {
    format!("zstd {} level {LEVEL} frames of {CHUNK}", zstd::zstd_safe::version_string())
}

/// No more than [`CHUNK`] bytes.
pub(super) fn frame(bytes: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(bytes, LEVEL)
}

/// Makes frames of what is written to it, and hands them on in order.
pub(super) struct Frames<W> {
    chunk: Vec<u8>,
    under_way: VecDeque<JoinHandle<io::Result<Vec<u8>>>>,
    threads: usize,
    out: W,
    pub(super) size: u64,
    pieces: Vec<Piece>,
}

impl<W: Write> Frames<W> {
    pub(super) fn new(out: W) -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_THREADS);
        Self { chunk: Vec::new(), under_way: VecDeque::new(), threads, out, size: 0, pieces: Vec::new() }
    }

    /// Everything that was written, as pieces.
    pub(super) fn finish(mut self) -> io::Result<(W, Vec<Piece>)> {
        while !self.under_way.is_empty() {
            self.take_first()?;
        }
        if !self.chunk.is_empty() {
            let last = frame(&self.chunk)?;
            self.take(&last)?;
        }
        Ok((self.out, self.pieces))
    }

    fn begin_frame(&mut self) -> io::Result<()> {
        if self.under_way.len() >= self.threads {
            self.take_first()?;
        }
        let chunk = std::mem::take(&mut self.chunk);
        self.under_way
            .push_back(thread::Builder::new().name("zstd".to_owned()).spawn(move || frame(&chunk))?);
        Ok(())
    }

    fn take_first(&mut self) -> io::Result<()> {
        let Some(first) = self.under_way.pop_front() else { return Ok(()) };
        let frame = first.join().map_err(|_| io::Error::other("zstd panicked"))??;
        self.take(&frame)
    }

    fn take(&mut self, frame: &[u8]) -> io::Result<()> {
        self.pieces.push(Piece::of(frame));
        self.out.write_all(frame)
    }
}

impl<W: Write> Write for Frames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..count]);
        self.size += count as u64;
        if self.chunk.len() == CHUNK {
            self.begin_frame()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_pieces_and_together_what_was_written() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut bytes: Vec<u8> = (0..CHUNK * 2).map(|_| random.u8(..)).collect();
        bytes.resize(CHUNK * 5 + 1234, 9);
        let mut frames = Frames::new(Vec::new());
        for part in bytes.chunks(1_000_003) {
            frames.write_all(part).unwrap();
        }
        assert_eq!(frames.size, bytes.len() as u64);
        let (made, pieces) = frames.finish().unwrap();
        assert!(zstd::decode_all(made.as_slice()).unwrap() == bytes);
        assert_eq!(pieces.len(), 6);
        let mut rest = made.as_slice();
        for (number, piece) in pieces.iter().enumerate() {
            let (now, later) = rest.split_at(piece.size as usize);
            assert_eq!(*piece, Piece::of(now));
            assert!(piece.size <= omsctl_proto::MAX_PIECE);
            assert_eq!(zstd::decode_all(now).unwrap().len(), if number < 5 { CHUNK } else { 1234 });
            assert_eq!(now.len() > CHUNK, number < 2, "what is random does not shrink");
            rest = later;
        }
        assert_eq!(rest, b"");
    }

    #[test]
    fn nothing_is_no_frame() {
        assert_eq!(Frames::new(Vec::new()).finish().unwrap(), (Vec::new(), Vec::new()));
    }
}
