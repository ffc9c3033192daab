//! `omsctl check`: every check on every host in one sweep, as a gate.

use super::World;
use super::look::{self, Sight};
use crate::cli::Format;
use crate::exit::Exit;
use crate::plan;
use crate::report::{CheckDocument, check_text};

/// Exit 3 when anything failed or could not be looked at; never 0 with a failure shown.
pub async fn check(world: &World, typed: &str) -> Exit {
    let Sight { inputs, looked, goal, mut telling } = match look::look_at_all(world, typed, false).await {
        Ok(sight) => sight,
        Err(exit) => return exit,
    };
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
