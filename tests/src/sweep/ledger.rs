//! The ledger of a sweep: a line for each case that was run, so that a sweep goes on where it was left; and the table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::SweepError;
use super::fault::Fault;

/// One case that was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub case: String,
    pub step: String,
    pub fault: String,
    pub passed: bool,
    /// What was not as it has to be.
    pub reasons: Vec<String>,
    /// Exit status of the command that was struck.
    pub struck: Option<i32>,
    pub seconds: f64,
    /// The commit of the product that was tested.
    pub revision: String,
}

/// The file.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
}

impl Ledger {
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The last entry of each case; a torn last line is no entry.
    pub fn entries(&self) -> BTreeMap<String, Entry> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
        entries.map(|entry| (entry.case.clone(), entry)).collect()
    }

    pub fn add(&self, entry: &Entry) -> Result<(), SweepError> {
        let failed = SweepError::file(&self.path);
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.path).map_err(&failed)?;
        let line = serde_json::to_string(entry).map_err(|error| failed(error.into()))?;
        writeln!(file, "{line}").map_err(&failed)
    }
}

/// Steps against faults in Markdown: how many cases passed of how many that were run.
pub fn table<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    let mut cells: BTreeMap<(&str, &str), (u32, u32)> = BTreeMap::new();
    let mut steps: Vec<&str> = Vec::new();
    for entry in entries {
        let (passed, all) = cells.entry((&entry.step, &entry.fault)).or_default();
        *all += 1;
        *passed += u32::from(entry.passed);
        if !steps.contains(&entry.step.as_str()) {
            steps.push(&entry.step);
        }
    }
    steps.sort_by_key(|step| place(step));
    let mut text = format!("| |{}\n|---|", Fault::ALL.map(|fault| format!(" {} |", fault.name())).concat());
    text.push_str(&"---|".repeat(Fault::ALL.len()));
    for step in steps {
        let _ = write!(text, "\n| {step} |");
        for fault in Fault::ALL {
            let _ = match cells.get(&(step, fault.name())) {
                Some((passed, all)) => write!(text, " {passed}/{all} |"),
                None => write!(text, " – |"),
            };
        }
    }
    text
}

/// In the order of a rollout.
fn place(step: &str) -> usize {
    const ORDER: [&str; 15] = [
        "look",
        "plan",
        "make_directories",
        "write_certificates",
        "write_config",
        "load_image",
        "replace_container",
        "create_container",
        "start_container",
        "restart_container",
        "gate",
        "initialise",
        "reload_config",
        "await_services",
        "await_healthy",
    ];
    ORDER.iter().position(|known| *known == step).unwrap_or(ORDER.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(case: &str, step: &str, fault: &str, passed: bool) -> Entry {
        let (case, step, fault) = (case.to_owned(), step.to_owned(), fault.to_owned());
        let revision = "abc".to_owned();
        Entry { case, step, fault, passed, reasons: Vec::new(), struck: Some(0), seconds: 1.0, revision }
    }

    #[test]
    fn the_last_word_on_a_case_counts_and_a_torn_line_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let ledger = Ledger::at(&path);
        assert!(ledger.entries().is_empty());
        ledger.add(&entry("a", "plan", "cut", false)).unwrap();
        ledger.add(&entry("a", "plan", "cut", true)).unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"case\":");
        fs::write(&path, text).unwrap();
        assert_eq!(ledger.entries().into_values().collect::<Vec<_>>(), [entry("a", "plan", "cut", true)]);
    }

    #[test]
    fn the_table_counts_by_step_and_fault() {
        let entries = [
            entry("a", "initialise", "cut", true),
            entry("b", "initialise", "cut", false),
            entry("c", "plan", "kill_host", true),
        ];
        let table = table(entries.iter());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[2], "| plan | – | – | – | – | – | 1/1 | – | – |");
        assert_eq!(lines[3], "| initialise | 1/2 | – | – | – | – | – | – | – |");
    }
}
