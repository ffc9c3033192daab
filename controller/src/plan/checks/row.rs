//! How a row of `check` is made: what it is called and expects first, then what was found.

use omsctl_proto::{CheckResult, CheckStatus, NodeName};

/// A row whose outcome is still open.
#[derive(Debug, Clone)]
pub(super) struct Row {
    node: Option<NodeName>,
    name: &'static str,
    expected: String,
}

impl Row {
    pub(super) fn on(node: &NodeName, name: &'static str, expected: impl Into<String>) -> Self {
        Self { node: Some(node.clone()), name, expected: expected.into() }
    }

    pub(super) fn of_cluster(name: &'static str, expected: impl Into<String>) -> Self {
        Self { node: None, name, expected: expected.into() }
    }

    pub(super) fn pass(self, found: impl Into<String>) -> CheckResult {
        self.row(CheckStatus::Pass, found, "")
    }

    pub(super) fn warn(self, found: impl Into<String>, fix: impl Into<String>) -> CheckResult {
        self.row(CheckStatus::Warn, found, fix)
    }

    pub(super) fn fail(self, found: impl Into<String>, fix: impl Into<String>) -> CheckResult {
        self.row(CheckStatus::Fail, found, fix)
    }

    /// It could not be looked at.
    pub(super) fn unknown(self, found: impl Into<String>, fix: impl Into<String>) -> CheckResult {
        self.row(CheckStatus::Unknown, found, fix)
    }

    fn row(self, status: CheckStatus, found: impl Into<String>, fix: impl Into<String>) -> CheckResult {
        let Self { node, name, expected } = self;
        CheckResult { node, name: name.to_owned(), status, expected, found: found.into(), fix: fix.into() }
    }
}

const MIB: u64 = 1 << 20;
pub(super) const GIB: u64 = 1 << 30;

/// `3.2 GiB`, for people.
pub(in crate::plan) fn size(bytes: u64) -> String {
    let (unit, name) = if bytes >= GIB { (GIB, "GiB") } else { (MIB, "MiB") };
    let tenths = (bytes % unit) * 10 / unit;
    format!("{}.{tenths} {name}", bytes / unit)
}
