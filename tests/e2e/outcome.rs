//! How a call of omsctl ended: exit code, words, documents. Assertions here show everything that it said.

use std::time::Duration;

use serde_json::Value;

/// What one call left behind.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) line: String,
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) took: Duration,
}

impl Outcome {
    #[track_caller]
    pub(super) fn fail(&self, why: &str) -> ! {
        let Self { line, code, stdout, stderr, took } = self;
        panic!("{why}\n$ {line}\nexit {code} after {took:.1?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(super) fn exits(self, code: i32) -> Self {
        if self.code != code {
            self.fail(&format!("exit {code} was expected"));
        }
        self
    }

    /// Asserts that every one of these was told, on either stream.
    #[track_caller]
    pub(super) fn tells(self, words: &[&str]) -> Self {
        for word in words {
            if !self.stdout.contains(word) && !self.stderr.contains(word) {
                self.fail(&format!("`{word}` was not told"));
            }
        }
        self
    }

    /// Asserts that it was quick.
    #[track_caller]
    pub(super) fn within(self, seconds: f64) -> Self {
        if self.took.as_secs_f64() > seconds {
            self.fail(&format!("it should have taken {seconds} s at most"));
        }
        self
    }

    /// The document of `--format json`.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| self.fail(&format!("stdout is no JSON: {error}")))
    }

    /// The events of `--format jsonl`.
    #[track_caller]
    pub(super) fn events(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line);
        let events: Result<Vec<Value>, _> = self.stdout.lines().map(read).collect();
        events.unwrap_or_else(|error| self.fail(&format!("a line of stdout is no JSON: {error}")))
    }

    /// `result` of a host in the document of `apply`.
    #[track_caller]
    pub(super) fn result_of(&self, node: &str) -> String {
        self.of_node(node)["result"].as_str().unwrap_or_default().to_owned()
    }

    /// A host's entry in the document of `plan`, `apply` or `status`.
    #[track_caller]
    pub(super) fn of_node(&self, node: &str) -> Value {
        let document = self.json();
        let nodes = document["nodes"].as_array().cloned().unwrap_or_default();
        let found = nodes.into_iter().find(|entry| entry["node"] == node);
        found.unwrap_or_else(|| self.fail(&format!("the document has no {node}")))
    }

    /// The step names of a host in the document of `plan`.
    #[track_caller]
    pub(super) fn steps_of(&self, node: &str) -> Vec<String> {
        let entry = self.of_node(node);
        let Some(steps) = entry["steps"].as_array() else { self.fail(&format!("{node} has no `steps`")) };
        let name = |step: &Value| {
            let why = step["why"].as_str().unwrap_or_default();
            if why.is_empty() {
                self.fail(&format!("{node}: a step without a reason: {step}"));
            }
            step["id"].as_str().unwrap_or_default().to_owned()
        };
        steps.iter().map(name).collect()
    }

    /// Asserts the steps of `plan`: those of each host that is named, none of the others.
    #[track_caller]
    pub(super) fn plans(self, expected: &[(&str, &[&str])]) -> Self {
        let document = self.json();
        let mut total = 0;
        for entry in document["nodes"].as_array().into_iter().flatten() {
            let node = entry["node"].as_str().unwrap_or_default();
            let wanted =
                expected.iter().find(|(name, _)| *name == node).map_or(&[] as &[&str], |(_, steps)| steps);
            let found = self.steps_of(node);
            total += found.len();
            if found != wanted {
                self.fail(&format!("{node} should have the steps {wanted:?}, it has {found:?}"));
            }
        }
        if document["changes"].as_u64() != u64::try_from(total).ok() {
            self.fail(&format!("`changes` should be {total}"));
        }
        self
    }

    /// Why a host has a step, in the document of `plan`.
    #[track_caller]
    pub(super) fn why(&self, node: &str, step: &str) -> String {
        let entry = self.of_node(node);
        let steps = entry["steps"].as_array().cloned().unwrap_or_default();
        let found = steps.iter().find(|found| found["id"] == step);
        let Some(found) = found else { self.fail(&format!("{node} has no step {step}")) };
        found["why"].as_str().unwrap_or_default().to_owned()
    }

    /// The failed rows of `check`: host and name.
    #[track_caller]
    pub(super) fn failed_checks(&self) -> Vec<(String, String)> {
        let document = self.json();
        let Some(rows) = document["checks"].as_array() else { self.fail("the document has no `checks`") };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let failed = rows.iter().filter(|row| row["status"] == "fail" || row["status"] == "unknown");
        failed.map(|row| (text(&row["node"]), text(&row["name"]))).collect()
    }

    /// Whether this is a plan with nothing to do.
    pub(super) fn is_quiet_plan(&self) -> bool {
        let document: Option<Value> = serde_json::from_str(&self.stdout).ok();
        self.code == 0
            && document.is_some_and(|plan| plan["changes"] == 0 && plan["nodes"][2]["node"] == "node3")
    }
}
