//! `omsctl agents [--reap]`: what is left of rollouts on the hosts, and its end.

use std::collections::BTreeMap;
use std::io;

use omsctl_proto::{Claim, ErrorReport, Hold, NodeName, RunFacts, RunId, RunPhase};

use super::carry::{Carry, NOBODY};
use super::interrupt::interrupted;
use super::telling::{Kind, Telling};
use super::{World, apply, reach, standing};
use crate::cli::{AgentsRequest, Format};
use crate::exit::Exit;
use crate::report::{AgentDocument, AgentsDocument, agents_text};
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
    let document = AgentsDocument { agents: left(&survey).await };
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
    document.agents.iter().try_for_each(|agent| world.out.line(agent))
}

async fn left(survey: &Survey) -> Vec<AgentDocument> {
    let mut agents = Vec::new();
    for (node, runs) in runs(survey).await {
        agents.extend(runs.iter().filter_map(|run| AgentDocument::of(&node, run)));
    }
    agents
}

async fn runs(survey: &Survey) -> BTreeMap<NodeName, Vec<RunFacts>> {
    let mut all = BTreeMap::new();
    for (node, link) in &survey.links {
        all.insert(node.clone(), link.session.runs().await.unwrap_or_default());
    }
    all
}

fn tell_unreachable(world: &World, failed: &BTreeMap<NodeName, ErrorReport>) {
    for (node, error) in failed {
        world.out.message(&format!("{node} is unreachable: {}", error.one_line()));
    }
}

/// Ends every run that walks here, closes those whose agents are gone; `None` when the operator interrupted it.
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
        let theirs = survey.links.iter().find_map(|(node, link)| Some((node, link.held_by.as_ref()?)));
        if let Some((node, holder)) = theirs {
            let report = standing::held_report(holder);
            world.out.message(&format!("{node}: {}", apply::report_text(&report)));
            survey.close().await;
            return Some(Exit::Busy);
        }
        let Some(run) = first_walking(&survey).await else {
            close_broken(world, &survey).await;
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
    let all = runs(survey).await;
    all.into_values().flatten().find(|run| run.phase == RunPhase::Running).map(|run| run.run)
}

async fn close_broken(world: &World, survey: &Survey) {
    for (node, runs) in runs(survey).await {
        let Some(link) = survey.links.get(&node) else { continue };
        for run in runs.iter().filter(|run| run.phase == RunPhase::Broken) {
            if let Err(error) = link.session.close_run(run.run.clone()).await {
                world.out.message(&format!("{node}: {}", error.one_line()));
            }
        }
    }
}
