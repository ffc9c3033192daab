//! `apply --give-up HOST`: a lost host that no gate waits for any longer, by the operator's word and after a look at the
//! MetaDB's process list.

use std::collections::BTreeSet;

use omsctl_proto::{ErrorCode, ErrorReport, EventKind, Gate, GateRow, NodeName, RunStory};

use super::inputs::Inputs;
use super::look::Looked;
use super::telling::Telling;
use crate::plan;
use crate::rollout::Survey;

/// The first name that no host has.
pub(super) fn unknown<'a>(inputs: &Inputs, give_up: &'a BTreeSet<NodeName>) -> Option<&'a NodeName> {
    give_up.iter().find(|node| !inputs.deployment.hosts.iter().any(|host| host.name == **node))
}

/// Whether nothing of the lost hosts works in the MetaDB. One that answers is not lost: that is told, and it takes part.
pub(super) async fn may_be(
    inputs: &Inputs,
    looked: &Looked,
    give_up: &BTreeSet<NodeName>,
    telling: &mut Telling,
) -> bool {
    for node in give_up.iter().filter(|node| looked.survey.links.contains_key(*node)) {
        let message = format!("{node} answers: it is not given up");
        telling.emitter.say(EventKind::Notice { message }).await;
    }
    let checks = plan::giving_up(&inputs.deployment, &looked.observed, give_up);
    let passed = plan::passed(&checks);
    for check in checks {
        telling.emitter.say(EventKind::Check { check }).await;
    }
    passed
}

/// A lost host of that rollout which may be in the schema step and is not given up: nobody may end the rollout and
/// begin another one beside it.
pub(super) fn unheard(
    story: &RunStory,
    survey: &Survey,
    give_up: &BTreeSet<NodeName>,
) -> Option<ErrorReport> {
    let lost = |row: &&GateRow| {
        row.gates.contains(&Gate::Schema)
            && !survey.links.contains_key(&row.node)
            && !give_up.contains(&row.node)
    };
    let node = &story.plan.table.hosts.iter().find(lost)?.node;
    let message = format!("{node} is lost and may be in the schema step of the rollout {}", story.plan.run);
    Some(ErrorReport::new(ErrorCode::Unreachable, message).hint(format!(
        "when {node} answers again, run the same command again; when it never will, add --give-up {node}"
    )))
}
