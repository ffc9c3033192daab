//! A config.yaml that was found on a host, in whatever style it is written (the container rewrites it with quotation
//! marks and `!!bool`): the values as OMS's reader takes them, for comparing and nothing else.

use std::collections::BTreeMap;

use omsctl_proto::Secret;

use super::keys::Kind;
use super::render::{is_secret, kind_of};
use crate::yaml::{PythonValue, Unconstructable, check_surface, construct, parse_document};

/// The file on the host is no config.yaml.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExistingConfigError {
    /// The YAML cannot be read; the position is in the message's numbers, the content is not shown.
    #[error("line {line}, column {column} of the host's config.yaml is not valid YAML")]
    Syntax { line: usize, column: usize },
    /// OMS may read it; omsctl wants it clearer.
    #[error("line {line}, column {column} of the host's config.yaml cannot be read: {rule}")]
    Stricter { line: usize, column: usize, rule: &'static str },
    /// It is YAML and no mapping.
    #[error("the host's config.yaml is not a mapping of keys to values")]
    NotAMapping,
}

/// Key by key what a host's file says.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ExistingConfig {
    pub(super) values: BTreeMap<String, ExistingValue>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum ExistingValue {
    /// A scalar in the form in which it is compared: booleans as `true`/`false`, numbers in decimal.
    Text(String),
    List(Vec<String>),
}

impl std::fmt::Debug for ExistingConfig {
    /// The keys alone: values may be passwords.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

impl ExistingConfig {
    /// The value of a key that is one scalar; `None` for secrets.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(ExistingValue::Text(text)) if !is_secret(name) => Some(text),
            _ => None,
        }
    }

    /// `cm_nodes`, or another list; empty when there is none.
    pub fn list(&self, name: &str) -> &[String] {
        match self.values.get(name) {
            Some(ExistingValue::List(items)) => items,
            _ => &[],
        }
    }
}

/// What `PyYAML`, with which OMS reads config.yaml, makes of a text: every key of the mapping at its top, of equal keys the
/// last. An empty file has no keys.
pub fn read_as_oms(text: &str) -> Result<Vec<(PythonValue, PythonValue)>, ExistingConfigError> {
    let root = check_surface(text).and_then(|()| parse_document(text)).map_err(|error| {
        let (line, column) = error.position();
        match error.stricter() {
            Some(rule) => ExistingConfigError::Stricter { line, column, rule },
            None => ExistingConfigError::Syntax { line, column },
        }
    })?;
    let Some(root) = root else { return Ok(Vec::new()) };
    match construct(&root) {
        Ok(PythonValue::Mapping(values)) => Ok(values),
        Ok(PythonValue::None) => Ok(Vec::new()),
        Ok(_) => Err(ExistingConfigError::NotAMapping),
        Err(Unconstructable { why, line, column }) => {
            Err(ExistingConfigError::Stricter { line, column, rule: why })
        }
    }
}

/// Reads a file that is there. Tolerant: of equal keys the last, unknown keys kept, any style.
pub fn parse_existing_config(text: &str) -> Result<ExistingConfig, ExistingConfigError> {
    let values = read_as_oms(text)?.into_iter().filter_map(|(key, value)| {
        let name = scalar_text("", key)?;
        existing_value(&name, value).map(|value| (name, value))
    });
    Ok(ExistingConfig { values: values.collect() })
}

/// The values of the keys that hold secrets; nothing of what is no config.yaml.
pub fn secret_values(text: &str) -> Vec<Secret> {
    let Ok(config) = parse_existing_config(text) else { return Vec::new() };
    let secret = |(name, value): (String, ExistingValue)| match value {
        ExistingValue::Text(text) if is_secret(&name) => Some(Secret::new(text)),
        ExistingValue::Text(_) | ExistingValue::List(_) => None,
    };
    config.values.into_iter().filter_map(secret).collect()
}

/// `None` for null and for what no key takes.
fn existing_value(name: &str, value: PythonValue) -> Option<ExistingValue> {
    match value {
        PythonValue::List(items) => {
            Some(ExistingValue::List(items.into_iter().filter_map(|item| scalar_text("", item)).collect()))
        }
        other => scalar_text(name, other).map(ExistingValue::Text),
    }
}

/// The form in which a scalar is compared.
fn scalar_text(name: &str, value: PythonValue) -> Option<String> {
    let text = match value {
        PythonValue::None | PythonValue::List(_) | PythonValue::Mapping(_) => return None,
        PythonValue::Bool(value) => value.to_string(),
        PythonValue::Int(value) => value.to_string(),
        PythonValue::Float(value) => value.to_string(),
        // No key takes it; equal to nothing that is wanted.
        PythonValue::HugeInt => "a number of more than 128 bits".to_owned(),
        PythonValue::Timestamp(text) | PythonValue::Text(text) => text,
    };
    Some(match kind_of(name) {
        Kind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => "true".to_owned(),
            "false" | "no" | "off" => "false".to_owned(),
            _ => text,
        },
        Kind::Port | Kind::Location => text.trim().parse::<u64>().map_or(text, |number| number.to_string()),
        Kind::Text
        | Kind::HostName
        | Kind::Database
        | Kind::Nodes
        | Kind::Url
        | Kind::TsdbUrl
        | Kind::TsdbService => text,
    })
}
