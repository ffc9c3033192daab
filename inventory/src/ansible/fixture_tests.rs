//! Every fixture folder against what the real `ansible-inventory` printed for it (`fixtures/ansible/regenerate.py`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Sources, load_inventory};

fn cases() -> Vec<PathBuf> {
    // Other cases, such as generated ones, can be put in their place.
    let root = std::env::var_os("OMSCTL_INVENTORY_CASES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ansible"), PathBuf::from);
    let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

fn sources(case: &Path) -> Sources {
    let named = fs::read_to_string(case.join("sources")).unwrap_or_default();
    let inventories = if named.is_empty() {
        let files = fs::read_dir(case).unwrap().map(|entry| entry.unwrap().file_name());
        files.filter(|name| name.to_string_lossy().starts_with("inventory.")).map(PathBuf::from).collect()
    } else {
        named.split_whitespace().map(PathBuf::from).collect()
    };
    Sources {
        inventories,
        config: "config.yaml".into(),
        env_file: None,
        environment: BTreeMap::new(),
        limit: None,
        vault_passwords: Vec::new(),
        working_directory: case.to_path_buf(),
    }
}

#[test]
fn lists_and_graphs_are_those_of_ansible() {
    let cases = cases();
    assert!(cases.len() >= 24, "the fixtures are there");
    let mut wrong = Vec::new();
    for case in cases {
        let (inventory, _) = match load_inventory(&sources(&case)) {
            Ok(loaded) => loaded,
            Err(problems) => {
                wrong.push(format!("{}: {problems}", case.display()));
                continue;
            }
        };
        let expected: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(case.join("list.json")).unwrap()).unwrap();
        let found = inventory.list_json(None).unwrap();
        if found != expected {
            wrong.push(format!("{}: found {found:#} but ansible prints {expected:#}", case.display()));
        }
        let graph = fs::read_to_string(case.join("graph.txt")).unwrap();
        if inventory.graph() != graph.trim_end() {
            wrong.push(format!(
                "{}: graph\n{}\nbut ansible draws\n{graph}",
                case.display(),
                inventory.graph()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn limits_select_what_ansible_selects() {
    let mut compared = 0;
    for case in cases() {
        let Ok(text) = fs::read_to_string(case.join("limits.json")) else { continue };
        let limits: BTreeMap<String, Vec<String>> = serde_json::from_str(&text).unwrap();
        let (inventory, _) = load_inventory(&sources(&case)).unwrap_or_else(|problems| panic!("{problems}"));
        for (limit, expected) in limits {
            let mut selected = match inventory.select(&limit) {
                Ok(selected) => selected,
                // A part that names nothing is refused here; Ansible warns and goes on with the others.
                Err(problem) if problem.message.contains("names no host") => continue,
                Err(_) => Vec::new(),
            };
            selected.sort_unstable();
            assert_eq!(selected, expected, "{}: {limit}", case.display());
            compared += 1;
        }
    }
    assert!(compared >= 50, "the fixtures are there");
}
