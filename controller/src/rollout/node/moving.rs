//! The change of the MetaDB on the way of a rollout, made through this host.

use super::NodeWalk;
use crate::ports::ClusterRow;
use crate::rollout::dialogue::FromNode;

impl NodeWalk {
    pub(super) async fn look_before(&self) {
        let before = match &self.shared.moving {
            Some(moving) => Some(moving.look(self.connection.as_ref()).await),
            None => None,
        };
        self.say(FromNode::Before(before)).await;
    }

    pub(super) async fn forget(&self, rows: &[ClusterRow]) {
        if let Some(moving) = &self.shared.moving {
            let forgotten = moving.forget(self.connection.as_ref(), rows).await;
            self.say(FromNode::Forgotten(forgotten)).await;
        }
    }
}
