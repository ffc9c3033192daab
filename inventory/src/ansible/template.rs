//! `{{ name }}` in values that omsctl itself uses: a plain reference is resolved, anything that needs Jinja is
//! refused by name and place. Values that omsctl does not use stay raw.

use serde_json::Value;

use super::inventory::{Variable, Variables};
use super::vault::{Vault, VaultError};
use crate::problem::{Problem, ProblemCode};

/// References through references.
const MAX_DEPTH: usize = 20;
const MAX_REFERENCES: usize = 1000;

/// A value without templates.
#[derive(Clone, PartialEq)]
pub(crate) struct Resolved {
    pub(crate) value: Value,
    /// The text of a scalar as typed.
    pub(crate) raw: Option<String>,
}

impl Resolved {
    fn text_of(text: String) -> Self {
        Self { value: Value::String(text.clone()), raw: Some(text) }
    }

    /// A scalar as text, as typed; `None` for null, lists and mappings.
    pub(crate) fn text(&self) -> Option<String> {
        match &self.value {
            Value::Null | Value::Array(_) | Value::Object(_) => None,
            Value::String(text) => Some(self.raw.clone().unwrap_or_else(|| text.clone())),
            Value::Bool(_) | Value::Number(_) => {
                Some(self.raw.clone().unwrap_or_else(|| self.value.to_string()))
            }
        }
    }
}

/// Resolves the value of the variable `name` of a host.
pub(crate) fn resolve(
    name: &str,
    variable: &Variable,
    variables: &Variables,
    host: &str,
    vault: &Vault,
) -> Result<Resolved, Box<Problem>> {
    let mut resolver = Resolver { variables, host, vault, work: MAX_REFERENCES };
    resolver.resolve(variable, MAX_DEPTH).map_err(|reason| {
        let problem = Problem::error(reason.code(), format!("`{name}` {}", reason.message()));
        Box::new(problem.at(&variable.place).key(name).hint(reason.hint()))
    })
}

enum Refusal {
    Jinja(String),
    Undefined(String),
    Circle,
    Vault(VaultError),
}

impl Refusal {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Vault(_) => ProblemCode::Vault,
            Self::Jinja(_) | Self::Undefined(_) | Self::Circle => ProblemCode::Template,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Jinja(text) => format!("holds a template that needs Jinja: {text}"),
            Self::Undefined(name) => format!("refers to `{name}`, which is not set for this host"),
            Self::Circle => "refers to itself through its templates".to_owned(),
            Self::Vault(error) => error.to_string(),
        }
    }

    /// Says nothing of a text that was encrypted.
    fn without_text(self) -> Self {
        match self {
            Self::Jinja(_) => Self::Jinja("what is encrypted".to_owned()),
            other => other,
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Jinja(_) => "write the value itself, or a plain reference: {{ other_variable }}",
            Self::Undefined(_) => "set it in the inventory, or write the value itself",
            Self::Circle => "write the value itself",
            Self::Vault(error) => error.hint(),
        }
    }
}

struct Resolver<'run> {
    variables: &'run Variables,
    host: &'run str,
    vault: &'run Vault,
    /// Bounds the references in all, since each can hold many others.
    work: usize,
}

impl Resolver<'_> {
    fn resolve(&mut self, variable: &Variable, depth: usize) -> Result<Resolved, Refusal> {
        self.work = self.work.checked_sub(1).ok_or(Refusal::Circle)?;
        if let Some(Value::String(text)) = variable.value.get("__ansible_vault") {
            let opened = self.vault.open(text).map_err(Refusal::Vault)?;
            return self.fill(opened.expose(), depth).map_err(Refusal::without_text);
        }
        if let Some(Value::String(text)) = variable.value.get("__ansible_unsafe") {
            return Ok(Resolved::text_of(text.clone()));
        }
        match &variable.value {
            Value::String(text) if text.contains(['{']) => self.fill(text, depth),
            value => Ok(Resolved { value: value.clone(), raw: variable.raw.clone() }),
        }
    }

    /// The text with its references filled in.
    fn fill(&mut self, text: &str, depth: usize) -> Result<Resolved, Refusal> {
        if let Some(block) = ["{%", "{#"].into_iter().find(|block| text.contains(block)) {
            return Err(Refusal::Jinja(format!("{block} …")));
        }
        let depth = depth.checked_sub(1).ok_or(Refusal::Circle)?;
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (expression, tail) =
                after.split_once("}}").ok_or_else(|| Refusal::Jinja("{{ …".to_owned()))?;
            let name = expression.trim_matches(['-', '+']).trim();
            let valid = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !valid {
                return Err(Refusal::Jinja(format!("{{{{{expression}}}}}")));
            }
            let value = self.reference(name, depth)?;
            // A value that is nothing but one reference keeps its type.
            if before.is_empty() && tail.is_empty() && result.is_empty() {
                return Ok(value);
            }
            result.push_str(before);
            result.push_str(
                &value.text().ok_or_else(|| Refusal::Jinja(format!("{{{{ {name} }}}} is no text")))?,
            );
            if result.len() > MAX_TEXT {
                return Err(Refusal::Circle);
            }
            rest = tail;
        }
        result.push_str(rest);
        Ok(Resolved::text_of(result))
    }

    fn reference(&mut self, name: &str, depth: usize) -> Result<Resolved, Refusal> {
        let variables = self.variables;
        if let Some(variable) = variables.get(name) {
            return self.resolve(variable, depth);
        }
        let host = self.host;
        let text = match name {
            "inventory_hostname" => host.to_owned(),
            "inventory_hostname_short" if super::host_pattern::is_ip_address(host) => host.to_owned(),
            "inventory_hostname_short" => host.split('.').next().unwrap_or_default().to_owned(),
            _ => return Err(Refusal::Undefined(name.to_owned())),
        };
        Ok(Resolved::text_of(text))
    }
}

/// A value longer than this grew out of references to itself.
const MAX_TEXT: usize = 64 * 1024;
