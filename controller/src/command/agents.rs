//! `omsctl agents [--reap]`: what is left of rollouts on the hosts, agents and begun images, and its end.

use std::collections::BTreeMap;
use std::io;

use omsctl_proto::{Claim, ErrorReport, Hold, Left, NodeName, RunId, RunPhase};

use super::carry::{Carry, NOBODY};
use super::interrupt::interrupted;
use super::telling::{Kind, Telling};
use super::{World, reach, standing};
use crate::cli::{AgentsRequest, Format};
use crate::exit::Exit;
use crate::report::{AgentDocument, AgentsDocument, BegunImage, agents_text, forgotten_text};
use crate::rollout::{Part, Survey};

/// Lists; with `--reap` ends first what can be ended.
pub async fn agents(world: &World, request: &AgentsRequest, typed: &str) -> Exit {
    let hosts = match reach::hosts(world) {
        Ok(hosts) => hosts,
        Err(exit) => return exit,
    };
    let mut exit = Exit::Done;
    if request.reap {
        exit = match reap(world, &hosts, typed).await {
            Some(exit) => exit,
            None => return interrupted(world),
        };
    }
    let mut telling =
        Telling::begin(world, world.new_run(), typed, Kind::Observe, reach::names(&hosts)).await;
    let survey = reach::connect(world, &hosts, None, &mut telling.emitter).await;
    telling.end_looking();
    let Some(survey) = survey else { return interrupted(world) };
    let document = document(&survey).await;
    tell_unreachable(world, &survey.failed);
    let unreachable = !survey.failed.is_empty();
    survey.close().await;
    let written = match world.globals.format {
        Format::Human => world.out.result(&agents_text(&document, world.out.style())),
        Format::Json => world.out.document(&document),
        Format::Jsonl => lines(world, &document),
    };
    match (written, exit) {
        (Err(_), _) => Exit::Failed,
        (Ok(()), Exit::Done) if unreachable => Exit::Unreachable,
        (Ok(()), exit) => exit,
    }
}

fn lines(world: &World, document: &AgentsDocument) -> io::Result<()> {
    document.agents.iter().try_for_each(|agent| world.out.line(agent))?;
    document.begun_images.iter().try_for_each(|image| world.out.line(image))
}

async fn document(survey: &Survey) -> AgentsDocument {
    let mut document = AgentsDocument { agents: Vec::new(), begun_images: Vec::new() };
    for (node, left) in left(survey).await {
        document.agents.extend(left.runs.iter().filter_map(|run| AgentDocument::of(&node, run)));
        document.begun_images.extend(BegunImage::of(&node, &left));
    }
    document
}

async fn left(survey: &Survey) -> BTreeMap<NodeName, Left> {
    let mut all = BTreeMap::new();
    for (node, link) in &survey.links {
        all.insert(node.clone(), link.session.left().await.unwrap_or_default());
    }
    all
}

fn tell_unreachable(world: &World, failed: &BTreeMap<NodeName, ErrorReport>) {
    for (node, error) in failed {
        world.out.message(&format!("{node} is unreachable: {}", error.one_line()));
    }
}

/// Ends every run that walks here, closes those whose agents are gone, removes what came of images; `None` when the
/// operator interrupted it.
async fn reap(world: &World, hosts: &[omsctl_inventory::ConnectTo], typed: &str) -> Option<Exit> {
    loop {
        let controller = world.new_controller();
        let own = world.new_run();
        let hold = Hold {
            controller: controller.clone(),
            run: own.clone(),
            operator: world.operator.clone(),
            take_over: false,
        };
        let mut telling = Telling::begin(world, own, typed, Kind::Observe, reach::names(hosts)).await;
        let survey = reach::connect(world, hosts, Some(hold), &mut telling.emitter).await;
        telling.end_looking();
        let survey = survey?;
        if let Some(held) = standing::held_by_another(&survey) {
            world.out.message(&held);
            survey.close().await;
            return Some(Exit::Busy);
        }
        let Some(run) = first_walking(&survey).await else {
            close_broken(world, &survey).await;
            forget_images(world, &survey).await;
            survey.close().await;
            return Some(Exit::Done);
        };
        let Some(story) = standing::story_of(&survey, &run).await else {
            survey.close().await;
            return Some(Exit::Failed);
        };
        let names = story.plan.table.hosts.iter().map(|row| row.node.clone()).collect();
        let mut telling = Telling::resume(world, &story, names, true).await;
        let part = Part::End(Claim::after(story.claim.epoch, controller.clone()));
        let carry =
            Carry { world, story: &story, controller, part, give_up: &NOBODY, known: None, bandwidth: None };
        let (result, walked) = carry.walk(survey, &mut telling).await;
        let ended = walked.ended;
        telling.end(world, result, walked.nodes, super::telling::Closing::default()).await;
        if !ended {
            return None;
        }
    }
}

async fn first_walking(survey: &Survey) -> Option<RunId> {
    let all = left(survey).await;
    all.into_values().flat_map(|left| left.runs).find(|run| run.phase == RunPhase::Running).map(|run| run.run)
}

async fn close_broken(world: &World, survey: &Survey) {
    for (node, left) in left(survey).await {
        let Some(link) = survey.links.get(&node) else { continue };
        for run in left.runs.iter().filter(|run| run.phase == RunPhase::Broken) {
            if let Err(error) = link.session.close_run(run.run.clone()).await {
                world.out.message(&format!("{node}: {}", error.one_line()));
            }
        }
    }
}

/// A host on which an agent came to work meanwhile keeps what it has: that agent goes on from there.
async fn forget_images(world: &World, survey: &Survey) {
    for (node, left) in left(survey).await {
        let Some(link) = survey.links.get(&node) else { continue };
        match link.session.forget().await {
            Ok(None) => {
                if let Some(image) = BegunImage::of(&node, &left) {
                    world.out.message(&forgotten_text(&image));
                }
            }
            Ok(Some(holder)) => {
                let (run, operator) = (&holder.run, &holder.operator);
                world.out.message(&format!(
                    "{node}: the run {run} of {operator} is at work, so what came of an image stays"
                ));
            }
            Err(error) => world.out.message(&format!("{node}: {}", error.one_line())),
        }
    }
}
