//! The open door of a host that receives an image: other agents of its run get what it has, as it comes. A slow guest
//! delays nobody, since every guest reads the file by itself.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use omsctl_proto::{Digest, Door, FrameError, PeerAsk, PeerReply, read_frame, write_frame};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::spool::{Spool, SpoolReader, Trust};
use super::{Circle, HEARTBEAT};
use crate::ports::{ByteStream, Host};

/// Guests at the same time; others wait at the door.
const GUESTS: usize = 32;
/// A guest shows its key and asks within this time.
const MANNERS: Duration = Duration::from_secs(5);
/// A guest that takes no byte for so long is gone.
const TAKES_WITHIN: Duration = Duration::from_mins(1);

/// A door that is open as long as this lives. Guests that are in are served to the end.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) address: SocketAddr,
    _open: mpsc::Sender<()>,
}

/// What a guest may have.
#[derive(Debug)]
pub(crate) struct Goods {
    pub(crate) content: Digest,
    pub(crate) spool: Arc<Spool>,
}

/// Why a guest did not get everything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuestError {
    #[error("the guest did not show the key of the run")]
    Key(#[source] io::Error),
    #[error("the guest cannot be understood")]
    Frame(#[from] FrameError),
    #[error("the bytes are not there any more")]
    Bytes(#[source] io::Error),
    #[error("the guest is gone")]
    Gone(#[source] io::Error),
    #[error("the guest took too long")]
    TooLong(#[from] Elapsed),
}

/// Opens the door. The future is what happens behind it: it ends when the door is closed and all guests have left.
pub(crate) fn open(
    host: &dyn Host,
    circle: Circle,
    door: Door,
    content: &Digest,
    spool: &Arc<Spool>,
) -> io::Result<(Offer, impl Future<Output = ()> + Send + 'static)> {
    let (address, incoming) = host.listen(door)?;
    let (sender, closed) = mpsc::channel(1);
    let goods = Arc::new(Goods { content: content.clone(), spool: Arc::clone(spool) });
    Ok((Offer { address, _open: sender }, receive(incoming, closed, circle, goods)))
}

async fn receive(
    mut incoming: mpsc::Receiver<Box<dyn ByteStream>>,
    mut closed: mpsc::Receiver<()>,
    circle: Circle,
    goods: Arc<Goods>,
) {
    let mut guests = JoinSet::new();
    loop {
        tokio::select! {
            Some(stream) = incoming.recv(), if guests.len() < GUESTS => {
                guests.spawn(serve(stream, circle.clone(), Arc::clone(&goods)));
            }
            Some(guest) = guests.join_next() => report(guest),
            _ = closed.recv() => break,
        }
    }
    drop((incoming, goods));
    while let Some(guest) = guests.join_next().await {
        report(guest);
    }
}

fn report(guest: Result<Result<(), GuestError>, tokio::task::JoinError>) {
    match guest {
        // A guest may leave: it is sent on to another host, or its agent was killed.
        Ok(Ok(()) | Err(GuestError::Gone(_))) => {}
        Ok(Err(error)) => crate::log::line(&error),
        Err(error) => crate::log::line(&error),
    }
}

async fn serve(stream: Box<dyn ByteStream>, circle: Circle, goods: Arc<Goods>) -> Result<(), GuestError> {
    let (mut stream, reader) = timeout(MANNERS, async {
        let mut stream = circle.accept(stream).await.map_err(GuestError::Key)?;
        let reader = answer(&mut stream, &goods).await?;
        Ok::<_, GuestError>((stream, reader))
    })
    .await??;
    drop(goods);
    match reader {
        Some(reader) => feed(&mut stream, reader).await,
        None => Ok(()),
    }
}

/// A guest that has shown the key, from its question on.
#[cfg(any(test, feature = "fakes"))]
pub(crate) async fn receive_guest(stream: &mut impl ByteStream, goods: &Goods) -> Result<(), GuestError> {
    match timeout(MANNERS, answer(stream, goods)).await?? {
        Some(reader) => feed(stream, reader).await,
        None => Ok(()),
    }
}

/// Without a reader when the guest wants something else.
async fn answer(stream: &mut impl ByteStream, goods: &Goods) -> Result<Option<SpoolReader>, GuestError> {
    let ask: Option<PeerAsk> = read_frame(stream).await?;
    // Whoever asked for what comes after the end would wait for ever.
    let wanted = ask.filter(|ask| ask.content == goods.content && ask.offset <= goods.spool.size());
    let reply = if wanted.is_some() { PeerReply::Sending } else { PeerReply::NotHere };
    write_frame(stream, &reply).await?;
    Ok(wanted.map(|ask| goods.spool.reader(ask.offset, Trust::Written)))
}

async fn feed(stream: &mut impl ByteStream, mut reader: SpoolReader) -> Result<(), GuestError> {
    loop {
        let slice = match timeout(HEARTBEAT, reader.next()).await {
            Ok(slice) => slice.map_err(GuestError::Bytes)?,
            Err(_) => Some(Vec::new()),
        };
        let Some(slice) = slice else { return stream.shutdown().await.map_err(GuestError::Gone) };
        timeout(TAKES_WITHIN, send(stream, &slice)).await?.map_err(GuestError::Gone)?;
    }
}

async fn send(stream: &mut impl ByteStream, slice: &[u8]) -> io::Result<()> {
    let length = u32::try_from(slice.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(slice).await?;
    stream.flush().await
}
