//! Holds what omsctl makes of a case against what Ansible made of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use omsctl_inventory::{AnsibleInventory, Problem, ProblemCode, Problems, Severity, Sources, load_inventory};
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
const REFUSALS: [(ProblemCode, &str); 0] = [];

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
    format!("{}{}\n{:#}\n{:#}", text("error"), text("list"), theirs["refused"], theirs["said"])
}

fn sources(case: &Case, folder: &Path) -> Sources {
    Sources {
        inventories: case.sources.iter().map(PathBuf::from).collect(),
        config: "config.yaml".into(),
        env_file: None,
        environment: BTreeMap::new(),
        limit: None,
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
    let listed = theirs["list"].as_str().unwrap_or_default();
    let expected: Value = serde_json::from_str(listed).map_err(|error| format!("{error}: {listed}"))?;
    let found = inventory.list_json();
    if found != expected {
        return Err(format!("omsctl lists\n{found:#}\nand Ansible\n{expected:#}"));
    }
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

fn limited(inventory: &AnsibleInventory, pattern: &str, theirs: &Value) -> Result<(), String> {
    let unmatched = theirs["unmatched"].as_array().is_some_and(|lines| !lines.is_empty());
    match inventory.select(pattern) {
        Ok(hosts) if theirs["hosts"] == Value::from(hosts.clone()) && !unmatched => Ok(()),
        // A part that names nothing is a problem here, and a warning there.
        Err(problem) if unmatched && problem.message.contains("names no host") => Ok(()),
        Err(_) if theirs["error"].is_string() => Ok(()),
        ours => Err(format!("--limit {pattern:?}: omsctl selects {ours:?} and Ansible {theirs:#}")),
    }
}
