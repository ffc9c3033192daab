//! Compares what omsctl makes of `config.yaml` with what OMS's `PyYAML` makes of it: how any text is read, and how the
//! hosts' files are read that omsctl writes. Every case is made from its seed alone.

mod compare;
mod deployments;
mod documents;
mod keys;
mod maker;
mod meaning;
mod scalars;
mod styles;
mod tally;

use std::path::Path;

use originals::Oracle;
use serde_json::{Value, json};

fn oracle() -> Oracle {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("pyyaml/oracle.py");
    Oracle::start(&script).unwrap_or_else(|error| panic!("{error}"))
}

fn ask(oracle: &mut Oracle, text: &str) -> Value {
    oracle.ask(&json!({ "text": text })).unwrap_or_else(|error| panic!("{error}"))
}
