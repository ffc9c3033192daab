//! Which lines apply to a host: `Host`, `Match`, and that the first value of a setting wins.

use std::collections::HashMap;

use super::line::Line;
use super::pattern::matches_list;
use super::source::Entry;
use super::{ConfigError, LocalUser};

/// What applies, by keyword. `identityfile` gathers, everything else is the first that was said.
#[derive(Debug, Default)]
pub(super) struct Applied {
    settings: HashMap<String, Line>,
    pub identity_files: Vec<Line>,
    pub warnings: Vec<String>,
}

/// What the conditions look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// As the operator wrote it, in lower case.
    pub original: &'a str,
    pub local: &'a LocalUser,
}

impl Applied {
    pub(super) fn get(&self, keyword: &str) -> Option<&Line> {
        self.settings.get(keyword)
    }

    /// The first word of a setting.
    pub(super) fn word(&self, keyword: &str) -> Option<&str> {
        self.get(keyword).and_then(|line| line.arguments.first()).map(String::as_str)
    }

    pub(super) fn add(&mut self, line: &Line) {
        if line.keyword == "identityfile" {
            self.identity_files.push(line.clone());
        } else {
            // ssh takes whichever of the two comes first.
            let other = match line.keyword.as_str() {
                "proxyjump" => "proxycommand",
                "proxycommand" => "proxyjump",
                _ => "",
            };
            if !self.settings.contains_key(other) {
                self.settings.entry(line.keyword.clone()).or_insert_with(|| line.clone());
            }
        }
    }

    /// Adds what a file says about the subject.
    pub(super) fn add_file(
        &mut self,
        entries: &[Entry],
        subject: Subject<'_>,
        enclosing: bool,
    ) -> Result<(), ConfigError> {
        let mut active = enclosing;
        for entry in entries {
            match entry {
                Entry::Include(files) => {
                    for file in files {
                        self.add_file(file, subject, active)?;
                    }
                }
                Entry::Line(line) => match line.keyword.as_str() {
                    "host" => {
                        active = enclosing
                            && matches_list(line.arguments.iter().map(String::as_str), subject.original);
                    }
                    "match" => active = self.matches(line, subject)? && enclosing,
                    _ if active => self.add(line),
                    _ => {}
                },
            }
        }
        Ok(())
    }

    fn matches(&mut self, line: &Line, subject: Subject<'_>) -> Result<bool, ConfigError> {
        let error = |reason: String| ConfigError { place: line.place.clone(), reason };
        let mut all = true;
        let mut words = line.arguments.iter();
        while let Some(word) = words.next() {
            let (negated, criterion) = match word.strip_prefix('!') {
                Some(rest) => (true, rest.to_ascii_lowercase()),
                None => (false, word.to_ascii_lowercase()),
            };
            let (criterion, attached) = match criterion.split_once('=') {
                Some((name, _)) => (name.to_owned(), word.split_once('=').map(|(_, value)| value.to_owned())),
                None => (criterion, None),
            };
            if criterion == "all" {
                all &= !negated;
                continue;
            }
            if matches!(criterion.as_str(), "canonical" | "final") {
                self.warnings.push(format!(
                    "{}: Match {criterion} is not supported and taken as not matching",
                    line.place
                ));
                all = false;
                continue;
            }
            let value = attached
                .or_else(|| words.next().cloned())
                .ok_or_else(|| error(format!("Match {criterion} has no value")))?;
            let patterns = value.split(',');
            let holds = match criterion.as_str() {
                "host" => matches_list(patterns, self.word("hostname").unwrap_or(subject.original)),
                "originalhost" => matches_list(patterns, subject.original),
                "user" => matches_list(patterns, self.word("user").unwrap_or(&subject.local.name)),
                "localuser" => matches_list(patterns, &subject.local.name),
                other => {
                    self.warnings.push(format!(
                        "{}: Match {other} is not supported and taken as not matching",
                        line.place
                    ));
                    all = false;
                    continue;
                }
            };
            all &= holds != negated;
        }
        Ok(all)
    }
}
