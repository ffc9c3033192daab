//! `group_vars/` and `host_vars/`: which files belong to a name, and what they set. Each file is read once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::inventory::{Variable, Variables};
use super::vault::Vault;
use super::yaml_inventory::{is_false, last_of_equal_keys, variable, yaml_problem};
use crate::problem::{Place, Problem, ProblemCode, Problems};
use crate::sources::Sources;
use crate::yaml::{NodeValue, parse_document};

const EXTENSIONS: [&str; 3] = ["yml", "yaml", "json"];
/// Folders in folders below `group_vars`.
const MAX_FOLDER_DEPTH: usize = 16;

/// Reads variable files and keeps what they say.
pub(super) struct VarsFiles<'sources> {
    sources: &'sources Sources,
    vault: &'sources Vault,
    read: BTreeMap<PathBuf, Variables>,
}

impl<'sources> VarsFiles<'sources> {
    pub(super) fn new(sources: &'sources Sources, vault: &'sources Vault) -> Self {
        Self { sources, vault, read: BTreeMap::new() }
    }

    /// What `FOLDER/SUBFOLDER/NAME*` sets; `subfolder` is `group_vars` or `host_vars`.
    pub(super) fn variables(
        &mut self,
        folder: &Path,
        subfolder: &str,
        name: &str,
        problems: &mut Problems,
    ) -> Variables {
        let mut variables = Variables::new();
        // A name with a slash would lead out of the folder.
        if name.contains('/') || name == "." || name == ".." {
            return variables;
        }
        for file in files_of(&folder.join(subfolder), name) {
            if !self.read.contains_key(&file) {
                let loaded = load_file(self.sources, self.vault, &file, problems);
                self.read.insert(file.clone(), loaded);
            }
            variables.extend(self.read[&file].clone());
        }
        variables
    }
}

/// The name itself (file or folder), else the name with the first extension that is there.
fn files_of(folder: &Path, name: &str) -> Vec<PathBuf> {
    let plain = folder.join(name);
    let with_extensions = EXTENSIONS.iter().map(|extension| folder.join(format!("{name}.{extension}")));
    let Some(found) = std::iter::once(plain).chain(with_extensions).find(|path| path.exists()) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    if found.is_dir() {
        walk(&found, 0, &mut files);
    } else {
        files.push(found);
    }
    files
}

/// Files of a folder in the order of their names, hidden files and back-ups left out.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
        if path.is_dir() {
            if extension.is_none() && depth < MAX_FOLDER_DEPTH {
                walk(&path, depth + 1, files);
            }
        } else if extension.is_none_or(|extension| EXTENSIONS.contains(&extension.as_str())) {
            files.push(path);
        }
    }
}

fn load_file(sources: &Sources, vault: &Vault, path: &Path, problems: &mut Problems) -> Variables {
    match vault.read(sources, path) {
        Ok(file) => {
            let variables = parse(&file.text, &sources.shown(path), problems);
            if file.was_encrypted {
                for variable in variables.values() {
                    vault.remember(&variable.value);
                }
            }
            variables
        }
        Err(problem) => {
            problems.push(problem);
            Variables::new()
        }
    }
}

fn parse(text: &str, shown: &Path, problems: &mut Problems) -> Variables {
    // As Ansible: JSON first, then YAML.
    if let Ok(Value::Object(entries)) = serde_json::from_str::<Value>(text) {
        let place = Place::file(shown);
        return entries.into_iter().map(|(key, value)| (key, Variable::new(value, None, &place))).collect();
    }
    let file: Arc<Path> = Arc::from(shown);
    match parse_document(text) {
        Ok(None) => Variables::new(),
        // Ansible takes whatever Python takes for false as an empty file.
        Ok(Some(root)) if is_false(&root) => Variables::new(),
        Ok(Some(root)) if matches!(root.value, NodeValue::Mapping(_)) => {
            last_of_equal_keys(&root, &file, problems)
                .into_iter()
                .map(|(key, _, node)| (key, variable(node, &file)))
                .collect()
        }
        Ok(Some(root)) => {
            let place = Place::new(&file, root.line, root.column);
            let message = "a file of variables must be a mapping of names to values";
            problems.push(
                Problem::error(ProblemCode::InventoryShape, message)
                    .at(&place)
                    .hint("one space after the colon"),
            );
            Variables::new()
        }
        Err(error) => {
            problems.push(yaml_problem(&error, shown));
            Variables::new()
        }
    }
}
