//! Which keys a version of OMS has: the timeline of the manual's templates (research/oms.md 2.1).

use super::lint::RegionToCheck;
use crate::problem::{ProblemCode, Problems};

/// Major, minor, patch.
pub(crate) type Version = [u32; 3];

const DRC: [&str; 2] = ["drc_user", "drc_password"];
const PORTS: [&str; 5] = [
    "ghana_server_port",
    "nginx_server_port",
    "cm_server_port",
    "supervisor_server_port",
    "sshd_server_port",
];
/// Up to then the account for reading from OceanBase had to be in config.yaml.
const DRC_OPTIONAL: Version = [3, 3, 1];
/// From then on it is given with each data source.
const DRC_GONE: Version = [4, 1, 1];
const PORTS_CAME: Version = [4, 2, 2];

/// The version in a tag or in the name of a file: `feature_4.2.7_ce`, `oms_4.2.2-ce.tar.gz`.
pub(crate) fn version_in(text: &str) -> Option<Version> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|part| {
        let mut numbers = part.trim_matches('.').split('.').map(|number| number.parse().ok());
        Some([numbers.next()??, numbers.next()??, numbers.next()??])
    })
}

/// Keys that the version ignores, and those that it cannot do without.
pub(super) fn keys_of_version(region: &RegionToCheck<'_>, problems: &mut Problems) {
    let Some(version) = region.version else { return };
    let shown = version.map(|number| number.to_string()).join(".");
    if version < DRC_OPTIONAL {
        for key in DRC.into_iter().filter(|key| !region.places.contains_key(key)) {
            let message = format!("`{key}` is missing, and OMS {shown} needs it");
            let hint = "it is an account in the sys tenant of the OceanBase that is read from";
            problems.push(region.problem(ProblemCode::MissingKey, key, message).hint(hint));
        }
    }
    let mut ignored = |keys: &[&'static str], why: &str, hint: &str| {
        for key in keys.iter().filter(|key| region.has(key)) {
            let message = format!("OMS {shown} ignores `{key}`: {why}");
            let mut problem = region.problem(ProblemCode::KeyOfOtherVersion, key, message);
            problem.severity = crate::Severity::Warning;
            problems.push(problem.hint(hint));
        }
    };
    if version >= DRC_GONE {
        let hint = "delete it, and give the account with the data source in the console";
        ignored(&DRC, "since 4.1.1 each data source has its own account", hint);
    }
    if version < PORTS_CAME {
        let hint = "delete it; earlier versions have the manual's ports";
        ignored(&PORTS, "ports can be set since 4.2.2", hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_tags_and_names() {
        for (text, version) in [
            ("feature_4.2.7_ce", Some([4, 2, 7])),
            ("oms_4.2.11-ce.tar.gz", Some([4, 2, 11])),
            ("oms.feature_3.3.0-bp1.202207050628.tar.gz", Some([3, 3, 0])),
            ("latest", None),
            ("1.2", None),
        ] {
            assert_eq!(version_in(text), version, "{text}");
        }
    }
}
