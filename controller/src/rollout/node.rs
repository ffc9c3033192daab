//! One host's part of a rollout: hands its agent the plan, passes events on, sends what the agent asks for, finds
//! the agent again after a lost connection, and proves the end in the MetaDB.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use omsctl_proto::{
    CancelMode, Digest, ErrorReport, Event, EventKind, Evidence, FingerprintKey, Gate, Importance, NodeName,
    NodePlan, Operator, ProbeTarget, Refusal, RunId, Secret, SecretName, ToAgent, WireSecret,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::sendings::Sendings;
use super::session::lost;
use super::{FromAgent, HostLink, Registration, Session};
use crate::plan::Role;
use crate::ports::{AgentCommand, Clock, Connection, ContentSource, HostTarget, Transport};

/// What one host has to do.
pub struct NodeWork {
    pub plan: NodePlan,
    pub role: Role,
    pub secrets: BTreeMap<SecretName, Secret>,
    /// What proves the host in the end; `None` when it is proved already.
    pub registration: Option<Registration>,
}

impl std::fmt::Debug for NodeWork {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("NodeWork")
            .field("plan", &self.plan)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// What the executor tells a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ToNode {
    Open(Gate),
    Cancel,
    /// After the end: does this address answer, seen from the host?
    Probe(String),
}

/// What a host tells the executor. After [`FromNode::Ended`] only answers to probes follow.
#[derive(Debug)]
pub(super) enum FromNode {
    Event(Box<Event>),
    Lost(ErrorReport),
    Regained,
    Ended(End),
    Probed(Result<(bool, String), ErrorReport>),
}

/// How a host's part ended.
#[derive(Debug)]
pub(super) enum End {
    Refused(Refusal),
    /// A terminal event was seen that is not success.
    NotDone,
    /// It was told to end, since what it waits for cannot be sent.
    GivenUp(ErrorReport),
    /// Every step is done, and there was nothing to prove in the MetaDB.
    Done,
    Registered(Evidence, Duration),
    NotRegistered(ErrorReport),
    /// Gone for longer than the limit.
    Gone(ErrorReport),
}

/// What all hosts of a rollout share.
pub(super) struct Shared {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) contents: BTreeMap<Digest, Arc<dyn ContentSource>>,
    pub(super) key: FingerprintKey,
    pub(super) operator: Operator,
    pub(super) reconnect: Duration,
}

/// The walk of one host, seen from here.
pub(super) struct NodeWalk {
    shared: Arc<Shared>,
    node: NodeName,
    run: RunId,
    target: HostTarget,
    connection: Arc<dyn Connection>,
    session: Session,
    /// The last event that was passed on.
    seen: u64,
    opened: BTreeSet<Gate>,
    cancelled: bool,
    /// The number of the terminal event, once it was acknowledged.
    acknowledged: Option<u64>,
    sendings: Sendings,
    /// Why the agent was told to end.
    given_up: Option<ErrorReport>,
    events: mpsc::Sender<(NodeName, FromNode)>,
}

impl NodeWalk {
    pub(super) fn new(
        shared: Arc<Shared>,
        run: RunId,
        link: HostLink,
        events: mpsc::Sender<(NodeName, FromNode)>,
    ) -> Self {
        Self {
            shared,
            node: link.target.node.clone(),
            run,
            target: link.target,
            connection: link.connection,
            session: link.session,
            seen: 0,
            opened: BTreeSet::new(),
            cancelled: false,
            acknowledged: None,
            sendings: Sendings::default(),
            given_up: None,
            events,
        }
    }

