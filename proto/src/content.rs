//! What travels of an image archive: zstd frames, each known as a piece by its digest before it comes, which make up the
//! tar for `docker load`.
//!
//! A delivery begins with a [`Consignment`] in a frame. Then the bytes of its pieces follow, one after the other, or it
//! says which other agent of the run has them: that one is asked for them by a [`PeerAsk`] over TLS.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{Digest, NodeName};

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
    /// Who has the bytes; without it they follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Peer>,
}

/// Where an agent lets the other agents of its run in while it receives an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// One of the host's own.
    pub address: IpAddr,
    /// 0 lets the host choose.
    pub port: u16,
}

/// Another agent of the same run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    pub node: NodeName,
    pub door: SocketAddr,
}

/// The first frame of an agent that was let in by another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAsk {
    pub content: Digest,
    /// Bytes that it has already.
    pub offset: u64,
}

/// The answer. After `Sending` come slices, each with its length before it in four bytes, big-endian; a length of 0 is
/// no slice and says that the sender is there and waits for more itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum PeerReply {
    Sending,
    /// Another content is received there, or none.
    NotHere,
}

/// The largest slice, in bytes.
pub const MAX_SLICE: u32 = 256 * 1024;

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
