//! What is in a file of the archive on its way into frames, and onto the disk where there is room for it.

use std::io::{self, ErrorKind, Read, Write};

use omsctl_proto::Digest;
use tempfile::{NamedTempFile, TempPath};

use super::frames::Frames;
use super::hashing::drain;
use super::layers::{Layers, Packed, needs_room};

/// What is in a file, decompressed.
#[derive(Debug)]
pub(super) struct Content {
    /// Were it a layer, its diff ID.
    pub(super) digest: Digest,
    pub(super) packed: Packed,
    /// Its frames; `None` when they are kept already or cannot be.
    pub(super) file: Option<TempPath>,
}

/// Under way.
pub(super) enum Packing {
    /// Kept as it is, if it is what its name says.
    Known(Digest, Packed),
    Frames(Box<Frames<Place>>),
}

impl Packing {
    /// `expected` is what the name of the file says of its content.
    pub(super) fn begin(layers: Option<&Layers>, expected: Option<&Digest>) -> Self {
        if let Some(digest) = expected
            && let Some(packed) = layers.and_then(|layers| layers.find(digest))
        {
            return Self::Known(digest.clone(), packed);
        }
        let file = layers.and_then(|layers| layers.begin().inspect_err(not_kept).ok());
        Self::Frames(Box::new(Frames::new(Place { file })))
    }

    /// All that the reader has.
    pub(super) fn take(&mut self, reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<()> {
        let Self::Frames(frames) = self else { return drain(reader, buffer).map(|_| ()) };
        loop {
            match reader.read(buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => frames.write_all(&buffer[..count])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What it was turned out to have this digest.
    pub(super) fn finish(self, digest: Digest) -> io::Result<Content> {
        match self {
            Self::Known(expected, packed) if expected == digest => Ok(Content { digest, packed, file: None }),
            // No layer of an image: the digest is not the one in its name, which is an error where it is used.
            Self::Known(_, packed) => {
                Ok(Content { digest, packed: Packed { pieces: Vec::new(), ..packed }, file: None })
            }
            Self::Frames(frames) => {
                let size = frames.size;
                let (place, pieces) = frames.finish()?;
                let file = place.file.map(NamedTempFile::into_temp_path);
                Ok(Content { digest, packed: Packed { size, pieces }, file })
            }
        }
    }
}

/// Where frames go; nowhere when the disk is nearly full.
pub(super) struct Place {
    file: Option<NamedTempFile>,
}

impl Write for Place {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(bytes).and_then(|()| needs_room(file.as_file()))
        {
            not_kept(&error);
            self.file = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// It costs time, and nothing else.
pub(super) fn not_kept(error: &io::Error) {
    tracing::debug!(%error, "layers of the image archive are not kept");
}
