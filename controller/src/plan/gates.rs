//! Where hosts wait for each other: hosts that serve change one at a time, and the schema step of the initialisation
//! runs on one host at a time. Puts gates on steps and orders the hosts; opens nothing.

use omsctl_proto::{Action, Gate, InitState, Initialiser, NodeName, Role, Step};

use super::findings::Findings;
use super::moving;
use super::rotation;
use super::situation::{Situation, serves};
use super::steps;
use super::wanted::Wanted;

/// One host on its way to its steps.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) node: NodeName,
    pub(super) role: Role,
    pub(super) wanted: Wanted,
    pub(super) findings: Findings,
    pub(super) steps: Vec<Step>,
    pub(super) register: Option<String>,
    /// Its region gets another `cm_url`.
    pub(super) moves: bool,
}

/// Puts the gates on the steps of all hosts. Whoever serves is told of a time-series database only once that is there.
pub(super) fn set(situation: Situation<'_>, drafts: &mut [Draft], tsdb_comes: bool) {
    let others_are_new = drafts.iter().any(|draft| draft.role == Role::New && !draft.steps.is_empty());
    let serving =
        situation.deployment.hosts.iter().filter(|host| situation.container(&host.name).is_some_and(serves));
    let takes_turns = others_are_new || tsdb_comes || serving.count() > 1;
    for draft in drafts {
        set_schema(draft);
        if draft.moves {
            moving::arrange(situation, draft);
            continue;
        }
        if rotation::is_due(situation) {
            rotation::arrange(draft);
            continue;
        }
        let serves = situation.container(&draft.node).is_some_and(serves);
        if draft.role == Role::Existing && serves && takes_turns {
            set_turn(situation, draft);
        }
    }
}

/// On the initialisation itself when a script does it, else on what starts the container.
pub(super) fn set_schema(draft: &mut Draft) {
    let Some(initialise) = position(draft, |action| matches!(action, Action::Initialise { .. })) else {
        return;
    };
    let starts = match draft.wanted.initialiser {
        Initialiser::Script => None,
        Initialiser::Container => position(draft, starts_container),
    };
    if let Some(step) = draft.steps.get_mut(starts.unwrap_or(initialise)) {
        step.gate = Some(Gate::Schema);
    }
}

pub(super) fn starts_container(action: &Action) -> bool {
    matches!(
        action,
        Action::CreateContainer { .. }
            | Action::StartContainer { .. }
            | Action::RestoreContainer { .. }
            | Action::RestartContainer { .. }
    )
}

/// What a serving container notices.
pub(super) fn touches_service(action: &Action) -> bool {
    match action {
        Action::WriteCertificates { .. }
        | Action::ServeCertificate { .. }
        | Action::WriteConfig { .. }
        | Action::ReloadConfig { .. }
        | Action::StopContainer { .. }
        | Action::RemoveContainers { .. }
        | Action::RemoveData { .. }
        // The holder's keepalived may give the address up for a moment.
        | Action::ServeVirtualIp { .. }
        | Action::WithdrawVirtualIp => true,
        Action::MakeDirectories { .. }
        | Action::LoadImage { .. }
        | Action::LoadTsdbImage { .. }
        | Action::ServeTsdb { .. }
        | Action::DumpDatabases { .. }
        | Action::RestoreDatabases { .. }
        | Action::Initialise { .. }
        | Action::AwaitServices { .. }
        | Action::AwaitHealthy { .. } => false,
        Action::CreateContainer { .. }
        | Action::StartContainer { .. }
        | Action::RestoreContainer { .. }
        | Action::RestartContainer { .. } => {
            starts_container(action)
        }
    }
}

/// The image is loaded before the turn begins, so that nobody waits for bytes.
fn set_turn(situation: Situation<'_>, draft: &mut Draft) {
    let is_load = |step: &Step| {
        let action = &step.action;
        matches!(action, Action::LoadImage { .. } | Action::LoadTsdbImage { .. } | Action::ServeTsdb { .. })
    };
    draft.steps.sort_by_key(|step| !is_load(step));
    let Some(first) = position(draft, touches_service) else { return };
    let Some(step) = draft.steps.get_mut(first) else { return };
    if step.gate.is_none() {
        step.gate = Some(Gate::Turn);
        return;
    }
    // The schema gate is there already and a step waits at one gate only: the turn is taken with the file that the
    // new container starts from.
    let Some(facts) = situation.facts(&draft.node) else { return };
    let carrier = Step {
        why: "the container is replaced: what it starts from is proved when its turn comes".to_owned(),
        gate: Some(Gate::Turn),
        action: steps::write_config(&draft.wanted, &draft.findings, facts),
    };
    draft.steps.insert(first, carrier);
}

fn position(draft: &Draft, wanted: impl Fn(&Action) -> bool) -> Option<usize> {
    draft.steps.iter().position(|step| wanted(&step.action))
}

/// The order in which the schema gate is offered: what runs already, what was interrupted, then the first host of
/// the default region and the rest as the deployment has them. Hosts that wait for their turn come last: their turn
/// begins when all others are done, so nobody may wait for them.
pub(super) fn schema_order(situation: Situation<'_>, drafts: &[Draft]) -> Vec<NodeName> {
    let mut waiting: Vec<&Draft> = drafts
        .iter()
        .filter(|draft| draft.steps.iter().any(|step| step.gate == Some(Gate::Schema)))
        .collect();
    waiting.sort_by_key(|draft| {
        let takes_a_turn = draft.steps.iter().any(|step| step.gate == Some(Gate::Turn));
        let begun = situation.container(&draft.node).map_or(2, |found| match found.initialisation.state {
            InitState::Running => 0,
            InitState::Interrupted => 1,
            InitState::NotBegun | InitState::Succeeded | InitState::Failed | InitState::CannotTell => 2,
        });
        // Whoever joins the region comes after its new cm_url is there.
        (takes_a_turn, !draft.moves, begun)
    });
    waiting.into_iter().map(|draft| draft.node.clone()).collect()
}
