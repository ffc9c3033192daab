//! One host's part of a rollout: hands its agent the plan, passes events on, sends what the agent asks for, finds
//! the agent again after a lost connection, and proves the end in the MetaDB.

mod bringing;
mod moving;
mod password;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use omsctl_proto::{
    CancelMode, Claim, ControllerId, Digest, ErrorReport, Event, EventKind, FingerprintKey, Gate, Hold,
    Importance, NodeName, NodePlan, Operator, Order, ProbeTarget, RunId, SecretName, StepId, ToAgent,
    WireSecret,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use self::bringing::Ask;
use crate::ports::{AgentCommand, Clock, Connection, Content, HostTarget, Transport};
use crate::rollout::dialogue::{Begin, End, FromNode, NodeWork, ToNode};
use crate::rollout::orders::Orders;
use crate::rollout::relay::Relay;
use crate::rollout::sendings::Sendings;
use crate::rollout::session::lost;
use crate::rollout::uplink::Uplink;
use crate::rollout::{Attached, FromAgent, HostLink, Moving, Proof, Rotation, Session};

/// What all hosts of a rollout share.
pub(in crate::rollout) struct Shared {
    pub(in crate::rollout) transport: Arc<dyn Transport>,
    pub(in crate::rollout) clock: Arc<dyn Clock>,
    pub(in crate::rollout) contents: BTreeMap<Digest, Content>,
    pub(in crate::rollout) run: RunId,
    pub(in crate::rollout) key: FingerprintKey,
    pub(in crate::rollout) operator: Operator,
    pub(in crate::rollout) controller: ControllerId,
    pub(in crate::rollout) reconnect: Duration,
    /// What to change in the MetaDB on the way.
    pub(in crate::rollout) moving: Option<Moving>,
    pub(in crate::rollout) rotation: Option<Rotation>,
    pub(in crate::rollout) uplink: Arc<Uplink>,
    /// Never locked across an await.
    pub(in crate::rollout) relay: Mutex<Relay>,
}

impl Shared {
    fn relay(&self) -> MutexGuard<'_, Relay> {
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The walk of one host, seen from here.
pub(in crate::rollout) struct NodeWalk {
    shared: Arc<Shared>,
    node: NodeName,
    target: HostTarget,
    connection: Arc<dyn Connection>,
    session: Session,
    /// Until the agent has answered it: what was lost on the way is given again.
    plan: Option<Box<NodePlan>>,
    /// The last event that was passed on.
    seen: u64,
    /// Events up to this one were there when the run was attached to.
    latest: Option<u64>,
    /// By which the orders are given; `None` when this controller only reads along.
    claim: Option<Claim>,
    orders: Orders,
    secrets: BTreeMap<SecretName, WireSecret>,
    /// The event by which the host said last that it waits at a gate.
    waits: BTreeMap<Gate, u64>,
    /// What the running step waits for.
    asks: Option<Ask>,
    sendings: Sendings,
    /// Why the agent was told to end.
    given_up: Option<ErrorReport>,
    events: mpsc::Sender<(NodeName, FromNode)>,
}

impl NodeWalk {
    pub(in crate::rollout) fn new(
        shared: Arc<Shared>,
        link: HostLink,
        claim: Option<Claim>,
        events: mpsc::Sender<(NodeName, FromNode)>,
    ) -> Self {
        Self {
            shared,
            node: link.target.node.clone(),
            target: link.target,
            connection: link.connection,
            session: link.session,
            plan: None,
            seen: 0,
            latest: None,
            claim,
            orders: Orders::default(),
            secrets: BTreeMap::new(),
            waits: BTreeMap::new(),
            asks: None,
            sendings: Sendings::default(),
            given_up: None,
            events,
        }
    }

    /// From the plan to the proof. Closes the connection when nobody wants anything of the host any more.
    pub(in crate::rollout) async fn run(mut self, work: NodeWork, mut commands: mpsc::Receiver<ToNode>) {
        self.secrets = work.secrets.into_iter().map(|(name, secret)| (name, WireSecret(secret))).collect();
        if let Begin::Start(plan) = work.begin {
            self.plan = Some(plan);
        }
        let begun = self.session.send(self.attachment()).await;
        let end = match begun {
            Ok(()) => self.follow(&mut commands).await,
            Err(error) => End::Gone(error),
        };
        let end = match (end, work.proof, self.given_up.take()) {
            // Whoever reads along looks too: it may lead before the end, and no success is told without proof.
            (End::Done, Some(proof), _) => self.prove(&proof).await,
            (End::NotDone, _, Some(error)) => End::GivenUp(error),
            (end, _, _) => end,
        };
        self.sendings.call_off();
        self.shared.relay().over(&self.node);
        self.say(FromNode::Ended(end)).await;
        while let Some(command) = commands.recv().await {
            if let ToNode::Probe(url) = command {
                let answer = self.probe(&url).await;
                self.say(FromNode::Probed(answer)).await;
            }
        }
        // The agent ends after the acknowledgement; the channel closes when it is gone.
        self.session.close(Duration::from_secs(3)).await;
        self.connection.close().await;
    }

