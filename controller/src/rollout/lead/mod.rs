//! The one loop that hears all hosts of a rollout: keeps what they tell, opens their gates, obeys the operator.

mod moving;
mod password;

use std::collections::{BTreeMap, BTreeSet};

use omsctl_proto::{CheckResult, ErrorCode, ErrorReport, EventKind, NodeName};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::Emitter;
use super::cm_url::cm_url_check;
use super::dialogue::{End, FromNode, ToNode};
use super::executor::{Absent, Walked, unreachable};
use super::gates::{Gates, Shut};
pub(super) use super::leadership::Leadership;
use super::leadership::Step;
use super::outcomes::{Outcomes, is_done, told};
use crate::ports::Interrupt;

/// What the first Ctrl-C means.
const STOPPING: &str = "stopping: no further gate is opened and running steps are finished; Ctrl-C again: the agents end \
                        after the step they are in, a third time: leave at once";
const ENDING: &str = "ending: every agent stops after the step it is in; Ctrl-C again leaves at once";

/// How far the operator wants it to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Will {
    GoOn,
    /// No further gate; the agents stay.
    Stop,
    /// No further step.
    End,
    Leave,
}

/// What the loop knows.
pub(super) struct Lead<'a> {
    gates: Gates,
    leadership: Leadership,
    commands: BTreeMap<NodeName, mpsc::Sender<ToNode>>,
    outcomes: Outcomes,
    /// Hosts where nothing goes on before a gate opens, or that nobody can see.
    standing: BTreeSet<NodeName>,
    /// Hosts that wait for another one that is lost, and may be in the schema step.
    behind: BTreeMap<NodeName, NodeName>,
    will: Will,
    superseded: bool,
    /// When a rollout that nobody leads is taken over.
    vacant_at: Option<Instant>,
    emitter: &'a mut Emitter,
}

impl<'a> Lead<'a> {
    pub(super) fn new(
        gates: Gates,
        leadership: Leadership,
        commands: BTreeMap<NodeName, mpsc::Sender<ToNode>>,
        emitter: &'a mut Emitter,
    ) -> Self {
        Self {
            gates,
            leadership,
            commands,
            outcomes: Outcomes::default(),
            standing: BTreeSet::new(),
            behind: BTreeMap::new(),
            will: Will::GoOn,
            superseded: false,
            vacant_at: None,
            emitter,
        }
    }

    /// A host of the run that does not answer.
    pub(super) async fn absent(&mut self, absent: Absent) {
        let Absent { row, error, given_up } = absent;
        self.emitter.say(unreachable(&row.node, &error)).await;
        if given_up {
            self.gates.given_up(&row);
        } else {
            self.gates.absent(&row);
        }
        self.outcomes.end(&row.node, End::Gone(error));
    }

    pub(super) async fn listen(
        &mut self,
        heard: &mut mpsc::Receiver<(NodeName, FromNode)>,
        interrupts: &mut mpsc::Receiver<Interrupt>,
    ) {
        let mut interruptible = true;
        while !self.is_over() {
            let vacant = self.vacant_at;
            let takes_over = async {
                if let Some(at) = vacant {
                    sleep_until(at).await;
                }
            };
            tokio::select! {
                message = heard.recv() => match message {
                    Some((node, message)) => self.hear(&node, message).await,
                    None => return,
                },
                interrupt = interrupts.recv(), if interruptible => match interrupt {
                    Some(interrupt) => self.interrupt(interrupt).await,
                    None => interruptible = false,
                },
                () = takes_over, if vacant.is_some() => self.take_over().await,
            }
            if self.leadership.may_open() {
                self.open_gates().await;
                self.send_the_hopeless_home().await;
            }
        }
    }

    pub(super) fn all_ended(&self) -> bool {
        self.commands.keys().all(|node| self.outcomes.has_ended(node))
    }

    fn is_over(&self) -> bool {
        let stands = |node: &NodeName| self.outcomes.has_ended(node) || self.standing.contains(node);
        let held_back = |node: &NodeName| self.outcomes.has_ended(node) || self.behind.contains_key(node);
        self.commands.keys().all(held_back)
            || self.superseded
            || self.will == Will::Leave
            || (self.will == Will::Stop && self.commands.keys().all(stands))
    }

    /// Nobody is told anything more.
    pub(super) fn dismiss_all(&mut self) {
        self.commands.clear();
    }

