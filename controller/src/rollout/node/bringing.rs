//! What the running step of a host needs of its controller: bytes of an image, from here or from another host, and
//! secrets that a reboot took away.

use std::net::SocketAddr;
use std::sync::Arc;

use omsctl_proto::{ErrorReport, Order};
use tokio::time::Instant;

use super::NodeWalk;
use crate::rollout::dialogue::FromNode;
use crate::rollout::relay::Source;
use crate::rollout::sendings::{Sendings, Wanted};

/// What a step needs.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Content { name: String, offset: u64, door: Option<SocketAddr> },
    Secrets,
}

impl NodeWalk {
    /// Gives the running step what it waits for. What an old event asks for may have come long ago, so nothing is given
    /// before all that was there has been read; and whoever only reads along gives nothing.
    pub(super) async fn serve(&mut self) {
        if self.latest.is_some() || self.claim.is_none() {
            return;
        }
        match self.asks.clone() {
            Some(Ask::Content { name, offset, door }) => {
                let wanted = Sendings::asked(&name, offset, &self.shared.contents);
                if let Err(error) = wanted.and_then(|wanted| self.bring(wanted, door)) {
                    self.give_up(error).await;
                }
            }
            Some(Ask::Secrets) if self.secrets.is_empty() => self.say(FromNode::NoSecrets).await,
            Some(Ask::Secrets) => self.order(Order::Secrets { secrets: self.secrets.clone() }).await,
            None => {}
        }
    }

    /// From the bastion or from another host.
    fn bring(&mut self, wanted: Wanted, door: Option<SocketAddr>) -> Result<(), ErrorReport> {
        let Some(content) = self.shared.contents.get(&wanted.content).cloned() else { return Ok(()) };
        let whole = (&wanted.content, content.parcel.size());
        let source = self.shared.relay().asks(&self.node, whole, wanted.offset, door, Instant::now());
        match source {
            Source::Bastion => {
                self.sendings.count(&wanted)?;
                self.send(wanted, false);
            }
            Source::Peer(peer) => {
                let (connection, run) = (Arc::clone(&self.connection), self.shared.run.clone());
                let unlink = self.shared.relay().link(&self.node);
                self.sendings.refer(connection, run, wanted, content, (peer, unlink));
            }
        }
        Ok(())
    }

    pub(super) fn send(&mut self, wanted: Wanted, again: bool) {
        let Some(content) = self.shared.contents.get(&wanted.content).cloned() else { return };
        let way = (Arc::clone(&self.connection), Arc::clone(&self.shared.uplink));
        let unlink = self.shared.relay().link(&self.node);
        self.sendings.send(way, self.shared.run.clone(), wanted, content, (again, unlink));
    }

    /// What the agent waits for cannot be sent: without this it would wait for a day.
    pub(super) async fn give_up(&mut self, error: ErrorReport) {
        tracing::warn!(node = %self.node, error = %error.one_line(), "the image cannot be sent");
        self.given_up.get_or_insert(error);
        self.order(self.cancel()).await;
    }
}
