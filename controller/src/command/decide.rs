//! What a command that changes hosts decides before the first change: checks, plan, and the operator's word.

use omsctl_proto::{CheckResult, CheckStatus, EventKind, NodeOutcome, NodeResult, RunResult};

use super::World;
use super::databases;
use super::inputs::Inputs;
use super::look::Looked;
use super::telling::Telling;
use crate::plan::{self, Goal, Plan, Purpose};
use crate::report::{PlanView, plan_text};

/// What follows.
pub(super) enum Decision {
    Go(Plan),
    Stop(RunResult, Vec<NodeOutcome>),
}

/// Checks, plan, question. `named`: the database that has to be named before any is dropped was named already.
pub(super) async fn decide(
    world: &World,
    inputs: &Inputs,
    looked: &Looked,
    (goal, named): (&mut Goal, bool),
    telling: &mut Telling,
) -> Decision {
    let unreachable = unreachable(inputs, looked);
    if looked.survey.links.is_empty() {
        return Decision::Stop(RunResult::Unreachable, unreachable);
    }
    let checks = match goal.purpose {
        Purpose::Apply | Purpose::Upgrade => plan::preflight(&inputs.deployment, &looked.observed, goal),
        // What is there is not judged by what it takes to begin.
        Purpose::Stop
        | Purpose::Start
        | Purpose::Restart
        | Purpose::Remove(_)
        | Purpose::Rollback
        | Purpose::Destroy(_) => Vec::new(),
    };
    // A dead host was told already, and stops nothing.
    let dead = |check: &&CheckResult| {
        check.node.as_ref().is_some_and(|node| !looked.survey.links.contains_key(node))
    };
    for check in checks.iter().filter(|check| check.status != CheckStatus::Pass && !dead(check)) {
        telling.emitter.say(EventKind::Check { check: check.clone() }).await;
    }
    let failed = plan::failed_nodes(&checks);
    let cluster = plan::cluster_failed(&checks);
    if cluster || (!failed.is_empty() && !goal.keep_going) {
        return Decision::Stop(RunResult::Refused, not_begun(inputs, looked));
    }
    goal.leave_out = failed;
    let plan = match plan::plan(&inputs.deployment, &looked.observed, goal) {
        Ok(plan) => plan,
        Err(refusals) => {
            for refusal in &refusals.0 {
                telling.emitter.say(EventKind::Check { check: refusal.check("plan") }).await;
            }
            return Decision::Stop(RunResult::Refused, not_begun(inputs, looked));
        }
    };
    for (host, steps) in plan.announced() {
        telling.emitter.say(EventKind::HostPlanned { host, steps }).await;
    }
    for message in &plan.warnings {
        telling.emitter.say(EventKind::Notice { message: message.clone() }).await;
    }
    let unnamed = !plan.dropped.is_empty() && !named;
    let agreed = if unnamed {
        let text = plan_text(&view(&plan), world.out.message_style());
        databases::named(world, inputs, &text, telling).await
    } else {
        plan.changes() == 0 || world.globals.yes || confirmed(world, &plan, telling).await
    };
    if !agreed {
        return Decision::Stop(RunResult::Interrupted, not_begun(inputs, looked));
    }
    Decision::Go(plan)
}

async fn confirmed(world: &World, plan: &Plan, telling: &mut Telling) -> bool {
    let text = plan_text(&view(plan), world.out.message_style());
    telling.ask(world, &text, "Make these changes?".to_owned()).await
}

pub(super) fn view(plan: &Plan) -> PlanView {
    PlanView {
        nodes: plan.announced(),
        warnings: plan.warnings.clone(),
        refusals: plan.left_out.values().cloned().collect(),
    }
}

/// Hosts of `--limit` that could not be looked at.
fn unreachable(inputs: &Inputs, looked: &Looked) -> Vec<NodeOutcome> {
    let selected = inputs.deployment.selected_names();
    let selected = selected.filter_map(|node| Some((node, looked.survey.failed.get(node)?)));
    selected
        .map(|(node, error)| NodeOutcome {
            node: node.clone(),
            result: NodeResult::Unreachable,
            error: Some(error.clone()),
        })
        .collect()
}

/// All hosts of `--limit`, when nothing is begun on any.
pub(super) fn not_begun(inputs: &Inputs, looked: &Looked) -> Vec<NodeOutcome> {
    let waiting = inputs
        .deployment
        .selected_names()
        .filter(|node| !looked.survey.failed.contains_key(*node))
        .map(|node| NodeOutcome { node: node.clone(), result: NodeResult::Waiting, error: None });
    waiting.chain(unreachable(inputs, looked)).collect()
}
