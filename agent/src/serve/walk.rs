//! The walk: steps in their order, each behind its gate, until the plan is done, a step fails, or somebody calls it off.
//!
//! A restarted agent walks from the first step again: every action looks first, so what is done shows as unchanged and
//! what a reboot undid is mended. The journal only carries numbers and passed gates over.

use std::sync::Arc;

use omsctl_proto::{Action, ErrorReport, EventKind, Gate, NodePlan, Outcome, PlannedStep, Step};
use tokio::time::Instant;

use super::desk::{Called, Desk};
use crate::action::{Context, Stop};
use crate::journal::{Journal, JournalError};
use crate::perform::perform;
use crate::run_folder::RunFolder;
use crate::world::World;

/// Ends with the terminal event in the journal.
pub(crate) async fn walk(
    world: &World,
    plan: &NodePlan,
    folder: &RunFolder,
    journal: &Arc<Journal>,
    desk: &Arc<Desk>,
) -> Result<(), JournalError> {
    if journal.after(0).is_none() {
        journal.tell(accepted(plan))?;
    }
    for step in &plan.steps {
        let context = Context { world, folder, journal, desk, step: step.id() };
        match take(step, &context).await {
            Ok(()) => {}
            Err(Stop::Failed { error, .. }) => {
                return journal.tell(EventKind::NodeFailed { step: step.id(), error: *error });
            }
            Err(Stop::Called(Called { by, reason })) => {
                return journal.tell(EventKind::NodeAborted { by, reason });
            }
            Err(Stop::Journal(error)) => return Err(error),
        }
    }
    journal.tell(EventKind::NodeDone { changed: changed(journal) })
}

fn accepted(plan: &NodePlan) -> EventKind {
    let steps = plan.steps.iter();
    let steps =
        steps.map(|step| PlannedStep { id: step.id(), why: step.why.clone(), gate: step.gate }).collect();
    EventKind::PlanAccepted { steps, agent_version: crate::VERSION.to_owned() }
}

/// Of any incarnation.
fn changed(journal: &Journal) -> bool {
    let did = |kind: &EventKind| matches!(kind, EventKind::StepDone { outcome: Outcome::Changed, .. });
    journal.events().iter().any(|event| did(&event.kind))
}

async fn take(planned: &Step, context: &Context<'_>) -> Result<(), Stop> {
    if let Some(called) = context.desk.cancelled() {
        return Err(Stop::Called(called));
    }
    if let Some(gate) = planned.gate {
        pass(gate, &planned.action, context).await?;
    }
    let begun = Instant::now();
    let elapsed = || u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    context.tell(EventKind::StepStarted { step: context.step, why: planned.why.clone() })?;
    // A container that initialises itself may be in its schema step from its start on.
    let enters_schema =
        planned.gate == Some(Gate::Schema) && !matches!(planned.action, Action::Initialise { .. });
    if enters_schema {
        context.enter_schema("the container initialises itself when it starts")?;
    }
    match perform(&planned.action, context).await {
        Ok(done) => context.tell(EventKind::StepDone {
            step: context.step,
            outcome: done.outcome,
            evidence: done.evidence,
            elapsed_ms: elapsed(),
        }),
        Err(Stop::Failed { error, schema_over }) => {
            fail(context, &error, elapsed())?;
            if let Some(proof) = schema_over.filter(|_| context.is_in_schema()) {
                context.leave_schema(proof)?;
            }
            if enters_schema {
                leave_schema_when_gone(&planned.action, context).await?;
            }
            Err(Stop::Failed { error, schema_over })
        }
        Err(early @ (Stop::Called(_) | Stop::Journal(_))) => Err(early),
    }
}

async fn pass(gate: Gate, action: &Action, context: &Context<'_>) -> Result<(), Stop> {
    if !context.desk.is_open(gate) || starts_over(action, context).await {
        return context.pass(gate).await;
    }
    if !context.has_passed(gate) {
        context.tell(EventKind::GatePassed { step: context.step, gate })?;
    }
    Ok(())
}

/// A container that initialises itself and was stopped in the middle of that begins again when it is started.
async fn starts_over(action: &Action, context: &Context<'_>) -> bool {
    let Some(name) = started(action).filter(|_| context.schema_is_spent()) else { return false };
    !context.is_initialised() && !runs(name, context).await.unwrap_or(true)
}

fn fail(context: &Context<'_>, error: &ErrorReport, elapsed_ms: u64) -> Result<(), Stop> {
    context.tell(EventKind::StepFailed { step: context.step, error: error.clone(), elapsed_ms })
}

/// A container that did not come up, or is down again, cannot be inside its schema step.
async fn leave_schema_when_gone(action: &Action, context: &Context<'_>) -> Result<(), Stop> {
    let Some(name) = started(action) else { return Ok(()) };
    match runs(name, context).await {
        Some(false) => context.leave_schema("the container does not run"),
        Some(true) | None => Ok(()),
    }
}

/// The container that the action starts.
fn started(action: &Action) -> Option<&str> {
    match action {
        Action::CreateContainer { container, .. } => Some(&container.name),
        Action::StartContainer { name }
        | Action::RestoreContainer { name, .. }
        | Action::RestartContainer { name, .. } => Some(name),
        Action::MakeDirectories { .. }
        | Action::WriteCertificates { .. }
        | Action::WriteConfig { .. }
        | Action::LoadImage { .. }
        | Action::StopContainer { .. }
        | Action::DumpDatabases { .. }
        | Action::RestoreDatabases { .. }
        | Action::RemoveContainers { .. }
        | Action::RemoveData { .. }
        | Action::AwaitServices { .. }
        | Action::Initialise { .. }
        | Action::ReloadConfig { .. }
        | Action::ServeCertificate { .. }
        | Action::ServeVirtualIp { .. }
        | Action::WithdrawVirtualIp
        | Action::LoadTsdbImage { .. }
        | Action::ServeTsdb { .. }
        | Action::AwaitHealthy { .. } => None,
    }
}

/// `None` when Docker does not tell.
async fn runs(name: &str, context: &Context<'_>) -> Option<bool> {
    let container = context.world.docker.container(name).await.ok()?;
    Some(container.is_some_and(|container| container.facts.running))
}
