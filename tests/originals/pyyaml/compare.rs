//! How any text is read: key by key and type by type, and where PyYAML refuses, so do we.

use std::fs;
use std::path::Path;

use omsctl_inventory::{ExistingConfigError, PythonValue, read_as_oms};
use serde_json::{Value, json};

use crate::documents::document;
use crate::tally::Tally;
use crate::{ask, oracle};

/// The value as `oracle.py` writes it.
fn typed(value: &PythonValue) -> Value {
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
    let (count, shown) = (failures.len(), failures.iter().take(10).cloned().collect::<Vec<_>>().join("\n"));
    assert!(failures.is_empty(), "{count} differ:\n{shown}");
    if originals::cases() >= 500 {
        tally.has_all(&FEATURES);
        assert!(tally.of("= read alike") > originals::cases() / 2, "most files are valid\n{tally}");
        assert!(
            tally.of("= refused by name") < originals::cases() / 25,
            "few are refused by us alone\n{tally}"
        );
    }
}

/// What the generator claims to make.
const FEATURES: [&str; 47] = [
    "BOM",
    "CRLF",
    "YAML 1.2 octal",
    "alias",
    "anchored mapping",
    "anchored scalar",
    "binary integer",
    "blanks after",
    "block list",
    "block mapping",
    "block scalar",
    "boolean",
    "comment after",
    "comment line",
    "decimal integer",
    "directive",
    "document end",
    "document start",
    "double-quoted",
    "escape",
    "explicit key",
    "float",
    "flow list",
    "flow mapping",
    "hexadecimal integer",
    "huge integer",
    "infinity",
    "lone tag",
    "mask",
    "merge key",
    "null",
    "octal integer",
    "odd indentation",
    "one character changed",
    "plain over several lines",
    "plain text",
    "quoted key",
    "quoted over several lines",
    "rubbish at the end",
    "sexagesimal",
    "single-quoted",
    "strange key",
    "tag !!bool",
    "tag !!int",
    "tag !!str",
    "tag that does not fit",
    "timestamp",
];

#[test]
fn samples_of_all_versions_are_read_alike() {
    let mut oracle = oracle();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../inventory/fixtures/config/samples");
    let mut read = 0;
    for entry in fs::read_dir(folder).expect("the samples") {
        let path = entry.expect("a sample").path();
        let text = fs::read_to_string(&path).expect("a sample");
        let theirs = ask(&mut oracle, &text);
        match (read_as_oms(&text), theirs.get("value")) {
            (Ok(entries), Some(value)) => assert_eq!(mapping(&entries), *value, "{}", path.display()),
            (Err(_), None) => {}
            // The file that explains the samples.
            (Err(_), Some(_)) if path.extension().is_some_and(|extension| extension == "md") => continue,
            (ours, _) => panic!("{}: {ours:?} {theirs}", path.display()),
        }
        read += 1;
    }
    assert!(read >= 8, "{read} samples");
}
