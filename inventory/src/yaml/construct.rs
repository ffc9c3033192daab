//! What PyYAML's `safe_load` makes of a node, tags included, and where it gives up: YAML 1.1 types, merge keys, the
//! last of equal keys. OMS reads config.yaml with it (research/oms.md 2.3). The type of every value is kept; what the
//! keys mean is decided elsewhere.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::document::{Node, NodeValue, Scalar, ScalarTag};
use super::json::mapping_entries;
use super::scalar::{Reading, float_of, read_yaml_1_1};
use super::timestamp::iso_format;

/// A value with its Python type.
#[derive(Clone, PartialEq)]
pub enum PythonValue {
    None,
    Bool(bool),
    Int(i128),
    /// An integer beyond 128 bits.
    HugeInt,
    Float(f64),
    /// A date, or a date with a time of day, as Python's `isoformat` writes it.
    Timestamp(String),
    Text(String),
    List(Vec<Self>),
    /// Each key once.
    Mapping(Vec<(Self, Self)>),
}

impl std::fmt::Debug for PythonValue {
    /// The type alone: the value may be a password.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.type_name())
    }
}

impl PythonValue {
    /// For messages that must not tell the value.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::None => "nothing (null)",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::HugeInt | Self::Float(_) => "a number",
            Self::Timestamp(_) => "a date",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }

    /// What a mapping tells keys apart by: `1`, `1.0` and `yes` are one, as in Python.
    #[expect(clippy::cast_precision_loss, reason = "only small numbers are equal to a float")]
    fn identity(&self) -> String {
        match self {
            Self::Bool(value) => format!("number {}", f64::from(u8::from(*value))),
            Self::Int(value) => format!("number {}", *value as f64),
            Self::Float(value) => format!("number {value}"),
            Self::Timestamp(text) => format!("date {text}"),
            Self::Text(text) => format!("text {text}"),
            Self::None | Self::HugeInt | Self::List(_) | Self::Mapping(_) => self.type_name().to_owned(),
        }
    }

    /// For messages: what it is, with the value where that is short.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Bool(value) => format!("the boolean {value}"),
            Self::Int(value) => format!("the number {value}"),
            Self::Float(value) => format!("the number {value}"),
            Self::Timestamp(date) => format!("the date {date}"),
            Self::None | Self::HugeInt | Self::Text(_) | Self::List(_) | Self::Mapping(_) => {
                self.type_name().to_owned()
            }
        }
    }
}

/// Why PyYAML makes nothing of a node, and where that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unconstructable {
    pub(crate) why: &'static str,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The value of a node and of all that is below it.
pub(crate) fn construct(node: &Node) -> Result<PythonValue, Unconstructable> {
    let refuse = |why| Unconstructable { why, line: node.line, column: node.column };
    let tag = |name| match &node.collection_tag {
        None => true,
        Some(ScalarTag::Core(tag)) => tag == name,
        Some(ScalarTag::Local(_)) => false,
    };
    match &node.value {
        NodeValue::Scalar(scalar) => construct_scalar(scalar).map_err(refuse),
        NodeValue::Sequence(items) if tag("seq") => {
            items.iter().map(construct).collect::<Result<_, _>>().map(PythonValue::List)
        }
        NodeValue::Mapping(entries) if tag("map") => {
            if let Some(entry) = entries.iter().find(|entry| is_merge(&entry.0) && !is_mergeable(&entry.1)) {
                // PyYAML changed between its versions what several mappings are merged to.
                let why = "`<<` merges one mapping";
                return Err(Unconstructable { why, line: entry.1.line, column: entry.1.column });
            }
            let mut values: Vec<(PythonValue, PythonValue)> = Vec::new();
            let mut index: HashMap<String, usize> = HashMap::new();
            for (key, value) in mapping_entries(node) {
                let (key, value) = (construct_key(key)?, construct(value)?);
                match index.entry(key.identity()) {
                    Entry::Occupied(before) => values[*before.get()].1 = value,
                    Entry::Vacant(new) => {
                        new.insert(values.len());
                        values.push((key, value));
                    }
                }
            }
            Ok(PythonValue::Mapping(values))
        }
        NodeValue::Sequence(_) | NodeValue::Mapping(_) => Err(refuse(UNKNOWN_TAG)),
    }
}

const UNKNOWN_TAG: &str = "the value has a tag that OMS's reader does not know, or that does not fit it";

/// A plain `<<`.
pub(super) fn is_merge(key: &Node) -> bool {
    matches!(&key.value, NodeValue::Scalar(Scalar { text, plain: true, tag: None }) if text == "<<")
}

