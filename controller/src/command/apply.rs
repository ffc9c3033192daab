//! `omsctl apply`: reads what should be, looks at what is, refuses or plans, asks, and makes it so.

use std::time::Duration;

use omsctl_proto::{
    Claim, ControllerId, ErrorReport, FingerprintKey, Hold, NodeName, NodeOutcome, NodeResult, RunId,
    RunResult, RunStory,
};
use tokio::time::{Instant, sleep, timeout_at};

use super::World;
use super::act::Act;
use super::carry::Carry;
use super::closing::closing;
use super::databases;
use super::decide::{Decision, decide, not_begun};
use super::detach;
use super::giving_up;
use super::inputs::{self, Images, Inputs};
use super::interrupt::interrupted;
use super::look::{self, How, Looked, Reach};
use super::password;
use super::standing::{self, Standing};
use super::telling::{Closing, Kind, Telling};
use super::version;
use crate::cli::ApplyRequest;
use crate::exit::Exit;
use crate::plan::{Destruction, Goal, NodeSteps, Purpose};
use crate::rollout::{Part, Walked};

/// How long a lost host is looked for.
pub(super) const RECONNECT: Duration = Duration::from_mins(2);
/// Two commands that both began to look are told apart after so many attempts at the latest.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(500);

/// From the files to the last word.
pub async fn apply(world: &World, request: &ApplyRequest, typed: &str) -> Exit {
    change(world, request, typed, Aim { purpose: Purpose::Apply, allow_outage: false, confirm: None }).await
}

/// What a command that changes hosts is for.
#[derive(Debug, Clone)]
pub(super) struct Aim {
    pub(super) purpose: Purpose,
    pub(super) allow_outage: bool,
    /// The name of the rm database, given instead of being typed when databases are to be dropped.
    pub(super) confirm: Option<String>,
}

/// Whatever the purpose, the same way: read, look, find out who else is at work, plan, ask, walk, tell.
pub(super) async fn change(world: &World, request: &ApplyRequest, typed: &str, aim: Aim) -> Exit {
    let command = aim.purpose.command();
    if !world.globals.yes && !world.out.can_ask() {
        let message = format!("error: {command} changes hosts and there is no terminal to ask on; add --yes");
        world.out.message(&message);
        return Exit::Usage;
    }
    let images = match aim.purpose {
        Purpose::Apply | Purpose::Upgrade => Images::Read,
        _ => Images::Leave,
    };
    let inputs = match inputs::load(world, images).await {
        Ok(inputs) => inputs,
        Err(exit) => return exit,
    };
    if let Purpose::Remove(leaving) = &aim.purpose
        && let Some(unknown) = giving_up::unknown(&inputs, leaving)
    {
        let message = format!(
            "error: the inventory has no host {unknown}; remove it while its line is still there: put the line back"
        );
        world.out.message(&message);
        return Exit::Usage;
    }
    if let Err(exit) = password::may_be_changed(world, &inputs) {
        return exit;
    }
    if let Err(exit) = databases::may_be_dropped(world, &inputs, &aim) {
        return exit;
    }
    if let Some(unknown) = giving_up::unknown(&inputs, &request.give_up) {
        world.out.message(&format!("error: --give-up {unknown}: the inventory has no such host"));
        return Exit::Usage;
    }
    let apply = Apply { world, request, typed, inputs, controller: world.new_controller(), aim };
    let until = request.wait.map(|wait| Instant::now() + wait);
    let run = request.background.clone().unwrap_or_else(|| world.new_run());
    let mut attempts = 0;
    loop {
        attempts += 1;
        match apply.attempt(&run, until, attempts < ATTEMPTS).await {
            Attempt::Ended(exit) => return exit,
            Attempt::Again => {}
        }
    }
}

/// One command, whatever it meets.
pub(super) struct Apply<'a> {
    pub(super) world: &'a World,
    pub(super) request: &'a ApplyRequest,
    pub(super) typed: &'a str,
    pub(super) inputs: Inputs,
    pub(super) controller: ControllerId,
    pub(super) aim: Aim,
}

enum Attempt {
    Ended(Exit),
    /// What was in the way is out of it: look again.
    Again,
}

