//! One delivery after the other into the file of the content, piece by piece, whoever brings them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use omsctl_proto::{
    Consignment, Digest, ErrorCode, ErrorReport, MAX_PIECE, MAX_SLICE, Peer, Piece, Unit, content_digest,
    content_size, read_frame,
};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::receive_archive::Archive;
use super::{Context, Stop};
use crate::delivery::{Circle, Fetch, PeerStream, Spool};
use crate::serve::Delivery;

const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// How one delivery ended.
pub(super) enum Ending {
    Whole,
    /// Before the last byte; why, in words.
    Broken(String),
}

/// Right bytes that came, by who brought them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) from_bastion: u64,
    pub(crate) from_hosts: u64,
}

/// What has come.
pub(super) struct Arrival<'a> {
    context: &'a Context<'a>,
    circle: &'a Circle,
    archive: &'a Archive<'a>,
    spool: &'a Arc<Spool>,
    told: Instant,
    pub(super) came: Came,
}

/// Who brings the bytes.
enum Bringer {
    Controller(Delivery),
    /// The controller ends its delivery when this agent shall ask for another bringer.
    Peer {
        fetch: Box<Fetch<PeerStream>>,
        leash: Delivery,
        name: String,
    },
}

impl<'a> Arrival<'a> {
    pub(super) fn new(
        context: &'a Context<'a>,
        circle: &'a Circle,
        archive: &'a Archive<'a>,
        spool: &'a Arc<Spool>,
    ) -> Self {
        Self { context, circle, archive, spool, told: Instant::now(), came: Came::default() }
    }

    /// Bytes of whole pieces, all of them right.
    pub(super) fn received(&self) -> u64 {
        self.spool.mark().verified
    }

    pub(super) fn is_whole(&self) -> bool {
        self.received() == self.archive.size
    }

    pub(super) async fn take(&mut self, mut delivery: Delivery) -> Result<Ending, Stop> {
        let Ok(Some(head)) = read_frame::<Consignment, _>(&mut delivery).await else {
            return Ok(Ending::Broken("The connection to the bastion broke off".to_owned()));
        };
        let pieces = self.missing(&head)?;
        self.spool.keep_list(&head.pieces).map_err(|error| not_kept(&error))?;
        let mut bringer = match &head.from {
            None => Bringer::Controller(delivery),
            Some(peer) => match self.come_to(peer, delivery).await {
                Ok(bringer) => bringer,
                Err(why) => return Ok(Ending::Broken(why)),
            },
        };
        self.tell()?;
        let mut buffer = vec![0; MAX_SLICE as usize];
        for piece in pieces {
            let taken = self.piece(piece, &mut bringer, &mut buffer).await;
            if !matches!(taken, Ok(None)) {
                // The piece comes once more, from its beginning.
                self.spool.take_back();
            }
            if let Some(why) = taken? {
                return Ok(Ending::Broken(why));
            }
        }
        self.tell()?;
        Ok(Ending::Whole)
    }

    async fn come_to(&self, peer: &Peer, leash: Delivery) -> Result<Bringer, String> {
        let host = self.context.world.host.as_ref();
        let name = peer.node.to_string();
        let wanted = self.received()..self.archive.size;
        match Fetch::begin(host, self.circle, peer, self.archive.content, wanted).await {
            Ok(fetch) => Ok(Bringer::Peer { fetch: Box::new(fetch), leash, name }),
            Err(error) => Err(of_peer(&name, &error)),
        }
    }

    /// The pieces that follow, when they are those of the wanted content from where this host is.
    fn missing<'h>(&self, head: &'h Consignment) -> Result<&'h [Piece], Stop> {
        let wrong_size = head.pieces.iter().any(|piece| piece.size == 0 || piece.size > MAX_PIECE);
        if wrong_size
            || content_size(&head.pieces) != self.archive.size
            || content_digest(&head.pieces) != *self.archive.content
        {
            return Err(not_announced("its pieces are others".to_owned()));
        }
        let received = self.received();
        if head.offset != received {
            return Err(not_announced(format!("it begins at byte {} instead of {received}", head.offset)));
        }
        let mut pieces = head.pieces.as_slice();
        let mut before = 0;
        while let Some((piece, rest)) = pieces.split_first().filter(|_| before < received) {
            before += u64::from(piece.size);
            pieces = rest;
        }
        Ok(pieces)
    }

    /// `Some` says why it did not come. Wrong bytes of another agent are its fault alone; those of the controller mean
    /// that the archive is another one.
    async fn piece(
        &mut self,
        piece: &Piece,
        bringer: &mut Bringer,
        buffer: &mut [u8],
    ) -> Result<Option<String>, Stop> {
        let mut hash = Sha256::new();
        let mut left = piece.size as usize;
        while left > 0 {
            let most = left.min(buffer.len());
            let count = match bringer.read(&mut buffer[..most]).await {
                Ok(count) => count,
                Err(why) => return Ok(Some(why)),
            };
            hash.update(&buffer[..count]);
            self.spool.append(&buffer[..count]).map_err(|error| not_kept(&error))?;
            left -= count;
            if self.told.elapsed() >= PROGRESS_EVERY {
                self.tell()?;
            }
        }
        if Digest::from_hash(&hash.finalize().into()) == piece.digest {
            self.spool.confirm();
            let came = match bringer {
                Bringer::Controller(_) => &mut self.came.from_bastion,
                Bringer::Peer { .. } => &mut self.came.from_hosts,
            };
            *came += u64::from(piece.size);
            return Ok(None);
        }
        match bringer {
            Bringer::Controller(_) => Err(not_announced(format!(
                "the {} bytes from byte {} on differ",
                piece.size,
                self.received()
            ))),
            Bringer::Peer { name, .. } => Ok(Some(format!("{name} sent wrong bytes"))),
        }
    }

    fn tell(&mut self) -> Result<(), Stop> {
        self.told = Instant::now();
        self.context.progress(self.spool.mark().written, Some(self.archive.size), Unit::Bytes)
    }
}

impl Bringer {
    /// At least one byte; the error says in words why none comes.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, String> {
        match self {
            Self::Controller(delivery) => match delivery.read(buffer).await {
                Ok(0) | Err(_) => Err("The connection to the bastion broke off".to_owned()),
                Ok(count) => Ok(count),
            },
            Self::Peer { fetch, leash, name } => {
                let mut nothing = [0; 1];
                tokio::select! {
                    read = fetch.read(buffer) => match read {
                        Ok(0) => Err(format!("{name} ended too early")),
                        Ok(count) => Ok(count),
                        Err(error) => Err(of_peer(name, &error)),
                    },
                    _ = leash.read(&mut nothing) => Err(format!("The bastion ended what comes from {name}")),
                }
            }
        }
    }
}

fn of_peer(name: &str, error: &dyn std::error::Error) -> String {
    let mut words = format!("The image does not come from {name}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

fn not_announced(why: String) -> Stop {
    ErrorReport::new(ErrorCode::Image, "The image archive that came is not the announced one.")
        .cause(why)
        .hint("The archive on the bastion changed during the rollout, or was damaged on its way: run again.")
        .into()
}

/// The file of the content cannot be written or read.
pub(super) fn not_kept(error: &io::Error) -> Stop {
    let full = error.kind() == io::ErrorKind::StorageFull;
    let code = if full { ErrorCode::Disk } else { ErrorCode::File };
    ErrorReport::new(code, "The image cannot be kept in /var/lib/omsctl while it comes.")
        .cause(error.to_string())
        .hint("Make room there and run again; what came is kept, only the rest is sent then.")
        .into()
}
