//! Where orders to a run are laid down and waited for: opened gates, cancellation, acknowledgement, secrets, bytes of an
//! image. They come from one controller at a time, the one with the greatest claim; giving one twice is the same as once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use omsctl_proto::{CancelMode, Claim, Gate, Order};
use tokio::sync::watch;

use super::content::Hatch;
use super::guests::Guests;

/// Nobody came to open a gate or to bring the bytes: the agent leaves.
pub(crate) const PATIENCE: Duration = Duration::from_hours(24);

/// The orders so far.
#[derive(Debug)]
pub(crate) struct Desk {
    orders: watch::Sender<Orders>,
    standing: watch::Sender<Standing>,
    pub(crate) hatch: Hatch,
    /// Other agents that get bytes of an image from here.
    pub(crate) guests: Guests,
}

#[derive(Debug, Default)]
struct Orders {
    /// With the number of the wait that it was opened for.
    opened: BTreeMap<Gate, u64>,
    cancelled_by: Option<String>,
    acknowledged: u64,
    /// How often secrets were brought.
    brought: u64,
}

/// Who gives the orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) claim: Claim,
    /// The operator behind the claim.
    pub(crate) by: String,
    /// The visitor that speaks for the claim, while it is connected.
    pub(crate) speaker: Option<VisitorId>,
    /// The greatest id of an order of this claim.
    taken: u64,
}

/// Numbers the visitors of one daemon.
pub(crate) type VisitorId = u64;

/// How waiting for an order ended that did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) by: String,
    pub(crate) reason: String,
}

impl Desk {
    /// With the gates that an earlier incarnation of the agent has passed, and the last claim that it knew.
    pub(crate) fn new(passed: BTreeSet<Gate>, claim: Claim, by: String) -> Self {
        let opened = passed.into_iter().map(|gate| (gate, u64::MAX)).collect();
        Self {
            orders: watch::Sender::new(Orders { opened, ..Orders::default() }),
            standing: watch::Sender::new(Standing { claim, by, speaker: None, taken: 0 }),
            hatch: Hatch::new(),
            guests: Guests::default(),
        }
    }

    /// Lets the visitor speak for this claim; the standing one when it is greater. True when the controller changed.
    pub(crate) fn claim(&self, claim: &Claim, by: &str, visitor: VisitorId) -> Result<bool, Standing> {
        let mut outcome = Ok(false);
        self.standing.send_modify(|standing| {
            if *claim < standing.claim {
                outcome = Err(standing.clone());
                return;
            }
            outcome = Ok(claim.controller != standing.claim.controller);
            if *claim > standing.claim {
                standing.taken = 0;
            }
            standing.claim = claim.clone();
            by.clone_into(&mut standing.by);
            standing.speaker = Some(visitor);
        });
        outcome
    }

    /// The visitor is gone.
    pub(crate) fn leave(&self, visitor: VisitorId) {
        self.standing.send_if_modified(|standing| {
            let spoke = standing.speaker == Some(visitor);
            if spoke {
                standing.speaker = None;
            }
            spoke
        });
    }

    /// Who gives the orders, as it changes.
    pub(crate) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Whether this visitor gives the orders.
    pub(crate) fn obeys(&self, visitor: VisitorId) -> bool {
        self.standing.borrow().speaker == Some(visitor)
    }

    /// Lays an order down, once for each id. False when it is not this visitor's to give.
    pub(crate) fn take(&self, visitor: VisitorId, id: u64, order: Order) -> bool {
        let mut fresh = false;
        self.standing.send_if_modified(|standing| {
            fresh = standing.speaker == Some(visitor) && id > standing.taken;
            if fresh {
                standing.taken = id;
            }
            false
        });
        if fresh {
            self.orders.send_modify(|orders| orders.add(order));
        }
        self.obeys(visitor)
    }

    pub(crate) fn cancelled(&self) -> Option<Called> {
        self.orders.borrow().called()
    }

    /// The gates that were opened, passed or not.
    pub(crate) fn open_gates(&self) -> BTreeSet<Gate> {
        self.orders.borrow().opened.keys().copied().collect()
    }

    pub(crate) fn is_open(&self, gate: Gate) -> bool {
        self.orders.borrow().opened.contains_key(&gate)
    }

    /// It has to be opened again.
    pub(crate) fn shut(&self, gate: Gate) {
        self.orders.send_modify(|orders| orders.opened.retain(|opened, _| *opened != gate));
    }

    /// Until the gate is open for the wait of this number, or somebody calls the walk off, or nobody came for a day.
    pub(crate) async fn opened(&self, gate: Gate, waiting: u64) -> Result<(), Called> {
        let open = |orders: &Orders| orders.opened.get(&gate).is_some_and(|opened| *opened >= waiting);
        self.wait_for(open, &format!("nobody opened the gate `{gate}`")).await
    }

    /// How often secrets were brought so far.
    pub(crate) fn secrets_brought(&self) -> u64 {
        self.orders.borrow().brought
    }

