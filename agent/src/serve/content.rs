//! How bytes that only the controller has reach the step that waits for them.

use omsctl_proto::{ConnectReply, Digest, ErrorCode, ErrorReport, write_frame};
use tokio::sync::{Mutex, mpsc, watch};

use crate::ports::ByteStream;

/// Bytes of one content, from their beginning.
pub(crate) type Delivery = Box<dyn ByteStream>;

/// One step at a time waits behind it.
#[derive(Debug)]
pub(crate) struct Hatch {
    wanted: watch::Sender<Option<Digest>>,
    bring: mpsc::Sender<Box<dyn ByteStream>>,
    fetch: Mutex<mpsc::Receiver<Box<dyn ByteStream>>>,
}

impl Hatch {
    pub(crate) fn new() -> Self {
        let (bring, fetch) = mpsc::channel(1);
        Self { wanted: watch::Sender::new(None), bring, fetch: Mutex::new(fetch) }
    }

    /// Says that this content is waited for, from now until [`Self::close`].
    pub(crate) fn open(&self, content: &Digest) {
        self.wanted.send_replace(Some(content.clone()));
    }

    /// The next bringer of the content. Safe to cancel.
    pub(crate) async fn next(&self) -> Option<Delivery> {
        self.fetch.lock().await.recv().await
    }

    pub(crate) async fn close(&self) {
        self.wanted.send_replace(None);
        // Whoever came too late sees its connection end.
        while self.fetch.lock().await.try_recv().is_ok() {}
    }

    /// Hands a bringer to the step that waits, or tells it that nobody does.
    pub(crate) async fn bring(&self, mut bringer: Box<dyn ByteStream>, content: &Digest, door: String) {
        let wanted = self.wanted.borrow().as_ref() == Some(content);
        let place = if wanted { self.bring.try_reserve().ok() } else { None };
        let reply = match place {
            Some(_) => ConnectReply::Connected { peer: door },
            None => ConnectReply::Failed {
                error: ErrorReport::new(ErrorCode::Protocol, "This run does not wait for these bytes.")
                    .cause(format!("content {}", content.short())),
            },
        };
        if write_frame(&mut bringer, &reply).await.is_ok()
            && let Some(place) = place
        {
            place.send(bringer);
        }
    }
}
