//! How any text is read: key by key and type by type, and where PyYAML refuses, so do we.

use omsctl_inventory::{ExistingConfigError, PythonValue, read_as_oms};
use serde_json::{Value, json};

use crate::documents::document;
use crate::tally::Tally;
use crate::{ask, oracle};

/// The value as `oracle.py` writes it.
pub(crate) fn typed(value: &PythonValue) -> Value {
    match value {
        PythonValue::None => Value::Null,
        PythonValue::Bool(value) => json!({ "bool": value }),
        PythonValue::Int(value) => json!({ "int": value.to_string() }),
        PythonValue::HugeInt => json!({ "int": "huge" }),
        PythonValue::Float(value) if value.is_nan() => json!({ "float": "nan" }),
        PythonValue::Float(value) => json!({ "float": format!("{:016x}", value.to_bits()) }),
        PythonValue::Timestamp(text) => json!({ "time": text }),
        PythonValue::Text(text) => json!({ "text": text }),
        PythonValue::List(items) => json!({ "list": items.iter().map(typed).collect::<Vec<_>>() }),
        PythonValue::Mapping(entries) => mapping(entries),
    }
}

fn mapping(entries: &[(PythonValue, PythonValue)]) -> Value {
    json!({ "map": entries.iter().map(|(key, value)| json!([typed(key), typed(value)])).collect::<Vec<_>>() })
}

#[test]
fn every_text_is_read_alike() {
    let mut oracle = oracle();
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    for seed in originals::first_seed()..originals::first_seed() + originals::cases() {
        let text = document(seed, &mut tally);
        let theirs = ask(&mut oracle, &text);
        let ours = read_as_oms(&text);
        let agree = match (&ours, theirs.get("value")) {
            (Ok(entries), Some(value)) => {
                tally.count("= read alike");
                mapping(entries) == *value || (entries.is_empty() && value.is_null())
            }
            (Err(_), None) => {
                tally.count("= refused by both");
                true
            }
            (Err(ExistingConfigError::NotAMapping), Some(value)) => {
                tally.count("= no mapping");
                value.get("map").is_none()
            }
            (Err(ExistingConfigError::Stricter { rule, .. }), Some(_)) => {
                tally.count("= refused by name");
                tally.count(rule);
                true
            }
            _ => false,
        };
        if !agree {
            let ours = ours.map(|entries| mapping(&entries).to_string());
            failures.push(format!("seed {seed}\n{text:?}\nours   {ours:?}\nPyYAML {theirs}\n"));
        }
    }
    println!("{tally}");
    let shown = std::env::var("SHOWN").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.iter().take(shown).cloned().collect::<Vec<_>>().join("\n")
    );
}
