//! Runs a rollout: every host side by side, one loop that hears all of them, and the gates between them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use omsctl_proto::{
    CheckResult, CheckStatus, Digest, ErrorCode, ErrorReport, EventKind, FingerprintKey, NodeName,
    NodeOutcome, NodeResult, Operator, Refusal, RunId,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::gates::{Gates, InitOrder};
use super::node::{End, FromNode, NodeWalk, NodeWork, Shared, ToNode};
use super::{Emitter, HostLink};
use crate::ports::{Clock, ContentSource, Interrupt, Transport};

/// What all hosts have to do, in the order of the schema step.
pub struct Rollout {
    pub run: RunId,
    pub nodes: Vec<(NodeWork, HostLink)>,
    pub init_order: InitOrder,
    pub max_failures: Option<NonZeroUsize>,
    pub key: FingerprintKey,
    pub operator: Operator,
    pub contents: BTreeMap<Digest, Arc<dyn ContentSource>>,
    /// Asked for from a finished host when all are done.
    pub cm_url: String,
}

/// How it went.
#[derive(Debug)]
pub struct Walked {
    /// Of every host that had something to do.
    pub nodes: Vec<NodeOutcome>,
    /// `None` when no host came to its end.
    pub cm_url: Option<CheckResult>,
    /// The operator asked to stop or to leave.
    pub interrupted: bool,
}

impl std::fmt::Debug for Rollout {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rollout").field("run", &self.run).finish_non_exhaustive()
    }
}

/// Walks rollouts.
pub struct Executor {
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    /// How long a lost host is looked for.
    pub reconnect: Duration,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Executor").field("reconnect", &self.reconnect).finish_non_exhaustive()
    }
}

/// What the loop knows.
struct Walk<'a> {
    gates: Gates,
    commands: BTreeMap<NodeName, mpsc::Sender<ToNode>>,
    outcomes: BTreeMap<NodeName, NodeOutcome>,
    /// What the terminal event of a host said, until its end is known.
    said: BTreeMap<NodeName, NodeOutcome>,
    emitter: &'a mut Emitter,
    interrupted: bool,
}

impl Executor {
    /// Until every host has ended, or the operator left.
    pub async fn run(
        &self,
        rollout: Rollout,
        emitter: &mut Emitter,
        interrupts: &mut mpsc::Receiver<Interrupt>,
    ) -> Walked {
        let at_gates = rollout.nodes.iter().map(|(work, _)| {
            let gates: BTreeSet<_> = work.plan.steps.iter().filter_map(|step| step.gate).collect();
            (work.plan.node.clone(), work.role, gates)
        });
        let gates = Gates::new(&at_gates.collect::<Vec<_>>(), rollout.init_order, rollout.max_failures);
        let shared = Arc::new(Shared {
            transport: Arc::clone(&self.transport),
            clock: Arc::clone(&self.clock),
            contents: rollout.contents,
            key: rollout.key,
            operator: rollout.operator,
            reconnect: self.reconnect,
        });
        let (events, mut heard) = mpsc::channel(1024);
        let mut commands = BTreeMap::new();
        let mut walks = JoinSet::new();
        for (work, link) in rollout.nodes {
            let (command, received) = mpsc::channel(16);
            commands.insert(work.plan.node.clone(), command);
            let walk = NodeWalk::new(Arc::clone(&shared), rollout.run.clone(), link, events.clone());
            walks.spawn(walk.run(work, received));
        }
        drop(events);
        let mut walk = Walk {
            gates,
            commands,
            outcomes: BTreeMap::new(),
            said: BTreeMap::new(),
            emitter,
            interrupted: false,
        };
        walk.listen(&mut heard, interrupts).await;
        let mut cm_url = None;
        if walk.outcomes.len() == walk.commands.len() {
            cm_url = walk.probe(rollout.cm_url, &mut heard).await;
            // Every agent said its last word; wait until each is gone from its host.
            walk.commands.clear();
            while walks.join_next().await.is_some() {}
        }
        walk.leave_the_others();
        Walked { nodes: walk.outcomes.into_values().collect(), cm_url, interrupted: walk.interrupted }
    }
}

