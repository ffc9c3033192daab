//! `omsctl check`: every check on every host in one sweep, as a gate.

use super::World;
use super::inputs::{self, Images};
use super::interrupt::interrupted;
use super::look::{self, Reach};
use super::telling::{Kind, Telling};
use crate::cli::Format;
use crate::exit::Exit;
use crate::plan::{self, Goal};
use crate::report::{CheckDocument, check_text};

/// Exit 3 when anything failed or could not be looked at; never 0 with a failure shown.
pub async fn check(world: &World, typed: &str) -> Exit {
    let inputs = match inputs::load(world, Images::Read).await {
        Ok(inputs) => inputs,
        Err(exit) => return exit,
    };
    let (run, key) = (world.new_run(), world.new_key());
    let names = inputs.deployment.hosts.iter().map(|host| host.name.clone()).collect();
    let mut telling = Telling::begin(world, run.clone(), typed, Kind::Look, names).await;
    let looked = look::look(world, &inputs, &key, Reach::Inventory, None, &mut telling.emitter).await;
    let Some(looked) = looked else {
        telling.end_looking();
        return interrupted(world);
    };
    let goal = Goal {
        run,
        key,
        join_metadb: false,
        keep_going: false,
        leave_out: std::collections::BTreeSet::default(),
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
