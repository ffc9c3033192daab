//! `omsctl check`: every check on every host in one sweep, as a gate; with `--fix` what is safe is mended first.

use omsctl_proto::Hold;

use super::look::{self, Sight};
use super::{World, apply, inputs, standing};
use crate::cli::Format;
use crate::exit::Exit;
use crate::plan::{self, Mend};
use crate::report::{CheckDocument, check_text};

/// Exit 3 when anything failed or could not be looked at; never 0 with a failure shown.
pub async fn check(world: &World, typed: &str, fix: bool) -> Exit {
    if fix && !world.globals.yes && !world.out.can_ask() {
        world.out.message("error: --fix changes hosts and there is no terminal to ask on; add --yes");
        return Exit::Usage;
    }
    let sight = match look_and_mend(world, typed, fix).await {
        Ok(sight) => sight,
        Err(exit) => return exit,
    };
    let Sight { inputs, looked, goal, mut telling } = sight;
    let checks = plan::preflight(&inputs.deployment, &looked.observed, &goal);
    looked.survey.close().await;
    if world.globals.format == Format::Jsonl {
        for check in &checks {
            telling.emitter.say(omsctl_proto::EventKind::Check { check: check.clone() }).await;
        }
    }
    telling.end_looking();
    let passed = plan::passed(&checks);
    let written = match world.globals.format {
        Format::Human => world.out.result(&check_text(&checks, world.out.style())),
        Format::Json => world.out.document(&CheckDocument::new(checks)),
        Format::Jsonl => Ok(()),
    };
    match (written, passed) {
        (Err(_), _) => Exit::Failed,
        (Ok(()), true) => Exit::Done,
        (Ok(()), false) => Exit::Refused,
    }
}

/// What there is to judge: after the mends, when there were any.
async fn look_and_mend(world: &World, typed: &str, fix: bool) -> Result<Sight, Exit> {
    if !fix {
        return look::look_at_all(world, typed, false).await;
    }
    let inputs = inputs::load(world, inputs::Images::Read).await?;
    let hold = Hold {
        controller: world.new_controller(),
        run: world.new_run(),
        operator: world.operator.clone(),
        take_over: false,
    };
    let mut sight = look::look_at_all_holding(world, typed, inputs, (false, Some(hold))).await?;
    if let Some(held) = standing::held_by_another(&sight.looked.survey) {
        sight.telling.end_looking();
        world.out.message(&held);
        sight.looked.survey.close().await;
        return Err(Exit::Busy);
    }
    let rows = plan::preflight(&sight.inputs.deployment, &sight.looked.observed, &sight.goal);
    let mends = plan::mends(&rows, &sight.inputs.deployment, &sight.looked.observed);
    if mends.is_empty() {
        world.out.message("There is nothing that omsctl can mend by itself.");
        return Ok(sight);
    }
    if !world.globals.yes && !sight.telling.ask(world, &text(&mends), "Mend this?".to_owned()).await {
        return Ok(sight);
    }
    mend(world, &sight, &mends).await;
    let Sight { inputs, looked, telling, .. } = sight;
    telling.end_looking();
    looked.survey.close().await;
    look::look_at_all_holding(world, typed, inputs, (false, None)).await
}

fn text(mends: &[Mend]) -> String {
    let lines = mends.iter().map(|mend| {
        let Mend { node, check, does, undo, remedy: _ } = mend;
        format!("{node}: {check}: {does}; undone by `{undo}`")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// One after the other: each is told with what undoes it.
async fn mend(world: &World, sight: &Sight, mends: &[Mend]) {
    for mend in mends {
        let Some(link) = sight.looked.survey.links.get(&mend.node) else { continue };
        let Mend { node, check, undo, .. } = mend;
        match link.session.mend(mend.remedy).await {
            Ok(()) => world.out.message(&format!("{node}: {check}: mended; `{undo}` there undoes it")),
            Err(error) => world.out.message(&format!("{node}: {check}: {}", apply::report_text(&error))),
        }
    }
}
