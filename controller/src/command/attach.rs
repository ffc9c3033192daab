//! `omsctl attach [RUN]`: follows a rollout that is under way, from any terminal or bastion, and leads it when nobody
//! else does. Needs the inventory and SSH; with config.yaml it also proves the hosts in the MetaDB and brings what a
//! restarted host has lost.

use omsctl_proto::{Claim, ControllerId, Hold, RunFacts, RunId, RunPhase, RunStory};

use super::World;
use super::carry::{Carry, NOBODY};
use super::closing::closing;
use super::inputs::{self, Images, Inputs};
use super::interrupt::interrupted;
use super::look::{self, How, Looked, Reach};
use super::telling::{Closing, Kind, Telling};
use super::{reach, standing};
use crate::cli::AttachRequest;
use crate::exit::Exit;
use crate::rollout::{Part, Survey};

/// To the end of the rollout, or until the operator leaves it.
pub async fn attach(world: &World, request: &AttachRequest, typed: &str) -> Exit {
    let hosts = match reach::hosts(world) {
        Ok(hosts) => hosts,
        Err(exit) => return exit,
    };
    let controller = world.new_controller();
    let hold = (!request.read_only).then(|| Hold {
        controller: controller.clone(),
        run: request.run.clone().unwrap_or_else(|| world.new_run()),
        operator: world.operator.clone(),
        take_over: false,
    });
    // Whoever may lead brings along what the files give; whoever only reads needs nothing of them.
    let files = if request.read_only { None } else { files(world).await };
    let own = world.new_run();
    let mut telling = Telling::begin(world, own, typed, Kind::Look, reach::names(&hosts)).await;
    let (survey, known) = if let Some(inputs) = files {
        let (key, how) =
            (world.new_key(), How { reach: Reach::Inventory, forks: None, hold, measure: false });
        let looked = look::look_holding(world, &inputs, &key, how, &mut telling.emitter).await;
        telling.end_looking();
        let Some(Looked { survey, observed }) = looked else { return interrupted(world) };
        (survey, Some((inputs, observed)))
    } else {
        let survey = reach::connect(world, &hosts, hold, &mut telling.emitter).await;
        telling.end_looking();
        let Some(survey) = survey else { return interrupted(world) };
        (survey, None)
    };
    let Some(story) = find(&survey, request.run.as_ref()).await else {
        let exit = nothing(world, request, &survey);
        survey.close().await;
        return exit;
    };
    let part = part(&survey, &story, request, controller.clone()).await;
    let leads = matches!(part, Part::Lead(_));
    let hosts = story.plan.table.hosts.iter().map(|row| row.node.clone()).collect();
    let mut telling = Telling::resume(world, &story, hosts, leads).await;
    let known = known.as_ref().map(|(inputs, observed)| (inputs, observed));
    let carry = Carry {
        world,
        story: &story,
        controller,
        part,
        give_up: &NOBODY,
        known,
        bandwidth: request.bandwidth,
    };
    let (result, walked) = carry.walk(survey, &mut telling).await;
    let closing =
        known.map_or_else(Closing::default, |(inputs, observed)| closing(inputs, observed.metadb.as_ref()));
    telling.finish(world, result, walked.nodes, closing).await
}

/// The files, when they are there and right; nothing is said when they are not.
async fn files(world: &World) -> Option<Inputs> {
    omsctl_inventory::load(&inputs::sources(world)).ok()?;
    inputs::load(world, Images::Read).await.ok()
}

/// The run that is meant: the named one, or the newest that has not ended anywhere.
async fn find(survey: &Survey, named: Option<&RunId>) -> Option<RunStory> {
    let run = match named {
        Some(run) => run.clone(),
        None => newest(survey).await?,
    };
    standing::story_of(survey, &run).await
}

async fn newest(survey: &Survey) -> Option<RunId> {
    let mut open: Vec<RunFacts> = Vec::new();
    for link in survey.links.values() {
        let left = link.session.left().await.unwrap_or_default();
        open.extend(left.runs.into_iter().filter(|run| run.phase != RunPhase::Ended));
    }
    open.into_iter().map(|run| run.run).max()
}

/// Leads when every host could be taken; otherwise gives them back and reads along.
async fn part(survey: &Survey, story: &RunStory, request: &AttachRequest, controller: ControllerId) -> Part {
    if request.read_only {
        return Part::Read;
    }
    if survey.links.values().all(|link| link.held_by.is_none()) {
        return Part::Lead(Claim::after(story.claim.epoch, controller));
    }
    for link in survey.links.values() {
        // A host that was lost meanwhile is not held either.
        let _ = link.session.release().await;
    }
    Part::Stand
}

fn nothing(world: &World, request: &AttachRequest, survey: &Survey) -> Exit {
    if survey.links.is_empty() {
        world.out.message("no host answers, so nobody can tell whether a rollout is under way");
        return Exit::Unreachable;
    }
    if let Some(run) = &request.run {
        world.out.message(&format!(
            "error: no host knows the run {run}; `omsctl agents` lists what is under way, `omsctl history` what was"
        ));
        return Exit::Usage;
    }
    world.out.message("no rollout is under way on these hosts; `omsctl history` lists former ones");
    Exit::Done
}
