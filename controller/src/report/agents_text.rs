//! What `omsctl agents` found: which agents are on the hosts and what they do there, and what lies there of images.

use omsctl_proto::{Left, NodeName, RunFacts, RunId, RunPhase};
use serde::Serialize;

use super::table::{Cell, table};
use super::words;
use crate::out::{Paint, Style};

/// `omsctl agents --format json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentsDocument {
    pub agents: Vec<AgentDocument>,
    pub begun_images: Vec<BegunImage>,
}

/// What came of an image to a host where no agent is at work. The next rollout goes on from there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BegunImage {
    pub node: NodeName,
    pub begun_image_bytes: u64,
}

impl BegunImage {
    /// `None` when nothing lies there.
    pub fn of(node: &NodeName, left: &Left) -> Option<Self> {
        let begun_image_bytes = left.begun_image_bytes;
        (begun_image_bytes > 0).then(|| Self { node: node.clone(), begun_image_bytes })
    }
}

/// One agent, or what one left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentDocument {
    pub node: NodeName,
    pub run: RunId,
    pub operator: String,
    /// RFC 3339, UTC, the host's clock.
    pub started: String,
    pub state: AgentState,
    /// The step that it is in, or waits before.
    pub step: Option<String>,
    /// The gate that it waits at.
    pub gate: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// In a step, or between two.
    Walking,
    /// At a gate that a controller has to open.
    Waiting,
    /// It has done everything and waits until that is known.
    Ended,
    /// Its process is gone before its run had an end.
    Gone,
}

impl AgentDocument {
    /// `None` for a run that has left nothing but its story.
    pub fn of(node: &NodeName, run: &RunFacts) -> Option<Self> {
        let state = match (run.phase, run.gate, run.agent) {
            (RunPhase::Ended, _, false) => return None,
            (RunPhase::Ended, _, true) => AgentState::Ended,
            (RunPhase::Broken, ..) => AgentState::Gone,
            (RunPhase::Running, Some(_), _) => AgentState::Waiting,
            (RunPhase::Running, None, _) => AgentState::Walking,
        };
        Some(Self {
            node: node.clone(),
            run: run.run.clone(),
            operator: run.operator.clone(),
            started: run.started.clone(),
            state,
            step: run.step.map(|step| step.to_string()),
            gate: run.gate.map(|gate| gate.to_string()),
        })
    }
}

/// The text of `agents`.
pub fn agents_text(document: &AgentsDocument, style: Style) -> String {
    let agents = if document.agents.is_empty() {
        "No agent is on any of these hosts.\n".to_owned()
    } else {
        let rows: Vec<Vec<Cell>> = document.agents.iter().map(row).collect();
        table(&["HOST", "RUN", "OPERATOR", "SINCE (UTC)", "STATE"], &rows, style)
    };
    agents + &images_text(&document.begun_images, style)
}

fn images_text(images: &[BegunImage], style: Style) -> String {
    if images.is_empty() {
        return String::new();
    }
    let row = |image: &BegunImage| {
        vec![Cell::new(image.node.as_str()), Cell::new(words::bytes(image.begun_image_bytes))]
    };
    let rows: Vec<Vec<Cell>> = images.iter().map(row).collect();
    let table = table(&["HOST", "OF A BEGUN IMAGE"], &rows, style);
    format!("\n{table}The next `omsctl apply` goes on from there, `omsctl agents --reap` removes it.\n")
}

/// That it is gone.
pub fn forgotten_text(image: &BegunImage) -> String {
    format!("{}: {} of a begun image are removed", image.node, words::bytes(image.begun_image_bytes))
}

fn row(agent: &AgentDocument) -> Vec<Cell> {
    let step = agent.step.as_deref().unwrap_or("the next step");
    let (state, paint) = match (agent.state, &agent.gate) {
        (AgentState::Walking, _) => (format!("in {step}"), Paint::Good),
        (AgentState::Waiting, Some(gate)) => (format!("waits: {gate} gate"), Paint::Warning),
        (AgentState::Waiting, None) => (format!("waits before {step}"), Paint::Warning),
        (AgentState::Ended, _) => ("has ended".to_owned(), Paint::Good),
        (AgentState::Gone, _) => ("gone before its run ended".to_owned(), Paint::Bad),
    };
    vec![
        Cell::new(agent.node.as_str()),
        Cell::new(agent.run.as_str()),
        Cell::new(agent.operator.as_str()),
        Cell::new(agent.started.get(..16).unwrap_or(&agent.started).replace('T', " ")),
        Cell::painted(state, paint),
    ]
}

#[cfg(test)]
mod tests {
    use omsctl_proto::{Gate, StepId};

    use super::*;

    fn facts(phase: RunPhase, gate: Option<Gate>, agent: bool) -> RunFacts {
        RunFacts {
            run: RunId::new("r-1").unwrap(),
            operator: "ann@bastion".to_owned(),
            started: "2026-11-25T04:00:00.000Z".to_owned(),
            phase,
            step: Some(StepId::Initialise),
            gate,
            agent,
        }
    }

    #[test]
    fn whatever_is_left_on_a_host_is_listed_and_a_mere_story_is_not() {
        let node = NodeName::new("n1").unwrap();
        let state = |phase, gate, agent| {
            AgentDocument::of(&node, &facts(phase, gate, agent)).map(|agent| agent.state)
        };
        assert_eq!(state(RunPhase::Running, None, true), Some(AgentState::Walking));
        assert_eq!(state(RunPhase::Running, Some(Gate::Schema), true), Some(AgentState::Waiting));
        assert_eq!(state(RunPhase::Ended, None, true), Some(AgentState::Ended));
        assert_eq!(state(RunPhase::Broken, None, false), Some(AgentState::Gone));
        assert_eq!(state(RunPhase::Ended, None, false), None);
    }

    #[test]
    fn what_lies_there_of_an_image_is_told_with_what_becomes_of_it() {
        let node = NodeName::new("n1").unwrap();
        let left = |begun_image_bytes| Left { runs: Vec::new(), begun_image_bytes };
        assert_eq!(BegunImage::of(&node, &left(0)), None);
        let begun_images: Vec<BegunImage> = BegunImage::of(&node, &left(12_300_000)).into_iter().collect();
        assert_eq!(forgotten_text(&begun_images[0]), "n1: 12.3 MB of a begun image are removed");
        let document = AgentsDocument { agents: Vec::new(), begun_images };
        assert_eq!(
            agents_text(&document, Style::PLAIN),
            "No agent is on any of these hosts.\n\nHOST  OF A BEGUN IMAGE\nn1    12.3 MB\n\
             The next `omsctl apply` goes on from there, `omsctl agents --reap` removes it.\n"
        );
    }
}
