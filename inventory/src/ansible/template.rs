//! `{{ name }}` in values that omsctl itself uses: a plain reference is resolved, anything that needs Jinja is
//! refused by name and place. Values that omsctl does not use stay raw.

use serde_json::Value;

use super::inventory::{Variable, Variables};
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
) -> Result<Resolved, Box<Problem>> {
    resolve_at(variable, variables, host, MAX_DEPTH, &mut { MAX_REFERENCES }).map_err(|reason| {
        let problem = Problem::error(reason.code(), format!("`{name}` {}", reason.message()));
        Box::new(problem.at(&variable.place).key(name).hint(reason.hint()))
    })
}

enum Refusal {
    Jinja(String),
    Undefined(String),
    Circle,
    Vault,
}

impl Refusal {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Vault => ProblemCode::Vault,
            Self::Jinja(_) | Self::Undefined(_) | Self::Circle => ProblemCode::Template,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Jinja(text) => format!("holds a template that needs Jinja: {text}"),
            Self::Undefined(name) => format!("refers to `{name}`, which is not set for this host"),
            Self::Circle => "refers to itself through its templates".to_owned(),
            Self::Vault => "is encrypted with Ansible Vault, which omsctl cannot read yet".to_owned(),
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Jinja(_) => "write the value itself, or a plain reference: {{ other_variable }}",
            Self::Undefined(_) => "set it in the inventory, or write the value itself",
            Self::Circle => "write the value itself",
            Self::Vault => {
                "write it in clear, or take it from the environment: ${NAME} in config.yaml, -k and -K for log-ins"
            }
        }
    }
}

/// `work` bounds the references in all, since each can hold many others.
fn resolve_at(
    variable: &Variable,
    variables: &Variables,
    host: &str,
    depth: usize,
    work: &mut usize,
) -> Result<Resolved, Refusal> {
    *work = work.checked_sub(1).ok_or(Refusal::Circle)?;
    if variable.value.get("__ansible_vault").is_some() {
        return Err(Refusal::Vault);
    }
    if let Some(Value::String(text)) = variable.value.get("__ansible_unsafe") {
        return Ok(Resolved { value: Value::String(text.clone()), raw: Some(text.clone()) });
    }
    let plain = || Resolved { value: variable.value.clone(), raw: variable.raw.clone() };
    let Value::String(text) = &variable.value else { return Ok(plain()) };
    if let Some(block) = ["{%", "{#"].into_iter().find(|block| text.contains(block)) {
        return Err(Refusal::Jinja(format!("{block} …")));
    }
    if !text.contains("{{") {
        return Ok(plain());
    }
    let depth = depth.checked_sub(1).ok_or(Refusal::Circle)?;
    let mut result = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("{{") {
        let (expression, tail) = after.split_once("}}").ok_or_else(|| Refusal::Jinja("{{ …".to_owned()))?;
        let name = expression.trim_matches(['-', '+']).trim();
        let valid = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !valid {
            return Err(Refusal::Jinja(format!("{{{{{expression}}}}}")));
        }
        let value = reference(name, variables, host, depth, work)?;
        // A value that is nothing but one reference keeps its type.
        if before.is_empty() && tail.is_empty() && result.is_empty() {
            return Ok(value);
        }
        result.push_str(before);
        result.push_str(&value.text().ok_or_else(|| Refusal::Jinja(format!("{{{{ {name} }}}} is no text")))?);
        if result.len() > MAX_TEXT {
            return Err(Refusal::Circle);
        }
        rest = tail;
    }
    result.push_str(rest);
    Ok(Resolved { value: Value::String(result.clone()), raw: Some(result) })
}

/// A value longer than this grew out of references to itself.
const MAX_TEXT: usize = 64 * 1024;

fn reference(
    name: &str,
    variables: &Variables,
    host: &str,
    depth: usize,
    work: &mut usize,
) -> Result<Resolved, Refusal> {
    if let Some(variable) = variables.get(name) {
        return resolve_at(variable, variables, host, depth, work);
    }
    let text = match name {
        "inventory_hostname" => host.to_owned(),
        "inventory_hostname_short" if super::host_pattern::is_ip_address(host) => host.to_owned(),
        "inventory_hostname_short" => host.split('.').next().unwrap_or_default().to_owned(),
        _ => return Err(Refusal::Undefined(name.to_owned())),
    };
    Ok(Resolved { value: Value::String(text.clone()), raw: Some(text) })
}
