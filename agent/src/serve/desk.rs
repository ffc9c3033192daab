//! Where orders to a run are laid down and waited for: opened gates, cancellation, acknowledgement, bytes of an image.
//! Any number of readers may give them; giving one twice is the same as once.

use std::collections::BTreeSet;
use std::time::Duration;

use omsctl_proto::{Gate, ToAgent};
use tokio::sync::watch;

use super::content::Hatch;

/// Nobody came to open a gate or to bring the bytes: the agent leaves.
pub(crate) const PATIENCE: Duration = Duration::from_hours(24);

/// The orders so far.
#[derive(Debug)]
pub(crate) struct Desk {
    orders: watch::Sender<Orders>,
    pub(crate) hatch: Hatch,
}

#[derive(Debug, Default)]
struct Orders {
    opened: BTreeSet<Gate>,
    cancelled_by: Option<String>,
    acknowledged: u64,
}

/// How waiting for an order ended that did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) by: String,
    pub(crate) reason: String,
}

impl Desk {
    /// With the gates that an earlier incarnation of the agent has passed.
    pub(crate) fn new(opened: BTreeSet<Gate>) -> Self {
        Self { orders: watch::Sender::new(Orders { opened, ..Orders::default() }), hatch: Hatch::new() }
    }

    /// Lays an order down; other messages are no orders and change nothing.
    pub(crate) fn take(&self, message: ToAgent) {
        self.orders.send_modify(|orders| match message {
            ToAgent::OpenGate { gate } => {
                orders.opened.insert(gate);
            }
            ToAgent::Cancel { mode: omsctl_proto::CancelMode::AfterStep, by } => {
                orders.cancelled_by.get_or_insert(by);
            }
            ToAgent::Acknowledge { seq } => orders.acknowledged = orders.acknowledged.max(seq),
            ToAgent::Hello(_)
            | ToAgent::Request { .. }
            | ToAgent::Start { .. }
            | ToAgent::Attach { .. }
            | ToAgent::Unknown => {}
        });
    }

    pub(crate) fn cancelled(&self) -> Option<Called> {
        self.orders.borrow().called()
    }

    pub(crate) fn is_open(&self, gate: Gate) -> bool {
        self.orders.borrow().opened.contains(&gate)
    }

    /// Until the gate is open, or somebody calls the walk off, or nobody came for a day.
    pub(crate) async fn opened(&self, gate: Gate) -> Result<(), Called> {
        let mut orders = self.orders.subscribe();
        let order = orders.wait_for(|orders| orders.cancelled_by.is_some() || orders.opened.contains(&gate));
        match tokio::time::timeout(PATIENCE, order).await {
            Ok(Ok(orders)) => orders.called().map_or(Ok(()), Err),
            Ok(Err(_)) | Err(_) => Err(Called::nobody(&format!("nobody opened the gate `{gate}`"))),
        }
    }

    /// Until somebody calls the walk off.
    pub(crate) async fn called_off(&self) -> Called {
        let mut orders = self.orders.subscribe();
        match orders.wait_for(|orders| orders.cancelled_by.is_some()).await {
            Ok(orders) => orders.called().unwrap_or_else(|| Called::nobody("called off")),
            Err(_) => Called::nobody("the daemon ended"),
        }
    }

    /// Until everything up to `seq` is kept elsewhere.
    pub(crate) async fn acknowledged(&self, seq: u64) {
        // The sender lives in `self`: it cannot be gone.
        let _ = self.orders.subscribe().wait_for(|orders| orders.acknowledged >= seq).await;
    }
}

impl Orders {
    fn called(&self) -> Option<Called> {
        let by = self.cancelled_by.clone()?;
        Some(Called { by, reason: "somebody asked for it".to_owned() })
    }
}

impl Called {
    pub(crate) fn nobody(what: &str) -> Self {
        Self { by: "omsctl-agent".to_owned(), reason: format!("{what} within 24 hours") }
    }
}