impl Walk<'_> {
    async fn listen(
        &mut self,
        heard: &mut mpsc::Receiver<(NodeName, FromNode)>,
        interrupts: &mut mpsc::Receiver<Interrupt>,
    ) {
        let mut interruptible = true;
        while self.outcomes.len() < self.commands.len() {
            tokio::select! {
                message = heard.recv() => match message {
                    Some((node, message)) => self.hear(&node, message).await,
                    None => return,
                },
                interrupt = interrupts.recv(), if interruptible => match interrupt {
                    Some(Interrupt::Stop) => self.stop().await,
                    Some(Interrupt::Leave) => {
                        self.interrupted = true;
                        return;
                    }
                    None => interruptible = false,
                },
            }
            self.open_gates().await;
            self.send_the_hopeless_home().await;
        }
    }

    /// Hosts whose end was not waited for.
    fn leave_the_others(&mut self) {
        for node in self.commands.keys() {
            self.outcomes.entry(node.clone()).or_insert_with(|| NodeOutcome {
                node: node.clone(),
                result: NodeResult::Waiting,
                error: Some(ErrorReport::new(ErrorCode::Cancelled, "its agent was left at work")),
            });
        }
    }

    async fn hear(&mut self, node: &NodeName, message: FromNode) {
        match message {
            FromNode::Event(event) => {
                self.gates.observe(node, &event.kind);
                self.note(node, &event.kind);
                self.emitter.pass_on(&event).await;
            }
            FromNode::Lost(error) => {
                self.emitter.say(EventKind::HostLost { host: node.clone(), error }).await;
            }
            FromNode::Regained => self.emitter.say(EventKind::HostRegained { host: node.clone() }).await,
            FromNode::Ended(end) => self.end(node, end).await,
            // Asked for only after the last end.
            FromNode::Probed(_) => {}
        }
    }

    /// Remembers what a terminal event says about the host.
    fn note(&mut self, node: &NodeName, kind: &EventKind) {
        let (result, error) = match kind {
            EventKind::NodeDone { changed: true } => (NodeResult::Changed, None),
            EventKind::NodeDone { changed: false } => (NodeResult::Unchanged, None),
            EventKind::NodeFailed { error, .. } => (NodeResult::Failed, Some(error.clone())),
            EventKind::NodeUnknown { error } => (NodeResult::Unknown, Some(error.clone())),
            EventKind::NodeAborted { by, reason } => {
                let why = format!("stopped after a step by {by}: {reason}");
                (NodeResult::Waiting, Some(ErrorReport::new(ErrorCode::Cancelled, why)))
            }
            _ => return,
        };
        self.said.insert(node.clone(), NodeOutcome { node: node.clone(), result, error });
    }

    async fn end(&mut self, node: &NodeName, end: End) {
        let said = self.said.remove(node);
        let unknown = || NodeOutcome {
            node: node.clone(),
            result: NodeResult::Unknown,
            error: Some(ErrorReport::new(ErrorCode::Internal, "the host ended without a terminal event")),
        };
        let failed = |result, error| NodeOutcome { node: node.clone(), result, error: Some(error) };
        let gone = matches!(end, End::Gone(_));
        let outcome = match end {
            End::Done | End::NotDone => said.unwrap_or_else(unknown),
            End::Registered(evidence, elapsed) => {
                let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
                self.emitter
                    .say(EventKind::HostRegistered { host: node.clone(), evidence, elapsed_ms })
                    .await;
                said.unwrap_or_else(unknown)
            }
            End::NotRegistered(error) => {
                let event = EventKind::HostNotRegistered { host: node.clone(), error: error.clone() };
                self.emitter.say(event).await;
                failed(NodeResult::Failed, error)
            }
            End::GivenUp(error) => failed(NodeResult::Failed, error),
            End::Refused(refusal) => failed(NodeResult::Waiting, refusal_report(node, refusal)),
            End::Gone(error) => {
                self.emitter
                    .say(EventKind::HostUnreachable { host: node.clone(), error: error.clone() })
                    .await;
                failed(NodeResult::Unreachable, error)
            }
        };
        if gone {
            self.gates.lost(node);
        } else {
            self.gates.ended(node, matches!(outcome.result, NodeResult::Changed | NodeResult::Unchanged));
        }
        self.outcomes.insert(node.clone(), outcome);
    }

    async fn open_gates(&mut self) {
        for (node, gate) in self.gates.open() {
            self.emitter.say(EventKind::GateOpened { host: node.clone(), gate }).await;
            self.tell(&node, ToNode::Open(gate)).await;
        }
    }

    /// Whether the CM answers where OMS's components look for it, seen from the first host that is done.
    async fn probe(
        &mut self,
        url: String,
        heard: &mut mpsc::Receiver<(NodeName, FromNode)>,
    ) -> Option<CheckResult> {
        let done =
            |outcome: &&NodeOutcome| matches!(outcome.result, NodeResult::Changed | NodeResult::Unchanged);
        let node = self.outcomes.values().find(done)?.node.clone();
        self.tell(&node, ToNode::Probe(url.clone())).await;
        let answer = loop {
            match heard.recv().await? {
                (from, FromNode::Probed(answer)) if from == node => break answer,
                _ => {}
            }
        };
        let check = cm_url_check(&url, &node, answer);
        self.emitter.say(EventKind::Check { check: check.clone() }).await;
        Some(check)
    }

    async fn stop(&mut self) {
        self.gates.close();
        self.interrupted = true;
        let message =
            "stopping: running steps are finished, nothing else is begun; Ctrl-C again leaves at once"
                .to_owned();
        self.emitter.say(EventKind::Notice { message }).await;
        for node in self.commands.keys().cloned().collect::<Vec<_>>() {
            self.tell(&node, ToNode::Cancel).await;
        }
    }

    /// Agents that wait for a gate that cannot open any more are told to end, so that nothing is left behind.
    async fn send_the_hopeless_home(&mut self) {
        let waiting = self.commands.keys().filter(|node| !self.outcomes.contains_key(*node));
        let hopeless: Vec<_> =
            waiting.filter_map(|node| Some((node.clone(), self.gates.hopeless(node)?))).collect();
        for (node, reason) in hopeless {
            let message = format!("{node} is not let through: {reason}");
            self.emitter.say(EventKind::Notice { message }).await;
            self.gates.dismissed(&node);
            self.tell(&node, ToNode::Cancel).await;
        }
    }

    async fn tell(&self, node: &NodeName, command: ToNode) {
        if let Some(commands) = self.commands.get(node) {
            // A host that ended meanwhile hears nothing any more.
            let _ = commands.send(command).await;
        }
    }
}

