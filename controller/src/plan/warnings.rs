//! What the operator should know beside the steps: no reason to stop, and nothing that a step would tell.

use omsctl_proto::Role;

use super::config::changes_of;
use super::gates::Draft;
use super::situation::Situation;

/// All warnings about the steps of this plan, each once.
pub(super) fn warnings(situation: Situation<'_>, drafts: &[Draft]) -> Vec<String> {
    let mut warnings: Vec<String> = drafts.iter().filter_map(postponed).collect();
    warnings.extend(outside_the_limit(situation, drafts));
    for warning in changed_keys(situation) {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    if situation.metadb().is_none() && !drafts.is_empty() {
        warnings.push("the MetaDB was not read: whether the hosts are registered is not known".to_owned());
    }
    warnings
}

fn postponed(draft: &Draft) -> Option<String> {
    let why = draft.findings.postponed.as_ref()?;
    Some(format!(
        "{} is being initialised, which is never interrupted; left for the next apply: {why}",
        draft.node
    ))
}

fn outside_the_limit(situation: Situation<'_>, drafts: &[Draft]) -> Option<String> {
    let new = drafts.iter().filter(|draft| draft.role == Role::New);
    let new: Vec<&str> = new.map(|draft| draft.node.as_str()).collect();
    let outside = situation.members().filter(|host| !host.selected);
    let outside: Vec<&str> = outside.map(|host| host.name.as_str()).collect();
    (!new.is_empty() && !outside.is_empty()).then(|| {
        format!(
            "outside --limit: cm_nodes on {} lists {} only after an apply there",
            outside.join(", "),
            new.join(", ")
        )
    })
}

fn changed_keys(situation: Situation<'_>) -> Vec<String> {
    let members = situation.members().filter(|host| host.selected);
    let changes = members.flat_map(|host| changes_of(situation, host).unwrap_or_default());
    changes.filter_map(|change| about_key(&change.key)).collect()
}

fn about_key(key: &str) -> Option<String> {
    if key.starts_with("tsdb_") {
        let warning = "tsdb_* changes: the files are written and the two services restarted; see in the console \
                       that figures arrive";
        Some(warning.to_owned())
    } else {
        None
    }
}
