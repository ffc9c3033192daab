//! A document as Ansible's Python sees it: YAML 1.1 types, merge keys, the last of equal keys, turned into JSON as
//! `ansible-inventory` prints it.

use serde_json::{Map, Number, Value};

use super::construct::is_merge;
use super::document::{Node, NodeValue, Scalar, ScalarTag};
use super::scalar::{Reading, read_yaml_1_1};
use super::timestamp::iso_format;

/// The value as JSON.
pub(crate) fn to_json(node: &Node) -> Value {
    match &node.value {
        NodeValue::Scalar(scalar) => scalar_json(scalar),
        NodeValue::Sequence(items) => Value::Array(items.iter().map(to_json).collect()),
        NodeValue::Mapping(_) => {
            let entries = mapping_entries(node);
            Value::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key_text(key), to_json(value)))
                    .collect::<Map<_, _>>(),
            )
        }
    }
}

/// The entries of a mapping with merge keys (`<<`) put in; empty for anything else. What is written beats what is
/// merged; of the mappings of one `<<` the first wins, of several `<<` the last.
pub(crate) fn mapping_entries(node: &Node) -> Vec<(&Node, &Node)> {
    let NodeValue::Mapping(entries) = &node.value else { return Vec::new() };
    let mut merged = Vec::new();
    let mut own = Vec::new();
    for (key, value) in entries {
        match &value.value {
            NodeValue::Mapping(_) if is_merge(key) => merged.extend(mapping_entries(value)),
            NodeValue::Sequence(items) if is_merge(key) => {
                merged.extend(items.iter().rev().flat_map(mapping_entries));
            }
            NodeValue::Scalar(_) | NodeValue::Sequence(_) | NodeValue::Mapping(_) => own.push((key, value)),
        }
    }
    merged.extend(own);
    merged
}

/// A key as JSON writes it: `1` is "1", `true` is "true".
pub(crate) fn key_text(key: &Node) -> String {
    match to_json(key) {
        Value::String(text) => text,
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    }
}

fn scalar_json(scalar: &Scalar) -> Value {
    let text = || Value::String(scalar.text.clone());
    let reading = match &scalar.tag {
        Some(ScalarTag::Local(name)) if name == "vault" || name == "vault-encrypted" => {
            return serde_json::json!({ "__ansible_vault": scalar.text });
        }
        Some(ScalarTag::Local(name)) if name == "unsafe" => {
            return serde_json::json!({ "__ansible_unsafe": scalar.text });
        }
        Some(ScalarTag::Core(name)) if name != "str" => read_yaml_1_1(&scalar.text),
        None if scalar.plain => read_yaml_1_1(&scalar.text),
        Some(_) | None => return text(),
    };
    match reading {
        Reading::Null => Value::Null,
        Reading::Bool(value) => Value::Bool(value),
        Reading::Int(value) => json_integer(value).map_or_else(text, Value::Number),
        Reading::Float(value) => Number::from_f64(value).map_or_else(text, Value::Number),
        Reading::Timestamp => iso_format(&scalar.text).map_or_else(text, Value::String),
        Reading::HugeInt | Reading::NoNumber | Reading::Text => text(),
    }
}

/// An integer as JSON has it; beyond 64 bits a float, as JSON readers take it.
#[expect(clippy::cast_precision_loss, reason = "JSON numbers of that size have no more digits")]
pub(crate) fn json_integer(value: i128) -> Option<Number> {
    Number::from_i128(value).or_else(|| Number::from_f64(value as f64))
}

#[cfg(test)]
mod tests {
    use super::super::parse_document;
    use super::*;

    fn check(text: &str, expected: &Value) {
        assert_eq!(to_json(&parse_document(text).unwrap().unwrap()), *expected, "{text}");
    }

    #[test]
    fn merge_keys_and_types_are_pythons() {
        check(
            "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {x: 9, z: 4}]}",
            &serde_json::json!({"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2, "z": 4}}),
        );
        check(
            "{1: yes, true: '1', n: ~, o: 010}",
            &serde_json::json!({"1": true, "true": "1", "n": null, "o": 8}),
        );
        check("!!bool \"true\"", &serde_json::json!(true));
    }
}
