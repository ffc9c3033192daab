//! Which lines apply to a host: `Host`, `Match`, and that the first value of a setting wins.

use std::collections::HashMap;

use super::address;
use super::criteria::{self, Condition, Known};
use super::jump::Jumps;
use super::keyword::Part;
use super::line::Line;
use super::source::{ConfigFile, ConfigFiles, Entry, Setting, unknown_keyword};
use super::tokens::{Tokens, expand_host};
use super::value::Value;
use super::{ConfigError, ConfigErrors, LocalUser, pattern};

/// ssh's own limit, of identity files and of certificates.
const MAX_FILES: usize = 100;

/// A file to log in with, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub text: String,
    pub place: String,
    pub by: Giver,
}

/// Who named it: the same file is taken once from each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Giver {
    /// `-i`, and `ansible_ssh_private_key_file`.
    Option,
    User,
    Machine,
}

/// What applies to a host, by keyword.
#[derive(Debug, Clone)]
pub(super) struct Applied<'a> {
    /// As the operator wrote it.
    pub original: &'a str,
    pub local: &'a LocalUser,
    /// What is connected to.
    pub host: String,
    settings: HashMap<&'static str, Setting>,
    pub identity_files: Vec<Given>,
    pub certificate_files: Vec<Given>,
    /// Settings that do not matter here: `keyword value` and place, in the order of the files.
    pub immaterial: Vec<Line>,
    errors: Vec<ConfigError>,
    wants_last_pass: bool,
}

/// Reads the files for a host, after the settings of the command line.
pub(super) fn evaluate<'a>(
    original: &'a str,
    before: Vec<(Setting, Giver)>,
    files: &ConfigFiles,
    local: &'a LocalUser,
) -> Result<Applied<'a>, ConfigErrors> {
    let mut applied = Applied {
        original,
        local,
        host: original.to_owned(),
        settings: HashMap::new(),
        identity_files: Vec::new(),
        certificate_files: Vec::new(),
        immaterial: Vec::new(),
        errors: Vec::new(),
        wants_last_pass: false,
    };
    for (setting, giver) in before {
        applied.add(&setting, giver);
    }
    applied.pass(files, false)?;
    if let Some(setting) = applied.settings.get("hostname") {
        let (text, place) = (applied.text("hostname").unwrap_or_default(), setting.line.place.clone());
        applied.host = expand_host(text, original).map_err(|reason| ConfigErrors::one(&place, reason))?;
    }
    applied.host = address::canonical(&applied.host, applied.text("addressfamily").unwrap_or("any"));
    if applied.wants_last_pass {
        applied.pass(files, true)?;
    }
    applied.refuse()?;
    Ok(applied)
}

