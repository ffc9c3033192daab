//! The MetaDB's new password while hosts wait at the gate before it: set by way of one host, seen from all, told.

use omsctl_proto::{ErrorReport, EventKind, NodeName};

use super::Lead;
use crate::rollout::dialogue::ToNode;
use crate::rollout::password::Taken;

impl Lead<'_> {
    /// Begins when every host that comes to that gate waits there.
    pub(super) async fn change_password(&mut self) {
        for node in self.gates.password_may_change() {
            self.tell(&node, ToNode::SetPassword).await;
        }
    }

    /// `None` when nobody here can ask the MetaDB.
    pub(super) async fn password_set(&mut self, node: &NodeName, set: Option<Result<Taken, ErrorReport>>) {
        let error = match set {
            Some(Ok(taken)) => {
                if taken == Taken::Changed {
                    self.notice(&format!("the MetaDB has the new password, set by way of {node}")).await;
                }
                return self.gates.password_taken(node);
            }
            Some(Err(error)) => error,
            None => {
                self.notice(
                    "the next step is about the MetaDB's password, for which config.yaml is needed: `omsctl apply` with the \
                     same files goes on",
                )
                .await;
                return;
            }
        };
        let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        let message = format!("by way of {node}: {}{hint}", error.one_line());
        self.emitter.say(EventKind::Notice { message: message.clone() }).await;
        if self.gates.password_refused(node, message) {
            self.tell(node, ToNode::Cancel).await;
        }
    }
}
