//! The keys of a config.yaml that was found on a host, to be laid beside those of other hosts and written into files for
//! an operator: `omsctl adopt`. Decides nothing about who is right.

use std::fmt::Write as _;

use omsctl_proto::Secret;

use super::difference::{KeyEffect, default_of, normal, shown};
use super::existing::{ExistingConfig, ExistingValue};
use super::keys::{KEYS, Key, Kind, key};
use super::render::{is_secret, quote};
use crate::ansible::variable_line;

/// Where a key has to be the same (research/oms.md 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyScope {
    /// On every host of the cluster.
    Cluster,
    /// On every host of a region; other regions have a value of their own.
    Region,
    /// On every host of a region; other regions may have the same.
    Either,
}

/// One key of one host's file; also one that the file lacks.
#[derive(Clone)]
pub struct FoundKey {
    key: &'static Key,
    value: Option<ExistingValue>,
}

impl std::fmt::Debug for FoundKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.name(), self.shown())
    }
}

/// All keys that OMS has, in the manual's order.
pub fn found_keys(existing: &ExistingConfig) -> Vec<FoundKey> {
    KEYS.iter().map(|key| FoundKey { key, value: existing.values.get(key.name).cloned() }).collect()
}

/// What the file has beside them: names, and values with secrets masked.
pub fn unknown_keys(existing: &ExistingConfig) -> Vec<(String, String)> {
    let unknown = existing.values.iter().filter(|(name, _)| key(name).is_none());
    unknown.map(|(name, value)| (name.clone(), shown(name, value.clone()))).collect()
}

impl FoundKey {
    pub fn name(&self) -> &'static str {
        self.key.name
    }

    pub fn scope(&self) -> KeyScope {
        match self.key.name {
            "oms_meta_host" | "oms_meta_port" | "oms_meta_user" | "oms_meta_password" | "drc_rm_db"
            | "drc_cm_db" => KeyScope::Cluster,
            name if name.starts_with("tsdb_") => KeyScope::Cluster,
            "drc_cm_heartbeat_db"
            | "cm_url"
            | "cm_location"
            | "cm_region"
            | "cm_region_cn"
            | "cm_is_default"
            | "cm_nodes" => KeyScope::Region,
            _ => KeyScope::Either,
        }
    }

    /// Two values of it are two clusters.
    pub fn is_immutable(&self) -> bool {
        self.key.effect == KeyEffect::Immutable
    }

    /// The file has a value, and be it the default.
    pub fn is_set(&self) -> bool {
        normal(self.value.clone(), None).is_some()
    }

    /// Both mean the same to OMS: a default that is left out is no difference, nor is the order of a list.
    pub fn same(&self, other: &Self) -> bool {
        let default = default_of(self.key.name);
        normal(self.value.clone(), default) == normal(other.value.clone(), default)
    }

    /// For people: a secret is masked.
    pub fn shown(&self) -> String {
        match &self.value {
            Some(value) if self.is_set() => shown(self.key.name, value.clone()),
            Some(_) | None => "not set".to_owned(),
        }
    }

    /// A single value as it is.
    pub fn text(&self) -> Option<Secret> {
        match &self.value {
            Some(ExistingValue::Text(text)) if self.is_set() => Some(Secret::new(text.clone())),
            Some(_) | None => None,
        }
    }

    /// The line for a config.yaml that an operator writes, secrets included; `None` when there is nothing to write.
    pub fn config_line(&self) -> Option<Secret> {
        if !self.is_set() {
            return None;
        }
        let name = self.key.name;
        let line = match self.value.as_ref()? {
            ExistingValue::Text(text) if is_bare(self.key.kind, text) => format!("{name}: {text}\n"),
            ExistingValue::Text(text) => format!("{name}: {}\n", quote(&unfilled(text))),
            ExistingValue::List(items) => items.iter().fold(format!("{name}:\n"), |mut lines, item| {
                // Writing to a String cannot fail.
                let _ = writeln!(lines, "  - {}", quote(item));
                lines
            }),
        };
        Some(Secret::new(line))
    }

    /// The line for a group's variables in an inventory; `None` for what is not set, and for a list.
    pub fn variable_line(&self) -> Option<Secret> {
        let text = self.text()?;
        Some(Secret::new(variable_line(self.key.name, &unfilled(text.expose()))))
    }

    pub fn is_secret(&self) -> bool {
        is_secret(self.key.name)
    }
}

/// Booleans and numbers stand without quotation marks, as in OMS's templates.
fn is_bare(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Boolean => matches!(text, "true" | "false"),
        Kind::Port | Kind::Location => text.parse::<u16>().is_ok_and(|number| number.to_string() == text),
        Kind::Text
        | Kind::HostName
        | Kind::Database
        | Kind::Nodes
        | Kind::Url
        | Kind::TsdbUrl
        | Kind::TsdbService => false,
    }
}

/// `${NAME}` of a value that was found is no name to be filled.
fn unfilled(text: &str) -> String {
    text.replace("${", "$${")
}

#[cfg(test)]
mod tests {
    use super::super::existing::parse_existing_config;
    use super::*;

    #[test]
    fn keys_are_written_as_they_were_found() {
        let text = "oms_meta_password: \"a${B}\\n'\"\noms_meta_port: '2881'\ncm_is_default: !!bool \"true\"\n\
                    cm_nodes: [10.0.0.1]\ncm_region: ''\nssh_server_port: 22\nmy_token: x\n";
        let existing = parse_existing_config(text).unwrap();
        let lines: Vec<String> = found_keys(&existing)
            .iter()
            .filter_map(|found| Some(found.config_line()?.expose().to_owned()))
            .collect();
        assert_eq!(
            lines,
            [
                "oms_meta_port: 2881\n",
                "oms_meta_password: \"a$${B}\\n'\"\n",
                "cm_is_default: true\n",
                "cm_nodes:\n  - \"10.0.0.1\"\n",
            ]
        );
        let unknown = unknown_keys(&existing);
        assert_eq!(
            unknown,
            [("my_token".into(), "********".into()), ("ssh_server_port".into(), "22".into())]
                as [(String, String); 2]
        );
        let again = parse_existing_config(&lines.concat()).unwrap();
        let password =
            found_keys(&again).into_iter().find(|found| found.name() == "oms_meta_password").unwrap();
        assert_eq!(password.text().unwrap().expose(), "a$${B}\n'");
        assert_eq!(password.shown(), "********");
    }

    #[test]
    fn a_default_that_is_left_out_is_the_same() {
        let keys = |text: &str| found_keys(&parse_existing_config(text).unwrap());
        let (one, other) =
            (keys("cm_is_default: true\ncm_nodes: [a, b]\n"), keys("cm_nodes: [b, a]\ncm_url: x\n"));
        let differ: Vec<&str> = one
            .iter()
            .zip(&other)
            .filter(|(one, other)| !one.same(other))
            .map(|(one, _)| one.name())
            .collect();
        assert_eq!(differ, ["cm_url"]);
    }
}
