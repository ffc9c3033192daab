//! SHA-256 of whatever passes.

use std::io::{self, Read};

use omsctl_proto::Digest;
use sha2::{Digest as _, Sha256};

/// A reader that hashes and counts what is read through it.
pub(super) struct Hashing<R> {
    inner: R,
    hash: Sha256,
    pub(super) bytes: u64,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// Of what was read so far.
    pub(super) fn digest(self) -> Digest {
        Digest::from_hash(&self.hash.finalize().into())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

/// Reads to the end; the bytes are gone.
pub(super) fn drain(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<u64> {
    let mut total = 0;
    loop {
        match reader.read(buffer) {
            Ok(0) => return Ok(total),
            Ok(count) => total += count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
