//! What became of the cases: how many agree and how, what was in them, and those that differ.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use originals::{Oracle, cases};
use serde_json::json;

use crate::case::Case;
use crate::compare::{Agreement, compare};
use crate::encrypted;
use crate::generate::{FEATURES, Generator};

/// Enough to see what is wrong.
const DIFFERENCES: usize = 3;
/// Of the agreements, in percent: more errors would hide that valid inventories are what matters.
const ERRORS_AT_MOST: usize = 30;
/// Of the cases, in percent: omsctl refuses little that Ansible takes.
const REFUSED_AT_MOST: usize = 6;
/// So few cases prove nothing about the generator.
const FEW: usize = 400;

/// A part of the cases, or all.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    agreements: BTreeMap<Agreement, usize>,
    features: BTreeMap<&'static str, usize>,
    differences: Vec<String>,
}

impl Tried {
    /// Tries one seed after the other until so many cases agree, or too many differ.
    pub(crate) fn until_agreed(
        wanted: usize,
        seeds: impl Iterator<Item = u64>,
        generator: &Generator,
        mut oracle: Oracle,
        root: &Path,
    ) -> Self {
        let mut tried = Self::default();
        for seed in seeds {
            if tried.agreed() >= wanted || tried.differences.len() >= DIFFERENCES {
                break;
            }
            let case = generator.case(seed);
            match answer(&case, &mut oracle, root) {
                Ok(agreement) => *tried.agreements.entry(agreement).or_default() += 1,
                Err(why) => tried.differences.push(format!("{case}\n{why}")),
            }
            for feature in &case.features {
                *tried.features.entry(feature).or_default() += 1;
            }
        }
        tried
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        for (agreement, count) in other.agreements {
            *self.agreements.entry(agreement).or_default() += count;
        }
        for (feature, count) in other.features {
            *self.features.entry(feature).or_default() += count;
        }
        self.differences.extend(other.differences);
        self
    }

    fn count(&self, agreement: Agreement) -> usize {
        self.agreements.get(&agreement).copied().unwrap_or(0)
    }

    fn agreed(&self) -> usize {
        self.count(Agreement::Same) + self.count(Agreement::BothRefuse)
    }

    /// Nothing differs, and the generator made what it claims to make.
    pub(crate) fn check(&self) {
        assert!(self.differences.is_empty(), "{}", self.differences.join("\n\n"));
        let agreed = self.agreed();
        assert!(agreed as u64 >= cases(), "{agreed} cases agree");
        if agreed < FEW {
            return;
        }
        for feature in FEATURES {
            assert!(self.features.contains_key(feature), "no case has `{feature}`");
        }
        let errors = self.count(Agreement::BothRefuse);
        assert!(errors * 100 <= agreed * ERRORS_AT_MOST, "{errors} of {agreed} cases are errors");
        let refused = self.agreements.values().sum::<usize>() - agreed;
        assert!(refused * 100 <= agreed * REFUSED_AT_MOST, "omsctl refuses {refused} that Ansible takes");
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (agreement, count) in &self.agreements {
            writeln!(formatter, "{count:6} {agreement:?}")?;
        }
        for (feature, count) in &self.features {
            writeln!(formatter, "{count:6} with {feature}")?;
        }
        Ok(())
    }
}

fn answer(case: &Case, oracle: &mut Oracle, root: &Path) -> Result<Agreement, String> {
    let folder = root.join(case.seed.to_string());
    let lock = |text: &str, lock| encrypted(oracle, &[(text, lock)]).map(|mut texts| texts.remove(0));
    std::fs::create_dir(&folder)
        .and_then(|()| case.write(&folder, lock))
        .map_err(|error| error.to_string())?;
    let question = json!({
        "folder": folder, "sources": case.sources, "limits": case.limits, "passwords": case.passwords,
    });
    let theirs = oracle.ask(&question).map_err(|error| format!("{error:?}"))?;
    let agreement = compare(case, &folder, &theirs);
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    agreement
}