    pub(super) fn walked(mut self, cm_url: Option<CheckResult>, ended: bool) -> Walked {
        for node in self.commands.keys() {
            if let Some(holder) = self.behind.get(node) {
                self.outcomes.leave(node, behind_report(holder));
                continue;
            }
            let why = if self.standing.contains(node) {
                "its agent waits at a gate"
            } else {
                "its agent was left at work"
            };
            self.outcomes.leave(node, ErrorReport::new(ErrorCode::Cancelled, why));
        }
        let interrupted = self.superseded || self.will > Will::GoOn;
        Walked { nodes: self.outcomes.into_all(), cm_url, interrupted, ended }
    }

    async fn hear(&mut self, node: &NodeName, message: FromNode) {
        match message {
            FromNode::Event(event) => {
                self.gates.observe(node, &event.kind);
                self.outcomes.note(node, &event.kind);
                self.stand(node, &event.kind);
                self.emitter.pass_on(&event).await;
            }
            FromNode::Attached(attached) => {
                self.leadership.attached(node, &attached.claim);
                for gate in attached.opened {
                    self.gates.passed(node, gate);
                }
            }
            FromNode::CaughtUp => self.leadership.caught_up(node),
            FromNode::Lost(error) => {
                self.standing.insert(node.clone());
                self.leadership.led(node);
                self.watch();
                self.emitter.say(EventKind::HostLost { host: node.clone(), error }).await;
            }
            FromNode::Regained => {
                self.standing.remove(node);
                self.emitter.say(EventKind::HostRegained { host: node.clone() }).await;
            }
            FromNode::Unheld => {
                self.leadership.unheld(node);
                self.watch();
            }
            FromNode::Led => {
                self.leadership.led(node);
                self.watch();
            }
            FromNode::Held(held) => {
                let step = self.leadership.answered(node, held);
                self.follow(step).await;
            }
            FromNode::NoSecrets => {
                let message = format!(
                    "{node} was restarted and needs its secrets again: `omsctl apply` with the same files brings them"
                );
                self.emitter.say(EventKind::Notice { message }).await;
                self.standing.insert(node.clone());
            }
            FromNode::Ended(end) => self.end(node, end).await,
            FromNode::Before(before) => self.heard_before(node, before).await,
            FromNode::Forgotten(forgotten) => self.forgotten(forgotten).await,
            FromNode::PasswordSet(set) => self.password_set(node, set).await,
            // Asked for only after the last end.
            FromNode::Probed(_) => {}
        }
    }

    /// Remembers whether anything goes on there.
    fn stand(&mut self, node: &NodeName, kind: &EventKind) {
        match kind {
            EventKind::GateWaiting { .. } => {
                self.standing.insert(node.clone());
            }
            EventKind::GatePassed { .. } | EventKind::StepStarted { .. } => {
                self.standing.remove(node);
            }
            _ => {}
        }
    }

    async fn end(&mut self, node: &NodeName, end: End) {
        if let End::Superseded(by) = &end {
            self.resign(by).await;
        } else if let Some(event) = told(node, &end) {
            self.emitter.say(event).await;
        }
        let gone = matches!(end, End::Gone(_));
        let result = self.outcomes.end(node, end);
        if gone {
            self.gates.lost(node);
        } else {
            self.gates.ended(node, is_done(result));
        }
        let step = self.leadership.gone(node);
        self.follow(step).await;
        self.watch();
    }

    /// The hosts obey another controller from now on.
    async fn resign(&mut self, by: &str) {
        if self.superseded {
            return;
        }
        self.superseded = true;
        self.gates.close();
        self.leadership.resign();
        let message =
            format!("{by} has taken this rollout over and goes on with it; nothing is opened from here");
        self.emitter.say(EventKind::Notice { message }).await;
    }

    async fn open_gates(&mut self) {
        self.change_metadb().await;
        self.change_password().await;
        for (node, gate) in self.gates.open() {
            self.standing.remove(&node);
            self.emitter.say(EventKind::GateOpened { host: node.clone(), gate }).await;
            self.tell(&node, ToNode::Open(gate)).await;
        }
    }

    /// Sets when to take over, for as long as nobody leads.
    fn watch(&mut self) {
        if self.leadership.is_vacant(&self.living()) {
            let pause = self.leadership.pause();
            self.vacant_at.get_or_insert_with(|| Instant::now() + pause);
        } else {
            self.vacant_at = None;
        }
    }

