//! A config.yaml that was found on a host, in whatever style it is written (the container rewrites it with quotation
//! marks and `!!bool`): the values as OMS's reader takes them, for comparing and nothing else.

use std::collections::BTreeMap;

use super::keys::Kind;
use super::render::{is_secret, kind_of};
use crate::yaml::{
    Node, NodeValue, Reading, Scalar, ScalarTag, key_text, mapping_entries, parse_document, read_yaml_1_1,
};

/// The file on the host is no config.yaml.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExistingConfigError {
    /// The YAML cannot be read; the position is in the message's numbers, the content is not shown.
    #[error("line {line}, column {column} of the host's config.yaml is not valid YAML")]
    Syntax { line: usize, column: usize },
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

/// Reads a file that is there. Tolerant: of equal keys the last, unknown keys kept, any style.
pub fn parse_existing_config(text: &str) -> Result<ExistingConfig, ExistingConfigError> {
    let root = parse_document(text).map_err(|error| {
        let (line, column) = error.position();
        ExistingConfigError::Syntax { line, column }
    })?;
    let Some(root) = root else { return Ok(ExistingConfig::default()) };
    if !matches!(root.value, NodeValue::Mapping(_)) {
        return Err(ExistingConfigError::NotAMapping);
    }
    let values = mapping_entries(&root)
        .into_iter()
        .filter_map(|(key, node)| {
            let name = key_text(key);
            existing_value(&name, node).map(|value| (name, value))
        })
        .collect();
    Ok(ExistingConfig { values })
}

/// `None` for null and for what no key takes.
fn existing_value(name: &str, node: &Node) -> Option<ExistingValue> {
    match &node.value {
        NodeValue::Scalar(scalar) => scalar_text(name, scalar).map(ExistingValue::Text),
        NodeValue::Sequence(items) => {
            let texts = items.iter().filter_map(|item| match &item.value {
                NodeValue::Scalar(scalar) => scalar_text("", scalar),
                NodeValue::Sequence(_) | NodeValue::Mapping(_) => None,
            });
            Some(ExistingValue::List(texts.collect()))
        }
        NodeValue::Mapping(_) => None,
    }
}

fn scalar_text(name: &str, scalar: &Scalar) -> Option<String> {
    let resolves = match &scalar.tag {
        Some(ScalarTag::Core(tag)) => tag != "str",
        Some(ScalarTag::Local(_)) => false,
        None => scalar.plain,
    };
    let text = if resolves {
        match read_yaml_1_1(&scalar.text) {
            Reading::Null => return None,
            Reading::Bool(value) => value.to_string(),
            Reading::Int(value) => value.to_string(),
            Reading::Float(_) | Reading::HugeInt | Reading::Timestamp | Reading::Text => scalar.text.clone(),
        }
    } else {
        scalar.text.clone()
    };
    Some(match kind_of(name) {
        Kind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => "true".to_owned(),
            "false" | "no" | "off" => "false".to_owned(),
            _ => text,
        },
        Kind::Port | Kind::Location => text.trim().parse::<u64>().map_or(text, |number| number.to_string()),
        Kind::Text | Kind::HostName | Kind::Database | Kind::Nodes | Kind::Url | Kind::TsdbService => text,
    })
}
