//! What hosts whose config.yaml should be the same have to say about one key. Of contradicting values the one of most
//! hosts is taken, and the others are told; without such a majority nobody but the operator can decide.

use omsctl_inventory::FoundKey;
use omsctl_proto::{ErrorCode, ErrorReport};

use super::reading::ReadHost;

/// The value of the key at this place of every host's keys; `None` when it is refused.
pub(super) fn agreed(
    hosts: &[ReadHost],
    members: &[usize],
    key: usize,
    warnings: &mut Vec<String>,
    refusals: &mut Vec<ErrorReport>,
) -> Option<FoundKey> {
    let mut camps: Vec<(&FoundKey, Vec<&str>)> = Vec::new();
    for host in members.iter().filter_map(|index| hosts.get(*index)) {
        let (found, node) = (host.keys.get(key)?, host.node().as_str());
        match camps.iter_mut().find(|(other, _)| other.same(found)) {
            Some((other, nodes)) => {
                nodes.push(node);
                // A default that is written is kept as written.
                if !other.is_set() {
                    *other = found;
                }
            }
            None => camps.push((found, vec![node])),
        }
    }
    // The first of equal ones.
    camps.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
    let (winner, most) = camps.first()?;
    if camps.len() == 1 {
        return Some((*winner).clone());
    }
    let name = winner.name();
    let said = camps.iter().map(|(found, nodes)| format!("{} on {}", found.shown(), nodes.join(", ")));
    let said = said.collect::<Vec<_>>().join("; ");
    // Where a value is hidden, that it differs has to be said.
    let hidden = if winner.is_secret() { " (the values differ)" } else { "" };
    if winner.is_immutable() {
        let what = format!("{name} differs, and it never changes: these hosts are of several clusters");
        let report = ErrorReport::new(ErrorCode::File, what).cause(said);
        refusals.push(report.hint("adopt each cluster by itself, with its own --output"));
        return None;
    }
    if most.len() * 2 > members.len() {
        warnings.push(format!(
            "{name} differs between hosts{hidden}: {said}; config.yaml has that of {}, and `omsctl plan` shows the \
             repair of the others",
            most.join(", ")
        ));
        return Some((*winner).clone());
    }
    let what = format!("{name} differs between hosts{hidden}, and no value is that of most of them");
    let report = ErrorReport::new(ErrorCode::File, what).cause(said);
    refusals.push(report.hint("make the config.yaml of these hosts alike, as OMS needs it, and adopt again"));
    None
}