    fn living(&self) -> BTreeSet<NodeName> {
        self.commands.keys().filter(|node| !self.outcomes.has_ended(node)).cloned().collect()
    }

    async fn take_over(&mut self) {
        self.vacant_at = None;
        let step = self.leadership.take_over(self.living());
        self.follow(step).await;
    }

    async fn follow(&mut self, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Hold => self.tell_all(&ToNode::Hold).await,
            Step::Release => {
                self.tell_all(&ToNode::Release).await;
                self.watch();
            }
            Step::Lead(claim) => {
                let message = "nobody led this rollout any more: it is led from here now".to_owned();
                self.emitter.lead().await;
                self.emitter.say(EventKind::Notice { message }).await;
                self.leadership.awaits(self.living());
                self.tell_all(&ToNode::Lead(claim)).await;
            }
        }
    }

    /// Whether the CM answers where OMS's components look for it, seen from the first of these hosts that is done and can be asked.
    pub(super) async fn probe(
        &mut self,
        url: Option<String>,
        askable: &BTreeSet<NodeName>,
        heard: &mut mpsc::Receiver<(NodeName, FromNode)>,
    ) -> Option<CheckResult> {
        let url = url.filter(|_| self.leadership.leads())?;
        let mut last = None;
        for node in self.outcomes.done().into_iter().filter(|node| askable.contains(node)) {
            self.tell(&node, ToNode::Probe(url.clone())).await;
            let answer = loop {
                match heard.recv().await? {
                    (from, FromNode::Probed(answer)) if from == node => break answer,
                    _ => {}
                }
            };
            let asked = answer.is_ok();
            last = Some((node, answer));
            if asked {
                break;
            }
        }
        let (node, answer) = last?;
        let check = cm_url_check(&url, &node, answer);
        self.emitter.say(EventKind::Check { check: check.clone() }).await;
        Some(check)
    }

    /// The operator's word, once more or for the first time.
    pub(super) async fn interrupt(&mut self, interrupt: Interrupt) {
        match interrupt {
            Interrupt::Stop if self.will == Will::GoOn => {
                self.will = Will::Stop;
                self.gates.close();
                if self.leadership.leads() {
                    self.notice(STOPPING).await;
                } else {
                    self.will = Will::Leave;
                }
            }
            Interrupt::End if self.will < Will::End => {
                self.will = Will::End;
                self.gates.close();
                self.notice(ENDING).await;
                self.tell_all(&ToNode::Cancel).await;
            }
            Interrupt::Leave => self.will = Will::Leave,
            Interrupt::Stop | Interrupt::End => {}
        }
    }

    async fn notice(&mut self, message: &str) {
        self.emitter.say(EventKind::Notice { message: message.to_owned() }).await;
    }

    /// Agents that wait for a gate that cannot open any more are told to end, so that nothing is left behind. Those that
    /// wait for a lost host stay where they are: they keep the next command from beginning beside it.
    async fn send_the_hopeless_home(&mut self) {
        let waiting = self.commands.keys().filter(|node| !self.outcomes.has_ended(node));
        let hopeless: Vec<_> =
            waiting.filter_map(|node| Some((node.clone(), self.gates.hopeless(node)?))).collect();
        for (node, shut) in hopeless {
            let reason = match shut {
                Shut::ForGood(reason) => reason,
                Shut::Behind(holder) => {
                    self.behind.insert(node, holder);
                    continue;
                }
            };
            let message = format!("{node} is not let through: {reason}");
            self.emitter.say(EventKind::Notice { message }).await;
            self.gates.dismissed(&node);
            self.tell(&node, ToNode::Cancel).await;
        }
    }

    async fn tell_all(&self, command: &ToNode) {
        for node in self.commands.keys().filter(|node| !self.outcomes.has_ended(node)) {
            self.tell(node, command.clone()).await;
        }
    }

    async fn tell(&self, node: &NodeName, command: ToNode) {
        if let Some(commands) = self.commands.get(node) {
            // A host that ended meanwhile hears nothing any more.
            let _ = commands.send(command).await;
        }
    }
}

fn behind_report(holder: &NodeName) -> ErrorReport {
    let message = format!("waits at the schema gate: {holder} is lost and may be in the schema step");
    ErrorReport::new(ErrorCode::Cancelled, message).hint(format!(
        "when {holder} answers again: omsctl apply; when it never will: omsctl apply --give-up {holder}"
    ))
}