    /// Begins the run, or finds it again.
    fn attachment(&self) -> ToAgent {
        let operator = self.shared.operator.clone();
        match &self.plan {
            Some(plan) => ToAgent::Start {
                plan: plan.as_ref().clone(),
                key: self.shared.key.clone(),
                secrets: self.secrets.clone(),
                operator,
                claim: self.claim.clone().unwrap_or_else(|| Claim::first(self.shared.controller.clone())),
            },
            None => ToAgent::Attach {
                run: self.shared.run.clone(),
                after: self.seen,
                claim: self.claim.clone(),
                operator,
            },
        }
    }

    /// Whoever listened may have left already.
    async fn say(&self, word: FromNode) {
        let _ = self.events.send((self.node.clone(), word)).await;
    }

    async fn follow(&mut self, commands: &mut mpsc::Receiver<ToNode>) -> End {
        let mut commanding = true;
        loop {
            tokio::select! {
                command = commands.recv(), if commanding => match command {
                    Some(command) => self.command(command).await,
                    None => commanding = false,
                },
                message = self.session.inbox.recv() => match message {
                    Some(FromAgent::Event(event)) => {
                        if let Some(end) = self.event(event).await {
                            return end;
                        }
                    }
                    Some(FromAgent::Attached(attached)) => self.attached(attached).await,
                    Some(FromAgent::Unheld) => self.say(FromNode::Unheld).await,
                    Some(FromAgent::Led) => self.say(FromNode::Led).await,
                    Some(FromAgent::Superseded(by)) => return End::Superseded(by),
                    Some(FromAgent::Refused(refusal)) => return End::Refused(refusal),
                    None => if let Err(end) = self.find_again().await {
                        return end;
                    },
                },
                ended = self.sendings.ended() => match ended {
                    Ok(again) => again.into_iter().for_each(|digest| self.send(digest, true)),
                    Err(error) => self.give_up(error).await,
                },
            }
        }
    }

    async fn attached(&mut self, attached: Attached) {
        self.plan = None;
        self.latest = Some(attached.latest);
        self.say(FromNode::Attached(attached)).await;
        self.tell_when_caught_up().await;
    }

    /// True when that has just come to pass.
    async fn tell_when_caught_up(&mut self) -> bool {
        let caught_up = self.latest.is_some_and(|latest| self.seen >= latest);
        if caught_up {
            self.latest = None;
            self.say(FromNode::CaughtUp).await;
            self.serve().await;
        }
        caught_up
    }

    async fn command(&mut self, command: ToNode) {
        match command {
            ToNode::Open(gate) => {
                let waiting = self.waits.get(&gate).copied().unwrap_or_default();
                self.order(Order::OpenGate { gate, waiting }).await;
            }
            ToNode::Cancel => self.order(self.cancel()).await,
            ToNode::Hold => {
                let held = self.session.hold(self.hold()).await;
                self.say(FromNode::Held(matches!(held, Ok(None)))).await;
            }
            // A session that is lost holds nothing.
            ToNode::Release => drop(self.session.release().await),
            ToNode::Lead(claim) => {
                self.claim = Some(claim);
                self.orders.forget();
                // Until the answer comes nothing is given. A lost channel is noticed where events are read.
                self.latest = Some(u64::MAX);
                let _ = self.session.send(self.attachment()).await;
            }
            ToNode::LookBefore => self.look_before().await,
            ToNode::Forget(rows) => self.forget(&rows).await,
            ToNode::SetPassword => self.set_password().await,
            ToNode::Probe(_) => {}
        }
    }

    fn cancel(&self) -> Order {
        Order::Cancel { mode: CancelMode::AfterStep, by: self.shared.operator.who.clone() }
    }

    fn hold(&self) -> Hold {
        Hold {
            controller: self.shared.controller.clone(),
            run: self.shared.run.clone(),
            operator: self.shared.operator.clone(),
            take_over: false,
        }
    }

    /// A lost channel is noticed where events are read; what was said is said again afterwards.
    async fn order(&mut self, order: Order) {
        if self.claim.is_some() {
            let message = self.orders.add(order);
            let _ = self.session.send(message).await;
        }
    }

