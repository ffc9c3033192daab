//! `omsctl plan`: what `apply` would change, per host, with the reason for each step. Changes nothing.

use super::World;
use super::apply::{report_text, view};
use super::inputs::{self, Images};
use super::look;
use super::telling::{Kind, Telling};
use crate::cli::Format;
use crate::exit::Exit;
use crate::plan::{self, Goal};
use crate::report::{PlanDocument, plan_text};

/// Exit 0 unless a host is unreachable, or `apply` would refuse.
pub async fn plan(world: &World, typed: &str) -> Exit {
    let inputs = match inputs::load(world, Images::Read).await {
        Ok(inputs) => inputs,
        Err(exit) => return exit,
    };
    let (run, key) = (world.new_run(), world.new_key());
    let names = inputs.deployment.hosts.iter().map(|host| host.name.clone()).collect();
    let mut telling = Telling::begin(world, run.clone(), typed, Kind::Look, names).await;
    let looked = look::look(world, &inputs, &key, None, &mut telling.emitter).await;
    let goal = Goal {
        run,
        key,
        join_metadb: false,
        keep_going: true,
        leave_out: std::collections::BTreeSet::default(),
    };
    let planned = plan::plan(&inputs.deployment, &looked.observed, &goal);
    let unreachable = looked.survey.failed.clone();
    looked.survey.close().await;
    let plan = match planned {
        Ok(plan) => plan,
        Err(refusals) => {
            telling.end_looking();
            for report in refusals.reports() {
                world.out.message(&report_text(&report));
            }
            return Exit::Refused;
        }
    };
    for node in &plan.nodes {
        let event = omsctl_proto::EventKind::HostPlanned { host: node.node.clone(), steps: node.planned() };
        telling.emitter.say(event).await;
    }
    telling.end_looking();
    for report in plan.left_out.values() {
        world.out.message(&report_text(report));
    }
    let view = view(&plan);
    let written = match world.globals.format {
        Format::Human => world.out.result(&plan_text(&view, world.out.style())),
        Format::Json => world.out.document(&PlanDocument::from(&view)),
        Format::Jsonl => Ok(()),
    };
    for (node, error) in &unreachable {
        world.out.message(&format!("{node} is unreachable: {}", error.one_line()));
    }
    match (written, unreachable.is_empty()) {
        (Err(_), _) => Exit::Failed,
        (Ok(()), true) => Exit::Done,
        (Ok(()), false) => Exit::Unreachable,
    }
}