impl Applied<'_> {
    pub(super) fn get(&self, keyword: &str) -> Option<&Setting> {
        self.settings.get(keyword)
    }

    /// The value of a setting that takes one word.
    pub(super) fn text(&self, keyword: &str) -> Option<&str> {
        match &self.get(keyword)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a setting that takes a number or a time.
    pub(super) fn number(&self, keyword: &str) -> Option<u32> {
        match &self.get(keyword)?.value {
            Value::Number(number) => Some(*number),
            Value::Seconds(seconds) => *seconds,
            _ => None,
        }
    }

    /// Whether a setting that takes `yes` or `no` says yes.
    pub(super) fn yes(&self, keyword: &str, default: bool) -> bool {
        self.text(keyword).map_or(default, |word| !matches!(word, "no" | "false"))
    }

    /// 22 unless it is set.
    pub(super) fn port(&self) -> u16 {
        self.number("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(22)
    }

    pub(super) fn user(&self) -> &str {
        self.text("user").unwrap_or(&self.local.name)
    }

    fn add(&mut self, setting: &Setting, giver: Giver) {
        let name = setting.keyword.name;
        match name {
            "identityfile" | "certificatefile" => self.add_file(setting, giver),
            // ssh takes whichever of the two comes first, be it "none".
            "proxycommand" if self.settings.contains_key("proxyjump") => {}
            "proxyjump" if self.settings.contains_key("proxycommand") => {}
            _ if matches!(setting.value, Value::Seconds(None)) => {}
            _ if matches!(&setting.value, Value::Words(words) if words.is_empty()) => {}
            _ => {
                let first = !self.settings.contains_key(name);
                if first {
                    self.settings.insert(name, setting.clone());
                }
                if first && setting.keyword.part == Part::Immaterial {
                    self.immaterial.push(setting.line.clone());
                }
            }
        }
    }

    /// The `ProxyJump`, when it leads somewhere.
    pub(super) fn jumps(&self) -> Option<&Jumps> {
        match &self.get("proxyjump")?.value {
            Value::Jump(jumps) if !jumps.hops.is_empty() => Some(jumps),
            _ => None,
        }
    }

    /// The last jump's host, as `%j` stands for it.
    pub(super) fn last_jump(&self) -> String {
        self.jumps().and_then(|jumps| jumps.hops.last()).map(|hop| hop.host.clone()).unwrap_or_default()
    }

    fn add_file(&mut self, setting: &Setting, giver: Giver) {
        let Value::Text(text) = &setting.value else { return };
        let files = match setting.keyword.name {
            "identityfile" => &mut self.identity_files,
            _ => &mut self.certificate_files,
        };
        if files.iter().any(|file| file.text == *text && file.by == giver) {
            return;
        }
        if files.len() < MAX_FILES {
            files.push(Given { text: text.clone(), place: setting.line.place.clone(), by: giver });
        } else {
            let reason = format!("more than {MAX_FILES} of {}", setting.keyword.name);
            self.errors.push(ConfigError { place: setting.line.place.clone(), reason });
        }
    }

    fn pass(&mut self, files: &ConfigFiles, last: bool) -> Result<(), ConfigErrors> {
        for ConfigFile { entries, of_user } in &files.files {
            let giver = if *of_user { Giver::User } else { Giver::Machine };
            self.add_entries(entries, giver, last, true);
        }
        ConfigErrors::unless_empty(std::mem::take(&mut self.errors))
    }

    /// `enclosing`: the block that includes these applies.
    fn add_entries(&mut self, entries: &[Entry], giver: Giver, last: bool, enclosing: bool) {
        let mut active = enclosing;
        for entry in entries {
            match entry {
                Entry::Include(files) => {
                    for file in files {
                        self.add_entries(file, giver, last, active);
                    }
                }
                Entry::Host(line) => {
                    // In the last pass ssh looks at what it connects to.
                    let name = if last { &self.host } else { self.original };
                    let patterns = line.words.iter().map(String::as_str);
                    active = enclosing && pattern::matches_list(patterns, name);
                }
                // Looked at in any case: mistakes in it count, and its commands run, as with ssh.
                Entry::Match(conditions, place) => match self.matches(conditions, last) {
                    Ok(holds) => active = holds && enclosing,
                    Err(reason) => self.errors.push(ConfigError { place: place.clone(), reason }),
                },
                Entry::Unknown(line) => self.excuse(line),
                Entry::Setting(setting) if active => self.add(setting, giver),
                Entry::Setting(_) => {}
            }
        }
    }

    fn matches(&mut self, conditions: &[Condition], last_pass: bool) -> Result<bool, String> {
        let host = match self.text("hostname") {
            _ if last_pass => self.host.clone(),
            Some(text) => expand_host(text, self.original)?,
            None => self.original.to_owned(),
        };
        let tokens = Tokens {
            known_as: self.text("hostkeyalias").unwrap_or(&host).to_owned(),
            original: self.original,
            port: self.port(),
            user: self.user().to_owned(),
            jump: self.last_jump(),
            local: self.local,
            host,
        };
        let known = Known { last_pass, tokens, tag: self.text("tag").unwrap_or_default() };
        let outcome = criteria::decide(conditions, &known)?;
        self.wants_last_pass |= outcome.wants_last_pass;
        Ok(outcome.holds)
    }

    fn excuse(&mut self, line: &Line) {
        let patterns = self.text("ignoreunknown").unwrap_or_default();
        if !patterns.is_empty() && pattern::matches_host(patterns, &line.keyword) {
            return;
        }
        self.errors.push(unknown_keyword(line));
    }

    /// What omsctl does not do, and may not pass over.
    fn refuse(&self) -> Result<(), ConfigErrors> {
        let mut errors: Vec<ConfigError> = Vec::new();
        for setting in self.settings.values() {
            let Part::Refused(harmless) = setting.keyword.part else { continue };
            let value = match &setting.value {
                Value::Text(text) => text.as_str(),
                _ => "",
            };
            if !value.eq_ignore_ascii_case(harmless) {
                let reason = format!("omsctl does not honour {} {}", setting.keyword.name, setting.line.rest);
                errors.push(ConfigError { place: setting.line.place.clone(), reason });
            }
        }
        errors.sort_by(|a, b| a.place.cmp(&b.place));
        ConfigErrors::unless_empty(errors)
    }
}
