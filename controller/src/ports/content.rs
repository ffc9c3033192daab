//! Image archives on the bastion: what they hold, what of it a host needs, and the bytes.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use omsctl_proto::{Digest, ErrorReport, Piece, content_digest, content_size};
use tokio::io::AsyncRead;

/// Something that can be read as often as hosts ask for it.
pub trait ContentSource: Send + Sync {
    /// These bytes of the archive as it travels, in rising order.
    fn open(
        &self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, std::io::Result<Box<dyn AsyncRead + Send + Unpin>>>;
}

/// A member of the archive with its headers, or the archive's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// zstd frames.
    pub pieces: Vec<Piece>,
    /// Bytes that come out of them.
    pub unpacked: u64,
    /// The layers whose file it is, by their place in [`ArchiveIdentity::layers`]; none for everything else.
    pub layers: Vec<usize>,
}

/// What one image archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveIdentity {
    /// Names in the archive; empty when it was saved by ID.
    pub references: Vec<String>,
    /// SHA-256 of the image configuration.
    pub config: Digest,
    /// Diff IDs, lowest first.
    pub layers: Vec<Digest>,
    /// As in the image configuration (`amd64`, `arm64`).
    pub architecture: String,
    /// All of the archive as it travels, in order.
    pub sections: Arc<[Section]>,
}

/// What of an archive travels to a host: an archive too, without the files of layers that the host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    pub pieces: Vec<Piece>,
    /// The same bytes, as places in the archive.
    pub ranges: Vec<Range<u64>>,
    /// Bytes of the tar that comes out of them.
    pub unpacked: u64,
}

impl ArchiveIdentity {
    /// What the image weighs: bytes of the whole archive, uncompressed.
    pub fn unpacked(&self) -> u64 {
        self.sections.iter().map(|section| section.unpacked).sum()
    }

    /// Everything that any host may need.
    pub fn parcels(&self) -> impl Iterator<Item = Parcel> {
        (0..=self.layers.len()).map(|present| self.parcel(present))
    }

    /// For a host whose Docker has so many of the lowest layers. It opens the file of no layer that it has.
    pub fn parcel(&self, present: usize) -> Parcel {
        let mut parcel = Parcel { pieces: Vec::new(), ranges: Vec::new(), unpacked: 0 };
        let mut position = 0;
        for Section { pieces, unpacked, layers } in self.sections.iter() {
            let end = position + content_size(pieces);
            if layers.is_empty() || layers.iter().any(|layer| *layer >= present) {
                parcel.pieces.extend(pieces.iter().cloned());
                parcel.unpacked += unpacked;
                match parcel.ranges.last_mut() {
                    Some(last) if last.end == position => last.end = end,
                    Some(_) | None => parcel.ranges.push(position..end),
                }
            }
            position = end;
        }
        parcel
    }
}

impl Parcel {
    /// Its name.
    pub fn content(&self) -> Digest {
        content_digest(&self.pieces)
    }

    /// Bytes that travel.
    pub fn size(&self) -> u64 {
        content_size(&self.pieces)
    }

    /// A piece begins there, or its end is there.
    pub fn has_boundary(&self, offset: u64) -> bool {
        let mut position = 0;
        let mut ends = self.pieces.iter().map(|piece| {
            position += u64::from(piece.size);
            position
        });
        offset == 0 || ends.any(|end| end == offset)
    }

    /// Where its bytes are in the archive, without the first `offset` of them.
    pub fn ranges_after(&self, offset: u64) -> Vec<Range<u64>> {
        let mut skip = offset;
        let mut left = Vec::new();
        for range in &self.ranges {
            let size = range.end - range.start;
            if skip < size {
                left.push(range.start + skip..range.end);
            }
            skip = skip.saturating_sub(size);
        }
        left
    }
}

/// A parcel and where its bytes come from.
#[derive(Clone)]
pub struct Content {
    pub parcel: Parcel,
    pub source: Arc<dyn ContentSource>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Content").field("parcel", &self.parcel).finish_non_exhaustive()
    }
}

/// An archive that was read and found whole.
pub struct Archive {
    pub identity: ArchiveIdentity,
    pub source: Arc<dyn ContentSource>,
}

impl Archive {
    /// Everything that any host may ask for, by its name.
    pub fn contents(&self) -> impl Iterator<Item = (Digest, Content)> {
        self.identity
            .parcels()
            .map(|parcel| (parcel.content(), Content { parcel, source: Arc::clone(&self.source) }))
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Archive").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Bytes read so far, and how many there are.
pub type ReadProgress = Box<dyn Fn(u64, u64) + Send + Sync>;

/// Reads archives, and remembers what it read.
pub trait ImageArchives: Send + Sync {
    /// The error says what is wrong with the file and what to do.
    fn read<'a>(
        &'a self,
        path: &'a Path,
        progress: ReadProgress,
    ) -> BoxFuture<'a, Result<Archive, ErrorReport>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A layer that is there twice, another one, and what is around them.
    fn archive() -> ArchiveIdentity {
        let section = |text: &str, layers: &[usize]| Section {
            pieces: vec![Piece::of(text.as_bytes())],
            unpacked: 10 * text.len() as u64,
            layers: layers.to_vec(),
        };
        ArchiveIdentity {
            references: Vec::new(),
            config: Digest::of(b"configuration"),
            layers: ["one", "two", "one"].map(|layer| Digest::of(layer.as_bytes())).into(),
            architecture: "amd64".to_owned(),
            sections: [("head", &[][..]), ("one", &[0, 2]), ("two", &[1]), ("end", &[])]
                .map(|(text, layers)| section(text, layers))
                .into(),
        }
    }

    #[test]
    fn only_files_of_layers_that_the_host_has_are_left_out() {
        let archive = archive();
        assert_eq!((archive.unpacked(), archive.parcel(0).size()), (130, 13));
        let ranges = |present| archive.parcel(present).ranges;
        // Its upper place needs the file of the first layer as long as that one is missing.
        assert_eq!(ranges(0), [0..13]);
        assert_eq!(ranges(1), [0..13]);
        assert_eq!(ranges(2), [0..7, 10..13]);
        assert_eq!(ranges(3), [0..4, 10..13]);
        let parcel = archive.parcel(2);
        assert_eq!((parcel.size(), parcel.unpacked, parcel.pieces.len()), (10, 100, 3));
        assert_eq!(archive.parcel(1).content(), archive.parcel(0).content());
        assert_ne!(parcel.content(), archive.parcel(0).content());
        assert_eq!((0..12).filter(|at| parcel.has_boundary(*at)).collect::<Vec<_>>(), [0, 4, 7, 10]);
    }

    #[test]
    fn what_is_left_of_a_parcel() {
        let parcel = archive().parcel(2);
        assert_eq!(parcel.ranges_after(0), parcel.ranges);
        assert_eq!(parcel.ranges_after(3), [3..7, 10..13]);
        assert_eq!(parcel.ranges_after(7), vec![10..13]);
        assert_eq!(parcel.ranges_after(8), vec![11..13]);
        assert_eq!(parcel.ranges_after(10), Vec::<Range<u64>>::new());
    }
}
