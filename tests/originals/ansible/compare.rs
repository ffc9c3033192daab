//! Holds what omsctl makes of a case against what Ansible made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use omsctl_inventory::{AnsibleInventory, Problem, ProblemCode, Problems, Severity, Sources, load_inventory};
use omsctl_proto::Secret;
use serde_json::Value;

use crate::case::Case;

/// How a case ended, for the tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Agreement {
    /// The same list, graph and hosts of every limit.
    Same,
    /// Both refuse.
    BothRefuse,
    /// omsctl refuses by name what Ansible takes.
    Refused(&'static str),
}

/// The deliberate refusals of inventories that Ansible takes. Each is a problem with a code and a text that says so.
const REFUSALS: &[(ProblemCode, &str)] = &[
    (ProblemCode::HostPattern, "the port is above 65535"),
    (ProblemCode::HostPattern, "the step of a range must be a number above zero"),
    (ProblemCode::HostPattern, "a pattern cannot end in ':'"),
    (ProblemCode::VariableValue, "it holds bytes that are no UTF-8 text"),
    (ProblemCode::VariableValue, "it holds half of a surrogate pair"),
    (ProblemCode::VariableValue, "it names a character"),
    (ProblemCode::VariableValue, "a key must be text, a number, a boolean or None"),
    (ProblemCode::InventorySyntax, "begins with a byte order mark"),
];

/// An error tells both answers.
pub(crate) fn compare(case: &Case, folder: &Path, theirs: &Value) -> Result<Agreement, String> {
    let ours = load_inventory(&sources(case, folder));
    let refused =
        theirs["error"].is_string() || theirs["refused"].as_array().is_some_and(|all| !all.is_empty());
    match (ours, refused) {
        (Err(_), true) => Ok(Agreement::BothRefuse),
        (Err(problems), false) => refusal(&problems)
            .map(Agreement::Refused)
            .ok_or_else(|| format!("omsctl refuses:\n{problems}\nbut Ansible takes it:\n{}", told(theirs))),
        (Ok(_), true) => Err(format!("omsctl takes what Ansible refuses:\n{}", told(theirs))),
        (Ok((inventory, _)), false) => same(&inventory, theirs).map(|()| Agreement::Same),
    }
}

fn told(theirs: &Value) -> String {
    let text = |key: &str| theirs[key].as_str().map(str::to_owned).unwrap_or_default();
    format!("{}\n{:#}\n{:#}", text("error"), theirs["list"], theirs["said"])
}

/// What omsctl is given.
pub(crate) fn sources(case: &Case, folder: &Path) -> Sources {
    Sources {
        inventories: case.sources.iter().map(PathBuf::from).collect(),
        config: "config.yaml".into(),
        env_file: None,
        environment: BTreeMap::new(),
        limit: None,
        vault_passwords: case.passwords.iter().map(|password| Secret::new(*password)).collect(),
        working_directory: folder.to_path_buf(),
    }
}

/// The name of the refusal when all errors are deliberate ones.
fn refusal(problems: &Problems) -> Option<&'static str> {
    let named = |problem: &Problem| {
        let known =
            REFUSALS.iter().find(|(code, text)| problem.code == *code && problem.message.contains(text));
        known.map(|(_, text)| *text)
    };
    let errors = problems.0.iter().filter(|problem| problem.severity == Severity::Error);
    errors.map(named).collect::<Option<Vec<_>>>()?.first().copied()
}

fn same(inventory: &AnsibleInventory, theirs: &Value) -> Result<(), String> {
    listed(inventory, None, &theirs["list"])?;
    let (found, expected) = (inventory.graph(), theirs["graph"].as_str().unwrap_or_default());
    if found != expected {
        return Err(format!("omsctl draws\n{found}\nand Ansible\n{expected}"));
    }
    let limits = theirs["limits"].as_object().into_iter().flatten();
    for (pattern, expected) in limits {
        limited(inventory, pattern, expected)?;
    }
    Ok(())
}

fn listed(inventory: &AnsibleInventory, limit: Option<&str>, theirs: &Value) -> Result<(), String> {
    let ours = inventory.list_json(limit).map_err(|problem| problem.to_string())?;
    if ours == *theirs {
        return Ok(());
    }
    Err(format!("with --limit {limit:?} omsctl lists\n{ours:#}\nand Ansible\n{theirs:#}"))
}

/// The same hosts: omsctl has an order of its own for what it does with them.
fn limited(inventory: &AnsibleInventory, pattern: &str, theirs: &Value) -> Result<(), String> {
    let warned = theirs["unmatched"].as_array().is_some_and(|lines| !lines.is_empty());
    let names = |hosts: &Value| -> BTreeSet<String> {
        hosts.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    match inventory.select(pattern) {
        Ok(hosts) if theirs["hosts"].is_array() && !warned => {
            let ours: BTreeSet<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            if ours == names(&theirs["hosts"]) {
                // For some of them only: a list takes Ansible long.
                return match &theirs["list"] {
                    Value::Null => Ok(()),
                    list => listed(inventory, Some(pattern), list),
                };
            }
            Err(format!("--limit {pattern:?}: omsctl selects {ours:?} and Ansible {theirs}"))
        }
        Err(_) if theirs["error"].is_string() => Ok(()),
        Err(problem) if is_refused_on_purpose(&problem, warned) => Ok(()),
        ours => Err(format!("--limit {pattern:?}: omsctl says {ours:?} and Ansible {theirs}")),
    }
}

/// A part that names nothing is a problem here and a warning there; Ansible's localhost that no inventory names is no
/// host here.
fn is_refused_on_purpose(problem: &Problem, warned: bool) -> bool {
    let says = |text: &str| problem.message.contains(text);
    let name = problem.found.as_deref().unwrap_or_default().split('[').next();
    let localhost = matches!(name, Some("localhost" | "127.0.0.1" | "::1"));
    (says("names no host") && (warned || localhost))
        || says("does not take look-around")
        || (says("that cannot be read") && warned)
        || says("does not read patterns from files")
}
