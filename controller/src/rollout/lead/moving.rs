//! What is changed in the MetaDB while hosts wait at the gate before it: looked at, kept in the history, changed, told.

use omsctl_proto::{ErrorReport, EventKind, NodeName};

use super::Lead;
use crate::rollout::dialogue::ToNode;
use crate::rollout::moving::Former;

impl Lead<'_> {
    /// Begins when every host that comes to that gate waits there.
    pub(super) async fn change_metadb(&mut self) {
        if let Some(node) = self.gates.metadb_may_change() {
            self.tell(&node, ToNode::LookBefore).await;
        }
    }

    /// The rows are in the history before anything is changed.
    pub(super) async fn heard_before(
        &mut self,
        node: &NodeName,
        before: Option<Result<Former, ErrorReport>>,
    ) {
        let Former { tables, rows } = match before {
            Some(Ok(former)) => former,
            Some(Err(error)) => return self.metadb_failed(error).await,
            None => {
                self.notice(
                    "the next step changes the MetaDB, for which config.yaml is needed: `omsctl apply --move-cm-url` with \
                     the same files goes on",
                )
                .await;
                return;
            }
        };
        for table in tables {
            // Texts in a map: that cannot fail.
            let text = serde_json::to_string(&table).unwrap_or_default();
            self.notice(&format!("before the change of cm_url: {text}")).await;
        }
        self.tell(node, ToNode::Forget(rows)).await;
    }

    pub(super) async fn forgotten(&mut self, forgotten: Result<u64, ErrorReport>) {
        match forgotten {
            Ok(rows) => {
                self.notice(&format!("the former cm_url left cluster_info ({rows} rows)")).await;
                self.gates.metadb_changed();
            }
            Err(error) => self.metadb_failed(error).await,
        }
    }

    async fn metadb_failed(&mut self, error: ErrorReport) {
        let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        let message = format!("{}{hint}", error.one_line());
        self.emitter.say(EventKind::Notice { message: message.clone() }).await;
        self.gates.metadb_failed(message);
    }
}
