//! What a Python literal is worth: Python's rules on keys and equality, and what becomes of it in JSON. Part of
//! `literal_eval`.

use serde_json::{Map, Value};

use super::python_number::PythonNumber;

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoLiteral {
    /// The text is no literal, and stays text.
    Text,
    /// Python and Ansible refuse it, or what they make of it is no text: why.
    Refused(&'static str),
}

/// A value as it is written, not yet looked at as a whole.
#[derive(Debug, Clone)]
pub(super) enum Python {
    None,
    Bool(bool),
    /// True when it has no sign and is no sum: only such a number can get one.
    Number(PythonNumber, bool),
    Text(String),
    Bytes(Vec<u8>),
    /// Valid in Python and no literal, such as a name.
    Malformed,
    /// Python has a value and omsctl has not: why.
    Unreadable(&'static str),
    Ellipsis,
    List(Vec<Self>),
    Tuple(Vec<Self>),
    Set(Vec<Self>),
    Dict(Vec<(Self, Self)>),
}

impl Python {
    /// Finds in Python's order what stops Python: the first of a malformed part and a key that cannot be one decides.
    pub(super) fn evaluate(&self) -> Result<(), NoLiteral> {
        match self {
            Self::Malformed => Err(NoLiteral::Text),
            Self::List(items) | Self::Tuple(items) => items.iter().try_for_each(Self::evaluate),
            Self::Set(items) => items.iter().try_for_each(|item| {
                item.evaluate()?;
                item.check_hashable()
            }),
            Self::Dict(entries) => entries.iter().try_for_each(|(key, value)| {
                key.evaluate()?;
                value.evaluate()?;
                key.check_hashable()
            }),
            Self::None
            | Self::Bool(_)
            | Self::Number(..)
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::Unreadable(_)
            | Self::Ellipsis => Ok(()),
        }
    }

    pub(super) fn into_json(self) -> Result<Value, NoLiteral> {
        match self {
            Self::None => Ok(Value::Null),
            Self::Bool(value) => Ok(Value::Bool(value)),
            Self::Number(number, _) => Ok(number.into_json()),
            Self::Text(text) => Ok(Value::String(text)),
            Self::Bytes(bytes) => String::from_utf8(bytes)
                // Ansible does not let templates in, and says so in its list.
                .map(|text| serde_json::json!({ "__ansible_unsafe": text }))
                .map_err(|_| NoLiteral::Refused("it holds bytes that are no UTF-8 text")),
            Self::Malformed => Err(NoLiteral::Text),
            Self::Unreadable(why) => Err(NoLiteral::Refused(why)),
            Self::Ellipsis => Ok(Value::String("...".to_owned())),
            Self::List(items) | Self::Tuple(items) => {
                items.into_iter().map(Self::into_json).collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            Self::Set(items) => {
                let mut unique: Vec<Self> = Vec::new();
                for item in items {
                    if !unique.iter().any(|other| other.equals(&item)) {
                        unique.push(item);
                    }
                }
                Self::List(unique).into_json()
            }
            Self::Dict(entries) => dictionary(entries),
        }
    }

    fn check_hashable(&self) -> Result<(), NoLiteral> {
        match self {
            Self::List(_) | Self::Set(_) | Self::Dict(_) => {
                Err(NoLiteral::Refused("a list, a set or a dictionary cannot be a key or be in a set"))
            }
            Self::Tuple(items) => items.iter().try_for_each(Self::check_hashable),
            _ => Ok(()),
        }
    }

    /// Python's `==` of what can be a key: `1`, `1.0` and `True` are one.
    fn equals(&self, other: &Self) -> bool {
        match (self.number(), other.number()) {
            (Some(one), Some(two)) => return one.equals(&two),
            (None, None) => {}
            _ => return false,
        }
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => one == two,
            (Self::Bytes(one), Self::Bytes(two)) => one == two,
            (Self::None, Self::None) | (Self::Ellipsis, Self::Ellipsis) => true,
            (Self::Tuple(one), Self::Tuple(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.equals(two))
            }
            _ => false,
        }
    }

    fn number(&self) -> Option<PythonNumber> {
        match self {
            Self::Bool(value) => Some(PythonNumber::Int((*value).into())),
            Self::Number(number, _) => Some(number.clone()),
            _ => None,
        }
    }

    /// As a key in JSON.
    fn key(&self) -> Result<String, NoLiteral> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::None => Some("null".to_owned()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(number, _) => number.key(),
            _ => None,
        }
        .ok_or(NoLiteral::Refused("a key must be text, a number, a boolean or None"))
    }
}

fn dictionary(entries: Vec<(Python, Python)>) -> Result<Value, NoLiteral> {
    // Of equal keys Python keeps the first, with the last value.
    let mut unique: Vec<(Python, Python)> = Vec::new();
    for (key, value) in entries {
        match unique.iter_mut().find(|(other, _)| other.equals(&key)) {
            Some(entry) => entry.1 = value,
            None => unique.push((key, value)),
        }
    }
    let mut map = Map::new();
    for (key, value) in unique {
        map.insert(key.key()?, value.into_json()?);
    }
    Ok(Value::Object(map))
}