    /// From the plan to the proof. Closes the connection when nobody wants anything of the host any more.
    pub(super) async fn run(mut self, work: NodeWork, mut commands: mpsc::Receiver<ToNode>) {
        let secrets = work.secrets.into_iter().map(|(name, secret)| (name, WireSecret(secret))).collect();
        let (key, operator) = (self.shared.key.clone(), self.shared.operator.clone());
        let start = ToAgent::Start { plan: work.plan, key, secrets, operator };
        let end = match self.session.send(start).await {
            Ok(()) => self.follow(&mut commands).await,
            Err(error) => End::Gone(error),
        };
        let end = match (end, work.registration, self.given_up.take()) {
            (End::Done, Some(registration), _) => self.prove(&registration).await,
            (End::NotDone, _, Some(error)) => End::GivenUp(error),
            (end, _, _) => end,
        };
        self.sendings.call_off();
        let _ = self.events.send((self.node.clone(), FromNode::Ended(end))).await;
        while let Some(command) = commands.recv().await {
            if let ToNode::Probe(url) = command {
                let probed = self.session.probe(ProbeTarget::Http { url }).await;
                let answer = probed.map(|(reached, _, found)| (reached, found));
                let _ = self.events.send((self.node.clone(), FromNode::Probed(answer))).await;
            }
        }
        // The agent ends after the acknowledgement; the channel closes when it is gone.
        self.session.close(Duration::from_secs(3)).await;
        self.connection.close().await;
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
                    Some(FromAgent::Refused(refusal)) => return End::Refused(refusal),
                    Some(FromAgent::Attached(_)) => {}
                    None => if let Err(error) = self.find_again().await {
                        return End::Gone(error);
                    },
                },
                ended = self.sendings.ended() => match ended {
                    Ok(again) => again.into_iter().for_each(|digest| self.send(digest, true)),
                    Err(error) => self.give_up(error).await,
                },
            }
        }
    }

    async fn command(&mut self, command: ToNode) {
        let message = match command {
            ToNode::Open(gate) => {
                self.opened.insert(gate);
                ToAgent::OpenGate { gate }
            }
            ToNode::Cancel => {
                self.cancelled = true;
                self.cancel_message()
            }
            ToNode::Probe(_) => return,
        };
        // A lost channel is noticed where events are read; what was said is said again afterwards.
        let _ = self.session.send(message).await;
    }

    fn cancel_message(&self) -> ToAgent {
        ToAgent::Cancel { mode: CancelMode::AfterStep, by: self.shared.operator.who.clone() }
    }

    /// Passes an event on; the end when it is the last.
    async fn event(&mut self, event: Box<Event>) -> Option<End> {
        let importance = event.kind.importance();
        if importance != Importance::Lossy {
            if event.seq <= self.seen {
                return None;
            }
            self.seen = event.seq;
        }
        let end = match &event.kind {
            EventKind::ContentWanted { content, .. } => {
                match self.sendings.asked(content, &self.shared.contents) {
                    Ok(digest) => self.send(digest, false),
                    Err(error) => self.give_up(error).await,
                }
                None
            }
            EventKind::StepDone { .. } | EventKind::StepFailed { .. } => {
                self.sendings.done();
                None
            }
            EventKind::NodeDone { .. } => Some(End::Done),
            _ if importance == Importance::Terminal => Some(End::NotDone),
            _ => None,
        };
        let seq = event.seq;
        let _ = self.events.send((self.node.clone(), FromNode::Event(event))).await;
        if end.is_some() {
            self.acknowledged = Some(seq);
            let _ = self.session.send(ToAgent::Acknowledge { seq }).await;
        }
        end
    }

    fn send(&mut self, digest: Digest, again: bool) {
        let Some(source) = self.shared.contents.get(&digest).cloned() else { return };
        self.sendings.send(Arc::clone(&self.connection), self.run.clone(), digest, source, again);
    }

    /// What the agent waits for cannot be sent: without this it would wait for a day.
    async fn give_up(&mut self, error: ErrorReport) {
        tracing::warn!(node = %self.node, error = %error.one_line(), "the image cannot be sent");
        self.given_up.get_or_insert(error);
        self.cancelled = true;
        // A lost channel is noticed where events are read; what was said is said again afterwards.
        let _ = self.session.send(self.cancel_message()).await;
    }

    /// Connects again, with growing pauses, for as long as the operator allows; says again what was said.
    async fn find_again(&mut self) -> Result<(), ErrorReport> {
        self.sendings.call_off();
        let mut error = lost(&self.node);
        let _ = self.events.send((self.node.clone(), FromNode::Lost(error.clone()))).await;
        let began = Instant::now();
        let mut pause = Duration::from_millis(200);
        while began.elapsed() < self.shared.reconnect {
            match self.attach().await {
                Ok(()) => {
                    let _ = self.events.send((self.node.clone(), FromNode::Regained)).await;
                    self.sendings.wanted().into_iter().for_each(|digest| self.send(digest, false));
                    return Ok(());
                }
                Err(failed) => error = failed,
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        Err(error)
    }

    async fn attach(&mut self) -> Result<(), ErrorReport> {
        let connection = self.shared.transport.connect(&self.target).await?;
        let stream = connection.run_agent(AgentCommand::Session).await?;
        let session = Session::open(self.node.clone(), stream, self.shared.clock.utc_ms()).await?;
        session.send(ToAgent::Attach { run: self.run.clone(), after: self.seen }).await?;
        for gate in &self.opened {
            session.send(ToAgent::OpenGate { gate: *gate }).await?;
        }
        if self.cancelled {
            session.send(self.cancel_message()).await?;
        }
        if let Some(seq) = self.acknowledged {
            // Without it the agent would wait on its host for a day.
            session.send(ToAgent::Acknowledge { seq }).await?;
        }
        (self.connection, self.session) = (connection, session);
        Ok(())
    }

    /// Asks the MetaDB by way of the host until it shows the host; over a new connection when this one is lost.
    async fn prove(&mut self, registration: &Registration) -> End {
        let began = Instant::now();
        loop {
            let connection = Arc::clone(&self.connection);
            tokio::select! {
                proved = registration.wait(connection.as_ref()) => return match proved {
                    Ok(evidence) => End::Registered(evidence, began.elapsed()),
                    Err(error) => End::NotRegistered(error),
                },
                () = connection.closed() => {}
            }
            if let Err(error) = self.find_again().await {
                return End::Gone(error);
            }
        }
    }
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
