//! Which hosts open a door to each other: those that receive the same bytes of an image archive, when there is more than
//! one. Plans no way between them: that shows while they receive.

use std::collections::BTreeMap;

use omsctl_proto::{Action, Digest, Door, ImageOrigin, Step};

use super::gates::Draft;
use super::situation::Situation;

/// Puts the doors on the steps of all hosts.
pub(super) fn set(situation: Situation<'_>, drafts: &mut [Draft]) {
    if !situation.goal.relay {
        return;
    }
    let mut receivers: BTreeMap<Digest, usize> = BTreeMap::new();
    for draft in drafts.iter_mut() {
        for (content, _) in draft.steps.iter_mut().filter_map(received) {
            *receivers.entry(content.clone()).or_default() += 1;
        }
    }
    for draft in drafts {
        let port = situation.deployment.host(&draft.node).and_then(|host| host.settings.relay_port);
        let own = Door { address: draft.wanted.container.host_ip, port: port.unwrap_or(0) };
        for (content, door) in draft.steps.iter_mut().filter_map(received) {
            *door = receivers.get(content).is_some_and(|count| *count > 1).then_some(own);
        }
    }
}

fn received(step: &mut Step) -> Option<(&Digest, &mut Option<Door>)> {
    match &mut step.action {
        Action::LoadImage { origin: ImageOrigin::Archive { content, door, .. }, .. } => Some((content, door)),
        _ => None,
    }
}