    /// Passes an event on; the end when it is the last.
    async fn event(&mut self, mut event: Box<Event>) -> Option<End> {
        // Who speaks is known by the connection, never by what is said: no host speaks for another one, for the
        // controller, or in another run.
        event.node = Some(self.node.clone());
        event.run.clone_from(&self.shared.run);
        let importance = event.kind.importance();
        if importance != Importance::Lossy {
            if event.seq <= self.seen {
                return None;
            }
            self.seen = event.seq;
        }
        let end = match &event.kind {
            EventKind::ContentWanted { content, offset, door, .. } => {
                self.asks = Some(Ask::Content { name: content.clone(), offset: *offset, door: *door });
                None
            }
            EventKind::StepProgress { step: StepId::LoadImage, current, .. } => {
                self.shared.relay().progress(&self.node, *current, Instant::now());
                None
            }
            EventKind::SecretsWanted { .. } => {
                self.asks = Some(Ask::Secrets);
                None
            }
            EventKind::GateWaiting { gate, .. } => {
                self.waits.insert(*gate, event.seq);
                None
            }
            EventKind::StepStarted { .. } | EventKind::StepDone { .. } | EventKind::StepFailed { .. } => {
                self.asks = None;
                self.shared.relay().over(&self.node);
                None
            }
            EventKind::NodeDone { .. } => Some(End::Done),
            _ if importance == Importance::Terminal => Some(End::NotDone),
            _ => None,
        };
        let seq = event.seq;
        let asked = matches!(event.kind, EventKind::ContentWanted { .. } | EventKind::SecretsWanted { .. });
        self.say(FromNode::Event(event)).await;
        if !self.tell_when_caught_up().await && asked {
            self.serve().await;
        }
        if end.is_some() {
            // Said again after a lost connection: without it the agent would wait on its host for a day.
            self.order(Order::Acknowledge { seq }).await;
        }
        end
    }

    /// Connects again, with growing pauses, for as long as the operator allows; says again what was said.
    async fn find_again(&mut self) -> Result<(), End> {
        self.sendings.call_off();
        self.shared.relay().lost(&self.node);
        let mut error = lost(&self.node);
        self.say(FromNode::Lost(error.clone())).await;
        let began = Instant::now();
        let mut pause = Duration::from_millis(200);
        while began.elapsed() < self.shared.reconnect {
            match self.attach_again().await {
                Ok(None) => {
                    self.say(FromNode::Regained).await;
                    return Ok(());
                }
                Ok(Some(by)) => return Err(End::Superseded(by)),
                Err(failed) => error = failed,
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        Err(End::Gone(error))
    }

    /// `Some` names the operator who has the host now.
    async fn attach_again(&mut self) -> Result<Option<String>, ErrorReport> {
        let (connection, session) = self.connect().await?;
        if self.claim.is_some()
            && let Some(holder) = session.hold(self.hold()).await?
        {
            return Ok(Some(holder.operator));
        }
        self.latest = Some(u64::MAX);
        session.send(self.attachment()).await?;
        for order in self.orders.again() {
            session.send(order).await?;
        }
        (self.connection, self.session) = (connection, session);
        Ok(None)
    }

    async fn connect(&self) -> Result<(Arc<dyn Connection>, Session), ErrorReport> {
        let connection = self.shared.transport.connect(&self.target).await?;
        let stream = connection.run_agent(AgentCommand::Session).await?;
        let session = Session::open(self.node.clone(), stream, self.shared.clock.utc_ms()).await?;
        Ok((connection, session))
    }

    /// Whether the host reaches that, and what it found; over a new connection when this one is lost.
    async fn probe(&mut self, url: &str) -> Result<(bool, String), ErrorReport> {
        let target = || ProbeTarget::Http { url: url.to_owned() };
        let mut probed = self.session.probe(target()).await;
        if probed.is_err() {
            (self.connection, self.session) = self.connect().await?;
            probed = self.session.probe(target()).await;
        }
        probed.map(|(reached, _, found)| (reached, found))
    }

    /// Asks the MetaDB by way of the host until it shows what it should; over a new connection when this one is lost.
    async fn prove(&mut self, proof: &Proof) -> End {
        let began = Instant::now();
        loop {
            let connection = Arc::clone(&self.connection);
            tokio::select! {
                proved = proof.obtain(connection.as_ref()) => return match (proof, proved) {
                    (Proof::Registered(_), Ok(evidence)) => End::Registered(evidence, began.elapsed()),
                    (Proof::Registered(_), Err(error)) => End::NotRegistered(error),
                    (Proof::Removed(_), Ok(evidence)) => End::Removed(evidence, began.elapsed()),
                    (Proof::Removed(_), Err(error)) => End::NotRemoved(error),
                },
                () = connection.closed() => {}
            }
            if let Err(end) = self.find_again().await {
                return end;
            }
        }
    }
}

#[cfg(test)]
mod tests;