impl Apply<'_> {
    /// Looks, and does what the hosts' state asks for: the rollout, or first something about another one.
    async fn attempt(&self, run: &RunId, until: Option<Instant>, gives_way: bool) -> Attempt {
        let (world, key) = (self.world, self.world.new_key());
        let names = self.inputs.deployment.names().cloned().collect();
        let mut telling = Telling::begin(world, run.clone(), self.typed, Kind::Change, names).await;
        let hold = Hold {
            controller: self.controller.clone(),
            run: run.clone(),
            operator: world.operator.clone(),
            take_over: self.request.take_over,
        };
        let measure = matches!(self.aim.purpose, Purpose::Destroy(Destruction { delete_data: true, .. }));
        let (forks, hold) = (self.request.forks, Some(hold));
        let how = How { reach: Reach::Inventory, forks, hold, measure };
        let looked = look::look_holding(world, &self.inputs, &key, how, &mut telling.emitter).await;
        let Some(mut looked) = looked else {
            telling.keep(world).await;
            let exit = telling.finish(world, RunResult::Interrupted, Vec::new(), Closing::default()).await;
            return Attempt::Ended(exit);
        };
        if self.aim.purpose == Purpose::Upgrade {
            looked.observed.contents = version::contents(world, &self.inputs, &looked.survey).await;
        }
        if !giving_up::may_be(&self.inputs, &looked, &self.request.give_up, &mut telling).await {
            let nodes = not_begun(&self.inputs, &looked);
            looked.survey.close().await;
            telling.keep(world).await;
            let exit = telling.finish(world, RunResult::Refused, nodes, Closing::default()).await;
            return Attempt::Ended(exit);
        }
        Box::pin(self.meet((run.clone(), key), (until, gives_way), looked, telling)).await
    }

    /// Does what the hosts' state asks for.
    async fn meet(
        &self,
        (run, key): (RunId, FingerprintKey),
        (until, gives_way): (Option<Instant>, bool),
        looked: Looked,
        mut telling: Telling,
    ) -> Attempt {
        let world = self.world;
        match standing::find(&self.inputs, &looked, &self.aim.purpose).await {
            Standing::Free if self.request.detach => {
                Attempt::Ended(self.detach(run, key, looked, telling).await)
            }
            Standing::Same(story) if self.request.detach => {
                telling.end_looking();
                looked.survey.close().await;
                let hosts = story.plan.table.hosts.iter().map(|row| row.node.clone()).collect();
                Attempt::Ended(detach::detach(world, &run, self.typed, hosts).await)
            }
            Standing::Free => {
                telling.keep(world).await;
                Attempt::Ended(self.rollout(run, key, looked, telling).await)
            }
            Standing::Held(theirs) if gives_way && theirs.gives_way(&looked.survey, &run) => {
                telling.end_looking();
                looked.survey.close().await;
                sleep(PAUSE).await;
                Attempt::Again
            }
            Standing::Held(theirs) => {
                let selected = self.inputs.deployment.selected_names().cloned();
                let outcomes = theirs.outcomes(selected, self.aim.purpose.command());
                self.wait(until, theirs.run().cloned(), looked, telling, outcomes).await
            }
            Standing::Same(story) => self.carry_on(&story, looked, telling, false).await,
            Standing::Other(story) => self.other(*story, until, looked, telling).await,
        }
    }

    /// Another goal: ended when the operator says so and nobody can be in the schema step unheard, else waited for.
    async fn other(
        &self,
        story: RunStory,
        until: Option<Instant>,
        looked: Looked,
        telling: Telling,
    ) -> Attempt {
        let unheard = giving_up::unheard(&story, &looked.survey, &self.request.give_up);
        if self.request.take_over && unheard.is_none() {
            return self.carry_on(&story, looked, telling, true).await;
        }
        let error = unheard.filter(|_| self.request.take_over);
        let other = || standing::other_report(&story, self.aim.purpose.command());
        let error = error.unwrap_or_else(other);
        let outcome = |node: &NodeName| NodeOutcome {
            node: node.clone(),
            result: NodeResult::Waiting,
            error: Some(error.clone()),
        };
        let outcomes = self.inputs.deployment.selected_names().map(outcome).collect();
        self.wait(until, Some(story.plan.run), looked, telling, outcomes).await
    }

    /// Everything up to the operator's word; then another controller does it.
    async fn detach(&self, run: RunId, key: FingerprintKey, looked: Looked, mut telling: Telling) -> Exit {
        let (world, inputs) = (self.world, &self.inputs);
        let mut goal = self.goal(run, key);
        let decided = decide(world, inputs, &looked, (&mut goal, false), &mut telling).await;
        looked.survey.close().await;
        match decided {
            Decision::Go(plan) if plan.busy().is_empty() => {
                telling.keep(world).await;
                let unchanged = |node: &NodeSteps| NodeOutcome {
                    node: node.node.clone(),
                    result: NodeResult::Unchanged,
                    error: None,
                };
                let nodes = plan.nodes.iter().map(unchanged).collect();
                let closing = closing(&self.inputs, looked.observed.metadb.as_ref());
                telling.finish(world, RunResult::Unchanged, nodes, closing).await
            }
            Decision::Go(plan) => {
                telling.end_looking();
                let busy = plan.busy().into_iter().map(|node| node.node.clone()).collect();
                detach::detach(world, &goal.run, self.typed, busy).await
            }
            Decision::Stop(result, nodes) => {
                telling.keep(world).await;
                let closing = closing(&self.inputs, looked.observed.metadb.as_ref());
                telling.finish(world, result, nodes, closing).await
            }
        }
    }

    fn goal(&self, run: RunId, key: FingerprintKey) -> Goal {
        Goal {
            purpose: self.aim.purpose.clone(),
            allow_outage: self.aim.allow_outage,
            give_up: self.request.give_up.clone(),
            run,
            key,
            join_metadb: self.request.join_metadb,
            move_cm_url: self.request.move_cm_url,
            with_former: self.world.passwords.former_metadb.is_some(),
            keep_going: self.request.keep_going,
            relay: !self.request.direct,
            leave_out: std::collections::BTreeSet::default(),
        }
    }

    async fn rollout(&self, run: RunId, key: FingerprintKey, looked: Looked, mut telling: Telling) -> Exit {
        let (world, inputs) = (self.world, &self.inputs);
        let mut goal = self.goal(run, key);
        let named = self.aim.confirm.is_some();
        let (result, nodes) = match decide(world, inputs, &looked, (&mut goal, named), &mut telling).await {
            Decision::Go(plan) => {
                let act = Act { apply: self, goal: &goal, observed: &looked.observed };
                act.walk(plan, looked.survey, &mut telling).await
            }
            Decision::Stop(result, nodes) => {
                looked.survey.close().await;
                (result, nodes)
            }
        };
        let closing = closing(&self.inputs, looked.observed.metadb.as_ref());
        telling.finish(world, result, nodes, closing).await
    }

    /// A rollout that nobody leads: to its end, or only to the next safe point of every agent.
    async fn carry_on(&self, story: &RunStory, looked: Looked, telling: Telling, ends: bool) -> Attempt {
        let (world, run, looked_ms) = (self.world, &story.plan.run, self.world.clock.utc_ms());
        telling.end_looking();
        let claim = Claim::after(story.claim.epoch, self.controller.clone());
        let (part, what) = if ends {
            (Part::End(claim), "is ended")
        } else {
            (Part::Lead(claim), "wants the same and is carried on")
        };
        world.out.message(&format!(
            "the rollout {run} of {}, since {}, has lost its controller; it {what}",
            story.operator.who, story.started
        ));
        let hosts = story.plan.table.hosts.iter().map(|row| row.node.clone()).collect();
        let mut telling = Telling::resume(world, story, hosts, true).await;
        let known = Some((&self.inputs, &looked.observed));
        let (controller, give_up) = (self.controller.clone(), &self.request.give_up);
        let bandwidth = self.request.bandwidth;
        let carry = Carry { world, story, controller, part, give_up, known, bandwidth };
        let (result, walked) = carry.walk(looked.survey, &mut telling).await;
        if result == RunResult::Done {
            let goal = self.goal(run.clone(), story.key.clone().unwrap_or_else(|| world.new_key()));
            let seen = (&looked.observed, &goal);
            version::remind((world, &self.inputs), seen, looked_ms, &mut telling).await;
            let rows = &story.plan.table.hosts;
            password::remind(&self.inputs, &looked.observed, rows, &mut telling).await;
        }
        let left = matches!(result, RunResult::Done | RunResult::Unchanged | RunResult::Unreachable);
        // Ended as this command wanted, or left by its operator, or at a gate that stays shut.
        let goes_on = walked.ended && (ends || left);
        let closing = closing(&self.inputs, looked.observed.metadb.as_ref());
        if goes_on {
            telling.end(world, result, walked.nodes, closing).await;
            return Attempt::Again;
        }
        Attempt::Ended(telling.finish(world, result, walked.nodes, closing).await)
    }

    /// Refuses, or reads along until the other rollout has ended.
    async fn wait(
        &self,
        until: Option<Instant>,
        run: Option<RunId>,
        looked: Looked,
        mut telling: Telling,
        outcomes: Vec<NodeOutcome>,
    ) -> Attempt {
        let world = self.world;
        let Some(until) = until.filter(|until| *until > Instant::now()) else {
            looked.survey.close().await;
            telling.keep(world).await;
            return Attempt::Ended(
                telling.finish(world, RunResult::Busy, outcomes, Closing::default()).await,
            );
        };
        telling.end_looking();
        let story = match run {
            Some(run) => standing::story_of(&looked.survey, &run).await,
            None => None,
        };
        let Some(story) = story else {
            // Its controller only looks yet.
            looked.survey.close().await;
            sleep(PAUSE).await;
            return Attempt::Again;
        };
        world.out.message(&format!("waiting until the rollout {} has ended", story.plan.run));
        let hosts = story.plan.table.hosts.iter().map(|row| row.node.clone()).collect();
        let mut telling = Telling::resume(world, &story, hosts, false).await;
        let (controller, give_up) = (self.controller.clone(), &self.request.give_up);
        let part = Part::Read;
        let carry = Carry { world, story: &story, controller, part, give_up, known: None, bandwidth: None };
        let followed = timeout_at(until, carry.walk(looked.survey, &mut telling)).await;
        telling.end_looking();
        match followed {
            Ok((_, Walked { interrupted: true, .. })) => Attempt::Ended(interrupted(world)),
            Ok(_) | Err(_) => Attempt::Again,
        }
    }
}

/// What a refusal or a failure says, for stderr.
pub(super) fn report_text(report: &ErrorReport) -> String {
    let mut lines = vec![format!("refused: {}", report.message)];
    lines.extend(report.causes.iter().map(|cause| format!("  {cause}")));
    lines.extend(report.hint.iter().map(|hint| format!("  -> {hint}")));
    lines.join("\n")
}
