//! The databases of a cluster that is destroyed: asked for by name, and dropped when a second look at all hosts shows that
//! nothing works with them any more.

use std::sync::Arc;

use omsctl_proto::{CheckResult, CheckStatus, EventKind, Hold, RunResult};

use super::World;
use super::act::Act;
use super::apply::{Aim, Apply};
use super::inputs::Inputs;
use super::look::{self, How, Looked, Reach};
use super::standing;
use super::telling::Telling;
use crate::exit::Exit;
use crate::plan::{self, Destruction, Purpose};
use crate::ports::MetaDbChange;
use crate::rollout::Emitter;

/// What can be told before any host is contacted.
pub(super) fn may_be_dropped(world: &World, inputs: &Inputs, aim: &Aim) -> Result<(), Exit> {
    if !matches!(aim.purpose, Purpose::Destroy(Destruction { drop_databases: true, .. })) {
        return Ok(());
    }
    let name = rm_database(inputs);
    let why = if world.globals.limit.is_some() {
        "--drop-databases is about the whole cluster: leave --limit away".to_owned()
    } else if aim.confirm.as_ref().is_some_and(|given| given != name) {
        format!("--confirm names another database than config.yaml, whose rm database is {name}")
    } else if aim.confirm.is_none() && !world.out.can_ask() {
        "--drop-databases: there is no terminal to type the name of the rm database on; add --confirm NAME"
            .to_owned()
    } else {
        return Ok(());
    };
    world.out.message(&format!("error: {why}"));
    Err(Exit::Usage)
}

/// The operator types the name; `--yes` is not enough for what cannot be undone.
pub(super) async fn named(world: &World, inputs: &Inputs, plan: &str, telling: &mut Telling) -> bool {
    let name = rm_database(inputs).to_owned();
    let question = "To destroy this, databases included, type the name of the rm database".to_owned();
    let typed = telling.ask_for(world, plan, (question, name)).await;
    if !typed {
        world.out.message("that is not its name");
    }
    typed
}

fn rm_database(inputs: &Inputs) -> &str {
    &inputs.deployment.regions[0].config.rm_db
}

/// Drops them, when there are some to drop and all went well so far.
pub(super) async fn go(
    act: &Act<'_>,
    dropped: &[String],
    so_far: RunResult,
    telling: &mut Telling,
) -> RunResult {
    if dropped.is_empty() {
        return so_far;
    }
    if !matches!(so_far, RunResult::Done | RunResult::Unchanged) {
        let message = format!("the databases {} stay, since not every host is done", dropped.join(", "));
        telling.emitter.say(EventKind::Notice { message }).await;
        return so_far;
    }
    let Some(looked) = look_again(act).await else { return RunResult::Interrupted };
    let failed = drop_all(act, &looked, telling).await.err();
    looked.survey.close().await;
    let Some((result, found)) = failed else { return RunResult::Done };
    let check = CheckResult {
        node: None,
        name: "databases".to_owned(),
        status: CheckStatus::Fail,
        expected: format!("{} dropped", dropped.join(", ")),
        found,
        fix: "mend that and run the same command again: it goes on where it was".to_owned(),
    };
    telling.emitter.say(EventKind::Check { check }).await;
    result
}

/// With every host taken once more: those of the first look were given free when their part was done.
async fn look_again(act: &Act<'_>) -> Option<Looked> {
    let Apply { world, inputs, controller, .. } = act.apply;
    let hold = Hold {
        controller: controller.clone(),
        run: act.goal.run.clone(),
        operator: world.operator.clone(),
        take_over: false,
    };
    // That hosts are looked at once more is no part of the run's story.
    let mut silent = Emitter::new(act.goal.run.clone(), Arc::clone(&world.clock), Box::new(|_| {}));
    silent.forget();
    let how = How { reach: Reach::Inventory, forks: None, hold: Some(hold), measure: false };
    look::look_holding(world, inputs, &act.goal.key, how, &mut silent).await
}

/// Nothing is taken from the first look but what was wanted.
async fn drop_all(act: &Act<'_>, looked: &Looked, telling: &mut Telling) -> Result<(), (RunResult, String)> {
    let Apply { world, inputs, .. } = act.apply;
    if let Some(held) = standing::held_by_another(&looked.survey) {
        return Err((RunResult::Busy, held));
    }
    let failed = |why: String| (RunResult::Failed, why);
    let plan = plan::plan(&inputs.deployment, &looked.observed, act.goal);
    let plan = plan.map_err(|refusals| failed(refusals.to_string()))?;
    if let Some(node) = plan.busy().first() {
        return Err(failed(format!("{} is not without OMS any more", node.node)));
    }
    let link = looked.survey.metadb_link();
    let connection = link.map(|link| link.connection.as_ref());
    let connection = connection.ok_or_else(|| failed("no host answers any more".to_owned()))?;
    let reader = look::reader(world, &inputs.deployment);
    for name in &plan.dropped {
        let change = MetaDbChange::DropDatabase { name: name.clone() };
        reader.change(connection, &change).await.map_err(|error| failed(error.to_string()))?;
        let message = format!("the database {name} is dropped");
        telling.emitter.say(EventKind::Notice { message }).await;
    }
    let left = reader.read(connection).await.map_err(|error| failed(error.to_string()))?.databases;
    let left: Vec<&str> = left.iter().map(String::as_str).collect();
    if left.is_empty() { Ok(()) } else { Err(failed(format!("still there: {}", left.join(", ")))) }
}
