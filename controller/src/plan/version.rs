//! OMS versions as they stand in image tags and in the MetaDB.

use std::cmp::Ordering;
use std::fmt;

/// `4.2.11`: numbers between dots, at least two. Missing numbers at the end count as 0.
#[derive(Debug, Clone)]
pub struct OmsVersion(Vec<u32>);

/// From here on the container initialises itself (OMS manual and OBD; `research/oms.md` 3.2).
pub(super) const SELF_INITIALISING: [u32; 3] = [4, 2, 11];

/// Up to here a host with cgroup v2 is shown as abnormal (`research/oms.md` 1.1).
pub(super) const CGROUP_V2_TROUBLE: [u32; 3] = [4, 2, 4];

impl OmsVersion {
    /// The first version in the text: `feature_4.2.7_ce` is 4.2.7.
    pub fn find(text: &str) -> Option<Self> {
        text.split(|character: char| !character.is_ascii_digit() && character != '.')
            .map(|word| word.trim_matches('.'))
            .filter(|word| word.contains('.'))
            .find_map(|word| word.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<_>>>())
            .map(Self)
    }

    /// The version in the tag of an image reference; `None` when there is no tag or no version in it.
    pub fn of_reference(reference: &str) -> Option<Self> {
        let name = reference.split('@').next()?;
        let (_, tag) = name.rsplit_once(':')?;
        if tag.contains('/') { None } else { Self::find(tag) }
    }

    fn number(&self, index: usize) -> u32 {
        self.0.get(index).copied().unwrap_or(0)
    }

    /// Compares with numbers that are written in the source.
    pub fn compare(&self, other: &[u32]) -> Ordering {
        self.cmp(&Self(other.to_vec()))
    }
}

impl PartialEq for OmsVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for OmsVersion {}

impl PartialOrd for OmsVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OmsVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.0.len().max(other.0.len());
        (0..length)
            .map(|index| self.number(index).cmp(&other.number(index)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl fmt::Display for OmsVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        formatter.pad(&numbers.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reference: &str, expected: Option<&str>) {
        let found = OmsVersion::of_reference(reference).map(|version| version.to_string());
        assert_eq!(found.as_deref(), expected, "{reference}");
    }

    #[test]
    fn the_version_is_read_from_the_tag() {
        check("reg.docker.alibaba-inc.com/oceanbase/oms-ce:feature_4.2.11_ce", Some("4.2.11"));
        check("reg.docker.alibaba-inc.com/oceanbase/oms:feature_4.0.0-ce_bp1", Some("4.0.0"));
        check("oms:4.2", Some("4.2"));
        check("registry:5000/oms", None);
        check("oms:latest", None);
        check("oms", None);
        check("oms:7", None);
        check("oms:99999999999.1", None);
    }

    #[test]
    fn versions_compare_by_number() {
        let version = |text| OmsVersion::find(text).unwrap();
        assert!(version("4.2.7") < version("4.2.11"));
        assert_eq!(version("4.2"), version("4.2.0"));
        assert_eq!(version("4.2.11").compare(&SELF_INITIALISING), Ordering::Equal);
    }
}
