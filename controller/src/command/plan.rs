//! `omsctl plan`: what `apply` would change, per host, with the reason for each step. Changes nothing.

use omsctl_proto::EventKind;

use super::World;
use super::apply::report_text;
use super::decide::view;
use super::look::{self, Sight};
use super::telling::Telling;
use crate::cli::{Format, PlanRequest};
use crate::exit::Exit;
use crate::plan;
use crate::report::{PlanDocument, PlanView, plan_text};

/// Exit 0 unless a host is unreachable, or `apply` would refuse.
pub async fn plan(world: &World, request: &PlanRequest, typed: &str) -> Exit {
    let Sight { inputs, looked, mut goal, mut telling } = match look::look_at_all(world, typed, true).await {
        Ok(sight) => sight,
        Err(exit) => return exit,
    };
    goal.move_cm_url = request.move_cm_url;
    let planned = plan::plan(&inputs.deployment, &looked.observed, &goal);
    let unreachable = looked.survey.failed.clone();
    looked.survey.close().await;
    let view = match planned {
        Ok(plan) => view(&plan),
        Err(refusals) => PlanView { refusals: refusals.reports(), ..PlanView::default() },
    };
    let refused = view.nodes.is_empty() && !view.refusals.is_empty();
    if world.globals.format == Format::Jsonl {
        tell(&view, &mut telling).await;
    }
    telling.end_looking();
    for report in &view.refusals {
        world.out.message(&report_text(report));
    }
    let written = match world.globals.format {
        Format::Human if refused => Ok(()),
        Format::Human => world.out.result(&plan_text(&view, world.out.style())),
        Format::Json => world.out.document(&PlanDocument::from(&view)),
        Format::Jsonl => Ok(()),
    };
    for (node, error) in &unreachable {
        let hint = error.hint.as_ref().map(|hint| format!("\n  -> {hint}")).unwrap_or_default();
        world.out.message(&format!("{node} is unreachable: {}{hint}", error.one_line()));
    }
    match (written, refused, unreachable.is_empty()) {
        (Err(_), _, _) => Exit::Failed,
        (Ok(()), true, _) => Exit::Refused,
        (Ok(()), false, true) => Exit::Done,
        (Ok(()), false, false) => Exit::Unreachable,
    }
}

/// The plan as events.
async fn tell(view: &PlanView, telling: &mut Telling) {
    for (node, steps) in &view.nodes {
        let event = EventKind::HostPlanned { host: node.clone(), steps: steps.clone() };
        telling.emitter.say(event).await;
    }
    let refusals = view.refusals.iter().map(report_text);
    for message in view.warnings.iter().cloned().chain(refusals) {
        telling.emitter.say(EventKind::Notice { message }).await;
    }
}
