//! From which version OMS can be upgraded to which: the table of its manuals (`research/oms.md` 7.5).

use crate::plan::version::OmsVersion;

/// Target, and the versions from which it is reached directly.
const PATHS: [(&[u32], &[&[u32]]); 8] = [
    (&[3, 3, 0], &[&[3, 2, 2]]),
    (&[3, 3, 1], &[&[3, 3, 0]]),
    (&[4, 0, 0], &[&[3, 2, 2], &[3, 3, 0], &[3, 3, 1]]),
    (&[4, 1, 0], &[&[3, 2, 2], &[3, 3, 0], &[3, 3, 1], &[4, 0, 0]]),
    // Only fresh.
    (&[4, 1, 1], &[]),
    (&[4, 2, 0], &[&[4, 1, 1]]),
    (&[4, 2, 1], &[&[4, 2, 0]]),
    (&[4, 2, 2], &[&[4, 2, 1]]),
];
/// From a page about one version; others may be possible.
const ALSO: [(&[u32], &[u32]); 1] = [(&[4, 2, 6], &[4, 2, 4])];

/// What the table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Path {
    Allowed,
    /// The versions from which it goes, in words.
    Refused(String),
    Unknown,
}

/// `from` and `to` differ.
pub(super) fn path(from: &OmsVersion, to: &OmsVersion) -> Path {
    if from > to {
        return Path::Refused("an older version is reached by `omsctl rollback` only".to_owned());
    }
    if let Some((_, allowed)) = PATHS.iter().find(|(target, _)| to.compare(target).is_eq()) {
        return if allowed.iter().any(|version| from.compare(version).is_eq()) {
            Path::Allowed
        } else if allowed.is_empty() {
            Path::Refused(format!("OMS {to} can only be installed fresh"))
        } else {
            let allowed: Vec<String> = allowed.iter().map(|version| dotted(version)).collect();
            Path::Refused(format!("OMS {to} is reached from {} only", allowed.join(", ")))
        };
    }
    if ALSO.iter().any(|(target, source)| to.compare(target).is_eq() && from.compare(source).is_eq()) {
        return Path::Allowed;
    }
    Path::Unknown
}

fn dotted(version: &[u32]) -> String {
    version.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, expected: &str) {
        let version = |text| OmsVersion::find(text).unwrap();
        let found = match path(&version(from), &version(to)) {
            Path::Allowed => "allowed".to_owned(),
            Path::Refused(why) => why,
            Path::Unknown => "unknown".to_owned(),
        };
        assert!(found.contains(expected), "{from} to {to}: {found}");
    }

    #[test]
    fn the_manuals_table_is_kept() {
        check("4.2.1", "4.2.2", "allowed");
        check("3.2.2", "4.1.0", "allowed");
        check("4.2.4", "4.2.6", "allowed");
        check("4.2.0", "4.2.2", "from 4.2.1 only");
        check("3.2.2", "3.3.1", "from 3.3.0 only");
        check("4.1.0", "4.1.1", "installed fresh");
        check("4.2.7", "4.2.11", "unknown");
        check("4.2.2", "4.2.1", "rollback");
    }
}
