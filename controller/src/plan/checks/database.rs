//! `metadb_version` and `metadb_privileges`: the MetaDB is one that OMS can use, with what its account may do there
//! (`research/oms.md` 9). A privilege that cannot be seen, or an old OMS on a new MySQL, only warns.

use omsctl_proto::CheckResult;

use super::row::Row;
use crate::plan::image;
use crate::plan::situation::Situation;
use crate::plan::version::OmsVersion;
use crate::ports::{Grant, MetaDbFacts};

const OLDEST_OCEANBASE: [u32; 2] = [2, 0];
/// The log-in of MySQL 8 is not understood by OMS 3.
const NEW_MYSQL: [u32; 2] = [8, 0];
const NEW_OMS: [u32; 2] = [4, 0];
/// What `docker_init.sh`, upgrades and OMS itself do in the three databases.
const NEEDED: [&str; 8] = ["CREATE", "DROP", "ALTER", "INDEX", "SELECT", "INSERT", "UPDATE", "DELETE"];

pub(super) fn rows(situation: Situation<'_>) -> Vec<CheckResult> {
    let Some(metadb) = situation.metadb() else { return Vec::new() };
    vec![version(situation, metadb), privileges(situation, metadb)]
}

fn version(situation: Situation<'_>, metadb: &MetaDbFacts) -> CheckResult {
    let row = Row::of_cluster("metadb_version", "MySQL, or OceanBase 2.0 or later");
    let found = metadb.server_version.clone();
    let name = found.to_ascii_lowercase();
    // Its own versions count from 1 again.
    if name.contains("seekdb") {
        return row.pass(found);
    }
    if let Some((_, after)) = name.split_once("oceanbase") {
        return match OmsVersion::find(after) {
            Some(version) if version.compare(&OLDEST_OCEANBASE).is_lt() => {
                row.fail(found, "move the MetaDB to OceanBase 2.0 or later, or to MySQL 5.7")
            }
            Some(_) | None => row.pass(found),
        };
    }
    let is_new = !name.contains("mariadb")
        && OmsVersion::find(&name).is_some_and(|version| version.compare(&NEW_MYSQL).is_ge());
    let old_oms = oms_versions(situation).find(|version| version.compare(&NEW_OMS).is_lt());
    match old_oms.filter(|_| is_new) {
        Some(oms) => row.warn(
            found,
            format!(
                "OMS {oms} is known to fail at the log-in of MySQL 8 (caching_sha2_password): use MySQL 5.7"
            ),
        ),
        None => row.pass(found),
    }
}

fn oms_versions(situation: Situation<'_>) -> impl Iterator<Item = OmsVersion> {
    let images = situation.deployment.hosts.iter().map(|host| &host.settings.image);
    let wanted = images.filter_map(move |source| image::wanted(source, situation.observed).ok());
    wanted.filter_map(|(wanted, _)| OmsVersion::of_reference(&wanted.reference))
}

fn privileges(situation: Situation<'_>, metadb: &MetaDbFacts) -> CheckResult {
    let row = Row::of_cluster("metadb_privileges", "all privileges on OMS's databases");
    let databases = databases(situation);
    let fix = format!(
        "GRANT ALL PRIVILEGES on {} to oms_meta_user, as the MetaDB's administrator",
        databases.join(", ")
    );
    let Some(grants) = &metadb.grants else {
        return row.warn("the MetaDB does not tell what the account may", fix);
    };
    let lacking: Vec<String> = databases
        .iter()
        .filter_map(|database| {
            let lacking = lacking(grants, database);
            (!lacking.is_empty()).then(|| format!("{database}: {}", lacking.join(", ")))
        })
        .collect();
    let roles = grants.contains(&Grant::Role);
    match lacking.join("; ") {
        nothing if nothing.is_empty() => row.pass("all there"),
        some if roles => row.warn(format!("unless a role has it, the account lacks on {some}"), fix),
        some => row.fail(format!("the account lacks on {some}"), fix),
    }
}

fn databases(situation: Situation<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for region in &situation.deployment.regions {
        let config = &region.config;
        for name in [&config.rm_db, &config.cm_db, &config.heartbeat_db] {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

fn lacking(grants: &[Grant], database: &str) -> Vec<&'static str> {
    let has = |needed: &str| {
        grants.iter().any(|grant| match grant {
            Grant::Privileges { privileges, on } => {
                let here = on.as_ref().is_none_or(|pattern| matches(pattern, database));
                here && (privileges.contains("ALL PRIVILEGES")
                    || privileges.contains("ALL")
                    || privileges.contains(needed))
            }
            Grant::Role => false,
        })
    };
    NEEDED.into_iter().filter(|needed| !has(needed)).collect()
}

/// MySQL's pattern: `%` is any text, `_` any character, a backslash takes the next one as it is.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (parts(pattern), text.chars().collect::<Vec<_>>());
    let (mut at, mut from) = (0, 0);
    // Where the last `%` stood, and how much it stands for so far.
    let mut any: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(Part::Any) => {
                any = Some((at, from));
                at += 1;
            }
            Some(Part::One) => (at, from) = (at + 1, from + 1),
            Some(Part::This(wanted)) if *wanted == text[from] => (at, from) = (at + 1, from + 1),
            Some(Part::This(_)) | None => match any.as_mut() {
                Some((star, taken)) => {
                    *taken += 1;
                    (at, from) = (*star + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|part| matches!(part, Part::Any))
}

enum Part {
    Any,
    One,
    This(char),
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut characters = pattern.chars();
    let mut parts = Vec::new();
    while let Some(found) = characters.next() {
        parts.push(match found {
            '%' => Part::Any,
            '_' => Part::One,
            '\\' => Part::This(characters.next().unwrap_or('\\')),
            other => Part::This(other),
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_patterns() {
        for (pattern, text, expected) in [
            ("oms_rm", "oms_rm", true),
            ("oms_rm", "omsxrm", true),
            ("oms\\_rm", "omsxrm", false),
            ("oms\\_%", "oms_cm", true),
            ("%", "", true),
            ("%rm", "oms_rm_rm", true),
            ("oms", "oms_rm", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
