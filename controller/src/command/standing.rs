//! What else goes on on the hosts that a command is about to change: nothing, a rollout that nobody leads any more, or
//! somebody else's.

use std::collections::BTreeMap;

use futures::future::join_all;
use omsctl_proto::{
    ErrorCode, ErrorReport, Holder, NodeName, NodeOutcome, NodeResult, RunId, RunPhase, RunStory,
};

use super::apply::report_text;
use super::inputs::Inputs;
use super::look::Looked;
use crate::plan::{self, Purpose};
use crate::rollout::Survey;

/// How the hosts stand, as far as others are concerned.
#[derive(Debug)]
pub(super) enum Standing {
    Free,
    /// A rollout that wants the same as this command, and whose controller is gone.
    Same(Box<RunStory>),
    /// A rollout that wants something else, and whose controller is gone.
    Other(Box<RunStory>),
    /// Another controller has hosts.
    Held(Theirs),
}

/// Who has which hosts.
#[derive(Debug, Clone)]
pub(super) struct Theirs(BTreeMap<NodeName, Holder>);

/// Looks at what was seen, asks the hosts about what walks there, and closes the stories of agents that are gone.
pub(super) async fn find(inputs: &Inputs, looked: &Looked, purpose: &Purpose) -> Standing {
    let survey = &looked.survey;
    let held = survey.links.iter().filter_map(|(node, link)| Some((node.clone(), link.held_by.clone()?)));
    let held: BTreeMap<_, _> = held.collect();
    if !held.is_empty() {
        return Standing::Held(Theirs(held));
    }
    let Some(story) = walking(survey).await else {
        close_broken(survey).await;
        return Standing::Free;
    };
    let archives = inputs.archives.iter();
    let archives = archives.map(|(path, archive)| (path.clone(), archive.identity.clone())).collect();
    let goal = |key| plan::goal_of(purpose, &inputs.deployment, &archives, &inputs.certificates, key);
    let same = story.key.as_ref().is_some_and(|key| goal(key) == story.plan.table.goal);
    if same { Standing::Same(Box::new(story)) } else { Standing::Other(Box::new(story)) }
}

/// The newest run whose agents walk.
async fn walking(survey: &Survey) -> Option<RunStory> {
    let all = survey.facts.values().flat_map(|facts| &facts.runs);
    let walking = all.filter(|run| run.phase == RunPhase::Running).map(|run| &run.run);
    story_of(survey, walking.max()?).await
}

/// A run as the first host that has it tells it, one that has not ended before others; with the greatest claim that any
/// host has seen, so that whoever goes on is obeyed by all.
pub(super) async fn story_of(survey: &Survey, run: &RunId) -> Option<RunStory> {
    let asked = survey.links.values().map(|link| link.session.story(run.clone()));
    let stories: Vec<RunStory> = join_all(asked).await.into_iter().filter_map(Result::ok).collect();
    let claim = stories.iter().map(|story| &story.claim).max()?.clone();
    let open = stories.iter().position(|story| story.key.is_some()).unwrap_or(0);
    let story = stories.into_iter().nth(open)?;
    Some(RunStory { claim, ..story })
}

/// Their agents are gone and nobody carries them on: what they left is seen on the hosts.
async fn close_broken(survey: &Survey) {
    for (node, facts) in &survey.facts {
        let broken = facts.runs.iter().filter(|run| run.phase == RunPhase::Broken);
        let Some(link) = survey.links.get(node) else { continue };
        for run in broken {
            if let Err(error) = link.session.close_run(run.run.clone()).await {
                tracing::warn!(%node, run = %run.run, error = %error.one_line(), "a run keeps no end");
            }
        }
    }
}

impl Theirs {
    /// Two commands met that both only look yet: the one that began first goes on, when it has a host at all.
    pub(super) fn gives_way(&self, survey: &Survey, own: &RunId) -> bool {
        let holds = survey.links.values().any(|link| link.held_by.is_none());
        holds && self.0.values().all(|holder| *own < holder.run)
    }

    /// The run that holds a host.
    pub(super) fn run(&self) -> Option<&RunId> {
        self.0.values().map(|holder| &holder.run).next()
    }

    /// The hosts with what keeps them from being changed.
    pub(super) fn outcomes(&self, nodes: impl Iterator<Item = NodeName>, command: &str) -> Vec<NodeOutcome> {
        // One refusal for all hosts of a run, which were taken one after the other.
        let first = |run: &RunId| {
            self.0.values().filter(|holder| holder.run == *run).min_by_key(|holder| &holder.since)
        };
        let error = |node: &NodeName| Some(held_report(first(&self.0.get(node)?.run)?, command));
        nodes.map(|node| NodeOutcome { error: error(&node), result: NodeResult::Waiting, node }).collect()
    }
}

/// The first host that another controller has, and what can be done about it, in words.
pub(super) fn held_by_another(survey: &Survey) -> Option<String> {
    let (node, holder) = survey.links.iter().find_map(|(node, link)| Some((node, link.held_by.as_ref()?)))?;
    Some(format!("{node}: {}", report_text(&held_report(holder, "apply"))))
}

/// Who has it, since when, and what can be done about it.
pub(super) fn held_report(holder: &Holder, command: &str) -> ErrorReport {
    let Holder { run, operator, since } = holder;
    ErrorReport::new(ErrorCode::Busy, "another omsctl holds this host")
        .cause(format!("run {run} of {operator}, since {since}"))
        .hint(choices(run, command))
}

/// A rollout that wants something else and has lost its controller.
pub(super) fn other_report(story: &RunStory, command: &str) -> ErrorReport {
    let run = &story.plan.run;
    ErrorReport::new(ErrorCode::Busy, "a rollout with another goal is under way here, and nobody leads it")
        .cause(format!(
            "run {run} of {}, since {}: {}",
            story.operator.who, story.started, story.plan.command
        ))
        .hint(choices(run, command))
}

fn choices(run: &RunId, command: &str) -> String {
    format!(
        "follow it: omsctl attach {run}; wait for its end: omsctl {command} --wait 30m; end it and go on with these \
         files: omsctl {command} --take-over"
    )
}
