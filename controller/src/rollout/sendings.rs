//! The bytes that one host's agent asks for: how often it asked, and when sending them leads nowhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use omsctl_proto::{Digest, ErrorCode, ErrorReport, Peer, RunId};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::content::{self, Broken};
use super::uplink::Uplink;
use crate::ports::{Connection, Content};

/// How often an agent may ask from the same byte on before its host counts as failed.
const LIMIT: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Bytes of a content from an offset on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub(super) content: Digest,
    pub(super) offset: u64,
}

/// What is on its way to one host.
#[derive(Debug, Default)]
pub(super) struct Sendings {
    tasks: JoinSet<(Wanted, Result<(), Broken>)>,
    asked: BTreeMap<Wanted, u32>,
    last: Option<ErrorReport>,
}

impl Sendings {
    /// What the agent asks for. The error says why it will not get the bytes.
    pub(super) fn asked(
        content: &str,
        offset: u64,
        contents: &BTreeMap<Digest, Content>,
    ) -> Result<Wanted, ErrorReport> {
        let digest = Digest::parse(content)
            .ok()
            .filter(|digest| contents.get(digest).is_some_and(|content| content.parcel.has_boundary(offset)));
        let digest = digest.ok_or_else(|| {
            ErrorReport::new(ErrorCode::Image, "the agent asked for bytes that this rollout does not have")
                .cause(format!("content {content} from byte {offset} on"))
        })?;
        Ok(Wanted { content: digest, offset })
    }

    /// Another host has the bytes. Woken by `unlink`, it makes the agent ask again.
    pub(super) fn refer(
        &mut self,
        connection: Arc<dyn Connection>,
        run: RunId,
        wanted: Wanted,
        content: Content,
        (from, unlink): (Peer, Arc<Notify>),
    ) {
        self.tasks.spawn(async move {
            let source = (from, unlink.as_ref());
            let referred =
                content::refer(connection.as_ref(), run, &wanted.content, &content, wanted.offset, source)
                    .await;
            (wanted, referred)
        });
    }

    /// The bastion sends. Woken by `stop`, it makes the agent ask again.
    pub(super) fn send(
        &mut self,
        (connection, uplink): (Arc<dyn Connection>, Arc<Uplink>),
        run: RunId,
        wanted: Wanted,
        content: Content,
        (again, stop): (bool, Arc<Notify>),
    ) {
        self.tasks.spawn(async move {
            if again {
                sleep(PAUSE).await;
            }
            let way = (connection.as_ref(), uplink.as_ref());
            let sent = content::send(way, run, &wanted.content, &content, wanted.offset, &stop).await;
            (wanted, sent)
        });
    }

    /// The next sending that ended; `Some` names bytes that have to be sent again. Pending while none is under way;
    /// safe to cancel.
    pub(super) async fn ended(&mut self) -> Result<Option<Wanted>, ErrorReport> {
        loop {
            match self.tasks.join_next().await {
                Some(Ok((wanted, Err(broken)))) => return self.broke(wanted, broken),
                // Sent, or called off.
                Some(Ok((_, Ok(()))) | Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    pub(super) fn call_off(&mut self) {
        self.tasks.abort_all();
    }

    fn broke(&mut self, wanted: Wanted, broken: Broken) -> Result<Option<Wanted>, ErrorReport> {
        match broken {
            Broken::Unreadable(error) => Err(error),
            Broken::NotBegun(error) => {
                self.last = Some(error);
                self.count(&wanted)?;
                Ok(Some(wanted))
            }
            Broken::Midway(error) => {
                self.last = Some(error);
                Ok(None)
            }
        }
    }

    /// Once more from the bastion; the error says that this leads nowhere.
    pub(super) fn count(&mut self, wanted: &Wanted) -> Result<(), ErrorReport> {
        let asked = self.asked.entry(wanted.clone()).or_default();
        *asked += 1;
        if *asked <= LIMIT {
            return Ok(());
        }
        let what = format!("the image did not come through in {LIMIT} attempts");
        Err(match &self.last {
            Some(last) => ErrorReport::new(ErrorCode::Unreachable, what)
                .cause(last.one_line())
                .hint("look at the connection between the bastion and the host, then run the same command again"),
            None => ErrorReport::new(ErrorCode::Image, what)
                .cause("everything was sent each time, and it was not the announced archive")
                .hint("the image archive changed during the rollout: put it back and run the same command again"),
        })
    }
}