/// `cm_url` as a row of `check`; any answer will do, since the CM says 404 to a bare address.
pub fn cm_url_check(url: &str, from: &NodeName, answer: Result<(bool, String), ErrorReport>) -> CheckResult {
    let (reached, found) = answer.unwrap_or_else(|error| (false, error.one_line()));
    CheckResult {
        node: None,
        name: "cm_url".to_owned(),
        status: if reached { CheckStatus::Pass } else { CheckStatus::Fail },
        expected: format!("{url} answers"),
        found: format!("from {from}: {found}"),
        fix: if reached {
            String::new()
        } else {
            "let the virtual IP, load balancer or name in cm_url lead to port 8088 of the hosts; OMS's components \
             find their cluster manager there"
                .to_owned()
        },
    }
}

fn refusal_report(node: &NodeName, refusal: Refusal) -> ErrorReport {
    match refusal {
        Refusal::Busy { run, operator, since } => {
            ErrorReport::new(ErrorCode::Busy, format!("{node} is held by another rollout"))
                .cause(format!("run {run} of {operator}, since {since}"))
                .hint(format!(
                    "wait until it has ended; when its controller is gone, end its agent on the host (`pkill -f 'serve \
                     {run}'`: a running initialisation goes on and is found again); then run the same command again"
                ))
        }
        Refusal::NoSuchRun { run } => {
            ErrorReport::new(ErrorCode::Protocol, format!("{node} knows nothing of run {run}"))
        }
        Refusal::Failed { error } => error,
    }
}
