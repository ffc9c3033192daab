//! Another password for the MetaDB's account that the MetaDB does not know yet: every host gets its file, waits, the MetaDB takes
//! the new one, and all go on at once. Who is away then would be locked out, so that it is done on all hosts or on none.

use omsctl_inventory::{Deployment, Host, diff};
use omsctl_proto::{Action, Gate, InitState, Step};

use super::config::{self, changes_of};
use super::gates::Draft;
use super::input::Observed;
use super::output::Plan;
use super::refusal::Refusal;
use super::situation::{Situation, may_be_initialised};
use crate::ports::MetaDbError;

/// The key of config.yaml.
pub(super) const KEY: &str = "oms_meta_password";

const FIRST_THE_REST: &str =
    "put the former password back into config.yaml, run `omsctl apply`, then change the password";

/// The MetaDB takes only the former password, at least from one host.
pub(super) fn is_due(situation: Situation<'_>) -> bool {
    !situation.observed.by_former.is_empty()
}

/// Why OMS has to log in anew, whatever its file says already.
pub(super) fn why(situation: Situation<'_>) -> Option<&'static str> {
    is_due(situation)
        .then_some("the MetaDB takes the new password from then on, and no longer the former one")
}

/// What the files ask for cannot be done on all hosts.
pub(super) fn judge(situation: Situation<'_>) -> Vec<Refusal> {
    if !is_due(situation) {
        return Vec::new();
    }
    let hosts = situation.deployment.hosts.iter().filter_map(|host| in_the_way(situation, host));
    hosts.chain(strangers(situation)).collect()
}

fn cannot(what: String, way: &str) -> Refusal {
    Refusal::CannotRotate { what, way: way.to_owned() }
}

fn in_the_way(situation: Situation<'_>, host: &Host) -> Option<Refusal> {
    let node = &host.name;
    if !host.selected {
        return Some(cannot(
            format!("{node} is outside --limit and would be locked out"),
            "all hosts change together: leave --limit out",
        ));
    }
    let Some(facts) = situation.facts(node) else {
        return Some(cannot(
            format!("{node} does not answer and would be locked out"),
            "bring it back first, or take it out: `omsctl remove HOST --give-up HOST`, with the former password in config.yaml",
        ));
    };
    let Some(container) = &facts.container else {
        return Some(cannot(format!("{node} has no container yet"), FIRST_THE_REST));
    };
    match container.initialisation.state {
        InitState::Running => Some(cannot(
            format!("OMS is being initialised on {node}, which is never interrupted"),
            "wait for its end: `omsctl attach` follows it",
        )),
        _ if may_be_initialised(container) => None,
        _ => Some(cannot(format!("OMS is not initialised on {node} yet"), FIRST_THE_REST)),
    }
}

/// Hosts of somebody else's inventory that share the MetaDB (`--join-metadb`); without that they are refused anyway.
fn strangers(situation: Situation<'_>) -> Option<Refusal> {
    let metadb = situation.metadb().filter(|_| situation.goal.join_metadb)?;
    let others = metadb.hosts.iter().filter(|row| !situation.is_ours(&row.ip));
    let others: Vec<&str> = others.map(|row| row.ip.as_str()).collect();
    if others.is_empty() {
        return None;
    }
    let others = others.join(", ");
    Some(cannot(
        format!("{others} of the same MetaDB are in no line of this inventory and would be locked out"),
        "let the DBA give the account a second password (MySQL 8: RETAIN CURRENT PASSWORD) or OMS another account, or change all \
         hosts from one inventory",
    ))
}

/// What a draft has to do beside, and hosts that have none.
pub(super) fn judge_drafts(situation: Situation<'_>, drafts: &[Draft], plan: &Plan) -> Vec<Refusal> {
    if !is_due(situation) {
        return Vec::new();
    }
    let left_out = plan.left_out.iter().map(|(node, error)| {
        let what = format!("{node} is left out and would be locked out: {}", error.one_line());
        cannot(what, "mend that host first")
    });
    let more = drafts.iter().filter_map(|draft| {
        let step = draft.steps.iter().find(|step| is_more(&step.action))?;
        Some(cannot(
            format!("{} differs in more than a running OMS takes over: {}", draft.node, step.why),
            FIRST_THE_REST,
        ))
    });
    left_out.chain(more).collect()
}

/// Nobody at this gate waits for the time-series database, and OMS is told of both at once.
pub(super) fn before_tsdb(situation: Situation<'_>) -> Option<Refusal> {
    is_due(situation)
        .then(|| cannot("the time-series database does not serve yet".to_owned(), FIRST_THE_REST))
}

fn is_more(action: &Action) -> bool {
    matches!(action, Action::LoadImage { .. } | Action::CreateContainer { .. } | Action::Initialise { .. })
}

/// Only files are written before the gate.
pub(super) fn arrange(draft: &mut Draft) {
    if let Some(step) = draft.steps.iter_mut().find(|step| !is_before(step)) {
        step.gate = Some(Gate::Password);
    }
}

/// What may be done while the MetaDB takes only the former password.
pub(super) fn is_before(step: &Step) -> bool {
    matches!(
        step.action,
        Action::MakeDirectories { .. } | Action::WriteCertificates { .. } | Action::WriteConfig { .. }
    )
}

/// What the operator should know before it begins.
pub(super) fn warnings(situation: Situation<'_>) -> Option<String> {
    let user = &situation.deployment.regions.first()?.config.meta.user;
    is_due(situation).then(|| {
        format!(
            "the MetaDB's account {user} gets the new password once every host has its file, then OMS's services that log in are \
             restarted on all hosts at once; whoever else logs in by this account is locked out until they have it too"
        )
    })
}

/// What to do about a log-in that the MetaDB refuses, when a new password may be why.
pub(super) fn hint(situation: Situation<'_>, error: &MetaDbError) -> Option<&'static str> {
    if !matches!(error, MetaDbError::LogIn { .. }) {
        return None;
    }
    if situation.goal.with_former {
        return Some(
            "the MetaDB takes neither the password of config.yaml nor that of --former-metadb-password-file: ask its DBA which \
             one the account has",
        );
    }
    let changes = |host: &Host| {
        changes_of(situation, host).is_some_and(|changes| changes.iter().any(|change| change.key == KEY))
    };
    situation.members().any(changes).then_some(
        "config.yaml has another oms_meta_password than the hosts run with. If the MetaDB has the former one still: `omsctl apply \
         --former-metadb-password-file FILE`, with the former one in that file (mode 0600), changes it in the MetaDB and on all \
         hosts. If the MetaDB has a new one: write that into config.yaml",
    )
}

/// Whether a host's file had another password than the wanted one.
pub fn takes_another_password(deployment: &Deployment, observed: &Observed) -> bool {
    let changes = |host: &Host| {
        let region = deployment.region(&host.region)?;
        let existing = config::existing(observed.facts.get(&host.name)?.as_ref().ok()?)?;
        // Who else is in the list is no matter here.
        Some(diff(&existing, region, &[]).iter().any(|change| change.key == KEY))
    };
    deployment.hosts.iter().any(|host| host.selected && changes(host) == Some(true))
}