    /// Until secrets are brought once more, or somebody calls the walk off, or nobody came for a day.
    pub(crate) async fn secrets_after(&self, before: u64) -> Result<(), Called> {
        self.wait_for(|orders| orders.brought > before, "nobody brought the secrets").await
    }

    async fn wait_for(&self, met: impl Fn(&Orders) -> bool, otherwise: &str) -> Result<(), Called> {
        let mut orders = self.orders.subscribe();
        let order = orders.wait_for(|orders| orders.cancelled_by.is_some() || met(orders));
        match tokio::time::timeout(PATIENCE, order).await {
            Ok(Ok(orders)) => orders.called().map_or(Ok(()), Err),
            Ok(Err(_)) | Err(_) => Err(Called::nobody(otherwise)),
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

    /// The run has ended with this event and nobody waits for it here.
    pub(crate) fn dismiss(&self, seq: u64) {
        self.orders.send_modify(|orders| orders.add(Order::Acknowledge { seq }));
    }

    /// Until everything up to `seq` is kept elsewhere.
    pub(crate) async fn acknowledged(&self, seq: u64) {
        // The sender lives in `self`: it cannot be gone.
        let _ = self.orders.subscribe().wait_for(|orders| orders.acknowledged >= seq).await;
    }
}

impl Orders {
    fn add(&mut self, order: Order) {
        match order {
            Order::OpenGate { gate, waiting } => {
                let opened = self.opened.entry(gate).or_default();
                *opened = waiting.max(*opened);
            }
            Order::Cancel { mode: CancelMode::AfterStep, by } => {
                self.cancelled_by.get_or_insert(by);
            }
            Order::Acknowledge { seq } => self.acknowledged = self.acknowledged.max(seq),
            // What they are is on disk by now.
            Order::Secrets { .. } => self.brought += 1,
            Order::Unknown => {}
        }
    }

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

#[cfg(test)]
mod tests {
    use omsctl_proto::ControllerId;

    use super::*;

    fn claim(epoch: u64, id: &str) -> Claim {
        Claim { epoch, controller: ControllerId::new(id).unwrap() }
    }

    fn open() -> Order {
        Order::OpenGate { gate: Gate::Schema, waiting: 7 }
    }

    #[test]
    fn only_the_greatest_claim_is_obeyed() {
        let desk = Desk::new(BTreeSet::new(), claim(1, "aaaa"), "ann".to_owned());
        assert_eq!(desk.claim(&claim(1, "aaaa"), "ann", 1), Ok(false));
        assert_eq!(desk.claim(&claim(2, "bbbb"), "bob", 2), Ok(true));
        assert!(!desk.take(1, 1, open()), "ann's order was under way when bob came");
        assert!(!desk.is_open(Gate::Schema));
        let standing = desk.claim(&claim(1, "aaaa"), "ann", 3).unwrap_err();
        assert_eq!((standing.claim, standing.by.as_str()), (claim(2, "bbbb"), "bob"));
        assert!(desk.take(2, 1, open()));
        assert!(desk.is_open(Gate::Schema));
    }

    #[test]
    fn an_order_is_done_once_however_often_it_comes() {
        let desk = Desk::new(BTreeSet::new(), claim(1, "aaaa"), "ann".to_owned());
        desk.claim(&claim(1, "aaaa"), "ann", 1).unwrap();
        let brought = Order::Secrets { secrets: BTreeMap::new() };
        assert!(desk.take(1, 1, brought.clone()));
        assert!(desk.take(1, 1, brought.clone()), "answered again");
        assert_eq!(desk.secrets_brought(), 1);
        // A new connection of the same controller says everything again.
        desk.claim(&claim(1, "aaaa"), "ann", 2).unwrap();
        assert!(desk.take(2, 1, brought));
        assert_eq!(desk.secrets_brought(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_opened_a_gate_once_does_not_open_it_for_a_later_wait() {
        let desk = Desk::new(BTreeSet::from([Gate::Schema]), claim(1, "aaaa"), "ann".to_owned());
        desk.claim(&claim(1, "aaaa"), "ann", 1).unwrap();
        assert!(desk.is_open(Gate::Schema));
        desk.shut(Gate::Schema);
        assert!(desk.take(1, 1, open()), "said again by a controller that lost its connection");
        let late = Duration::from_secs(1);
        assert!(tokio::time::timeout(late, desk.opened(Gate::Schema, 20)).await.is_err());
        assert!(desk.take(1, 2, Order::OpenGate { gate: Gate::Schema, waiting: 20 }));
        assert_eq!(desk.opened(Gate::Schema, 20).await, Ok(()));
    }

    #[test]
    fn whoever_speaks_for_a_claim_is_known_to_leave() {
        let desk = Desk::new(BTreeSet::new(), claim(1, "aaaa"), "ann".to_owned());
        desk.claim(&claim(1, "aaaa"), "ann", 1).unwrap();
        desk.claim(&claim(1, "aaaa"), "ann", 2).unwrap();
        desk.leave(1);
        assert!(desk.obeys(2), "an old connection that ends late means nothing");
        desk.leave(2);
        assert_eq!(desk.standing().borrow().speaker, None);
    }
}