fn is_mergeable(value: &Node) -> bool {
    matches!(value.value, NodeValue::Mapping(_))
}

fn construct_key(key: &Node) -> Result<PythonValue, Unconstructable> {
    match &key.value {
        // `=` is a key like any other.
        NodeValue::Scalar(Scalar { text, plain: true, tag: None }) if text == "=" => {
            Ok(PythonValue::Text(text.clone()))
        }
        NodeValue::Scalar(Scalar { text, plain: true, tag: None }) if text.is_empty() => {
            Err(Unconstructable { why: "a key must have a name", line: key.line, column: key.column })
        }
        NodeValue::Scalar(_) => construct(key),
        NodeValue::Sequence(_) | NodeValue::Mapping(_) => {
            Err(Unconstructable { why: "a key must be a plain name", line: key.line, column: key.column })
        }
    }
}

/// The value of a scalar; the error says why there is none.
pub(crate) fn construct_scalar(scalar: &Scalar) -> Result<PythonValue, &'static str> {
    let text = scalar.text.as_str();
    match &scalar.tag {
        None if !scalar.plain => Ok(PythonValue::Text(text.to_owned())),
        None if text == "=" || text == "<<" => {
            Err("OMS's reader refuses a plain `=` or `<<`; quotation marks make it text")
        }
        None => value_of(text, &read_yaml_1_1(text)),
        Some(ScalarTag::Core(name)) => tagged(name, text),
        Some(ScalarTag::Local(_)) => Err(UNKNOWN_TAG),
    }
}

fn value_of(text: &str, reading: &Reading) -> Result<PythonValue, &'static str> {
    Ok(match reading {
        Reading::Null => PythonValue::None,
        Reading::Bool(value) => PythonValue::Bool(*value),
        Reading::Int(value) => PythonValue::Int(*value),
        Reading::HugeInt => PythonValue::HugeInt,
        Reading::Float(value) => PythonValue::Float(*value),
        Reading::Timestamp => PythonValue::Timestamp(iso_format(text).ok_or(
            "OMS's reader takes this for a date, and there is no such date; quotation marks make it text",
        )?),
        Reading::NoNumber => {
            return Err(
                "OMS's reader takes this for a number, and it has no digits; quotation marks make it text",
            );
        }
        Reading::Text => PythonValue::Text(text.to_owned()),
    })
}

fn tagged(name: &str, text: &str) -> Result<PythonValue, &'static str> {
    let reading = read_yaml_1_1(text);
    match (name, reading) {
        ("str", _) => Ok(PythonValue::Text(text.to_owned())),
        ("null", _) => Ok(PythonValue::None),
        ("bool", _) => match text.to_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(PythonValue::Bool(true)),
            "false" | "no" | "off" => Ok(PythonValue::Bool(false)),
            _ => Err(UNKNOWN_TAG),
        },
        ("int", reading @ (Reading::Int(_) | Reading::HugeInt))
        | ("float", reading @ Reading::Float(_))
        | ("timestamp", reading @ Reading::Timestamp) => value_of(text, &reading),
        ("float", _) => float_of(text).map(PythonValue::Float).ok_or(UNKNOWN_TAG),
        _ => Err(UNKNOWN_TAG),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_document;
    use super::*;

    fn constructed(text: &str) -> Result<PythonValue, &'static str> {
        construct(&parse_document(text).unwrap().unwrap()).map_err(|error| error.why)
    }

    fn text(text: &str) -> PythonValue {
        PythonValue::Text(text.to_owned())
    }

    #[test]
    fn equal_keys_are_pythons_and_merged_ones_lose() {
        let one = |key, value| Ok(PythonValue::Mapping(vec![(key, value)]));
        assert_eq!(constructed("a: 1\na: 010"), one(text("a"), PythonValue::Int(8)));
        assert_eq!(constructed("1: a\nyes: b"), one(PythonValue::Int(1), text("b")));
        assert_eq!(constructed("<<: {a: x}\na: !!str 1"), one(text("a"), text("1")));
    }

    #[test]
    fn what_pyyaml_refuses_is_refused() {
        for refused in [
            "a: =",
            "a: <<",
            "<<: x",
            "[a]: b",
            "a: !x b",
            "a: !!seq b",
            "a: !!int x",
            "a: 2024-02-30",
            "a: !!str [b]",
            ": a",
        ] {
            assert!(constructed(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn debug_tells_no_value() {
        assert_eq!(format!("{:?}", text("secret")), "text");
    }
}
