//! What travels of an image archive: pieces of its uncompressed tar, each known by its digest before it comes.
//!
//! A delivery begins with a [`Consignment`] in a frame; the bytes of its pieces follow, one after the other.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// The largest piece, in bytes: what a receiver holds before it can tell whether it is right.
pub const MAX_PIECE: u32 = 4 * 1024 * 1024;

/// Some bytes in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// In bytes, at least 1 and at most [`MAX_PIECE`].
    pub size: u32,
    /// SHA-256 of the bytes.
    pub digest: Digest,
}

impl Piece {
    /// What these bytes are; they are no more than [`MAX_PIECE`].
    pub fn of(bytes: &[u8]) -> Self {
        Self { size: u32::try_from(bytes.len()).unwrap_or(u32::MAX), digest: Digest::of(bytes) }
    }
}

/// The head of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consignment {
    /// All of the content, in order.
    pub pieces: Vec<Piece>,
    /// Bytes of the content that do not follow, since the receiver has them; a whole number of pieces.
    pub offset: u64,
}

/// Names a content: the SHA-256 of a line `SIZE DIGEST` for each piece.
pub fn content_digest(pieces: &[Piece]) -> Digest {
    let lines: Vec<String> =
        pieces.iter().map(|Piece { size, digest }| format!("{size} {digest}\n")).collect();
    Digest::of(lines.concat().as_bytes())
}

/// In bytes.
pub fn content_size(pieces: &[Piece]) -> u64 {
    pieces.iter().map(|piece| u64::from(piece.size)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_other_size_digest_or_order_is_another_content() {
        let pieces = vec![Piece::of(&[7; 1000]), Piece::of(&[8])];
        assert_eq!(content_size(&pieces), 1001);
        let name = content_digest(&pieces);
        let changed = |change: fn(&mut Vec<Piece>)| {
            let mut pieces = pieces.clone();
            change(&mut pieces);
            content_digest(&pieces)
        };
        assert_eq!(changed(|_| {}), name);
        assert_ne!(changed(|pieces| pieces.reverse()), name);
        assert_ne!(changed(|pieces| pieces.truncate(1)), name);
        assert_ne!(changed(|pieces| pieces[0].size -= 1), name);
        assert_ne!(changed(|pieces| pieces[1].digest = Digest::of(b"x")), name);
    }
}
