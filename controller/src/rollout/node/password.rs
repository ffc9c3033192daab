//! The new password of the MetaDB on the way of a rollout, by way of this host.

use super::NodeWalk;
use crate::rollout::dialogue::FromNode;

impl NodeWalk {
    pub(super) async fn set_password(&self) {
        let set = match &self.shared.rotation {
            Some(rotation) => Some(rotation.make(self.connection.as_ref()).await),
            None => None,
        };
        self.say(FromNode::PasswordSet(set)).await;
    }
}
