//! Ansible's YAML inventories: groups with `hosts`, `children` and `vars`, nested as deep as one likes.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::data::{GroupId, InventoryData};
use super::host_pattern;
use super::ini::host_pattern_problem;
use super::inventory::Variable;
use crate::problem::{Place, Problem, ProblemCode, Problems};
use crate::yaml::{Node, NodeValue, Scalar, YamlError, key_text, mapping_entries, to_json};

/// Puts a document into the data.
pub(super) fn read(root: &Node, file: &Path, data: &mut InventoryData, problems: &mut Problems) {
    let mut reader = YamlReader { data, file: Arc::from(file), problems };
    if mapping_entries(root).iter().any(|(key, value)| key_text(key) == "plugin" && !is_null(value)) {
        reader.problems.push(
            Problem::error(ProblemCode::InventoryKind, "this configures an inventory plugin, which omsctl does not run")
                .at(&Place::file(file))
                .hint("write what the plugin finds to a file: ansible-inventory -i FILE --list --yaml > inventory.yml"),
        );
        return;
    }
    for (key, key_node, value) in last_of_equal_keys(root, &reader.file, reader.problems) {
        reader.group(&key, key_node, value);
    }
}

/// True when a file without a telling name is a YAML inventory rather than INI.
pub(super) fn looks_like_yaml(root: &Node) -> bool {
    matches!(&root.value, NodeValue::Mapping(entries) if !entries.is_empty())
}

/// A parser error as a problem.
pub(super) fn yaml_problem(error: &YamlError, file: &Path) -> Problem {
    let (line, column) = error.position();
    let code = if error.is_limit() { ProblemCode::LimitExceeded } else { ProblemCode::InventoryYaml };
    Problem::error(code, error.to_string()).at(&Place::new(&Arc::from(file), line, column))
}

/// A value with its place, for `group_vars` as well.
pub(super) fn variable(node: &Node, file: &Arc<Path>) -> Variable {
    let raw = match &node.value {
        NodeValue::Scalar(scalar) => Some(scalar.text.clone()),
        NodeValue::Sequence(_) | NodeValue::Mapping(_) => None,
    };
    Variable::new(to_json(node), raw, &Place::new(file, node.line, node.column))
}

/// Names, keys and values of a mapping, of equal keys the last (as Ansible), with a warning for each that is lost.
pub(super) fn last_of_equal_keys<'node>(
    node: &'node Node,
    file: &Arc<Path>,
    problems: &mut Problems,
) -> Vec<(String, &'node Node, &'node Node)> {
    let mut entries: Vec<(String, &Node, &Node)> = Vec::new();
    let mut index = std::collections::BTreeMap::new();
    let written = match &node.value {
        NodeValue::Mapping(entries) => entries.as_slice(),
        NodeValue::Scalar(_) | NodeValue::Sequence(_) => &[],
    };
    for (key, value) in mapping_entries(node) {
        let name = key_text(key);
        let Some(position) = index.get(&name).copied() else {
            index.insert(name.clone(), entries.len());
            entries.push((name, key, value));
            continue;
        };
        let entry: &mut (String, &Node, &Node) = &mut entries[position];
        if written.iter().any(|(own, _)| std::ptr::eq(own, entry.1)) {
            problems.push(
                Problem::warning(
                    ProblemCode::InventoryIgnored,
                    format!("`{name}` is written twice; the last one counts"),
                )
                .at(&Place::new(file, entry.1.line, entry.1.column))
                .key(&name)
                .hint(format!("it is written again in line {}", key.line)),
            );
        }
        (entry.1, entry.2) = (key, value);
    }
    entries
}

/// What Python takes for false: Ansible reads it as an empty mapping.
pub(super) fn is_false(node: &Node) -> bool {
    match to_json(node) {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    }
}

fn is_null(node: &Node) -> bool {
    to_json_is_null(&node.value)
}

fn to_json_is_null(value: &NodeValue) -> bool {
    match value {
        NodeValue::Scalar(Scalar { text, plain, tag }) => {
            *plain && tag.is_none() && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
        }
        NodeValue::Sequence(_) | NodeValue::Mapping(_) => false,
    }
}

struct YamlReader<'data> {
    data: &'data mut InventoryData,
    file: Arc<Path>,
    problems: &'data mut Problems,
}

impl YamlReader<'_> {
    fn place(&self, node: &Node) -> Place {
        Place::new(&self.file, node.line, node.column)
    }

    fn report(&mut self, code: ProblemCode, message: String, node: &Node) {
        let place = self.place(node);
        self.problems.push(Problem::error(code, message).at(&place));
    }

    fn ignore(&mut self, message: String, node: &Node) {
        let place = self.place(node);
        self.problems.push(Problem::warning(ProblemCode::InventoryIgnored, message).at(&place));
    }

    fn group(&mut self, name: &str, key: &Node, node: &Node) -> Option<GroupId> {
        if !matches!(node.value, NodeValue::Mapping(_)) && !is_null(node) {
            self.ignore(
                format!("`{name}` is no group: a mapping with hosts, children or vars is expected"),
                node,
            );
            return None;
        }
        if name.is_empty() {
            self.report(ProblemCode::InventoryShape, "a group has an empty name".to_owned(), key);
            return None;
        }
        if !self.is_text("group", name, key) {
            return None;
        }
        let group = self.data.add_group(name);
        for (section, _, value) in last_of_equal_keys(node, &self.file, self.problems) {
            match section.as_str() {
                "vars" | "children" | "hosts" => self.section(group, name, &section, value),
                other => {
                    let message = format!("`{other}` in the group `{name}` has no effect");
                    self.ignore(format!("{message}: only vars, children and hosts have"), value);
                }
            }
        }
        Some(group)
    }

    fn section(&mut self, group: GroupId, name: &str, section: &str, node: &Node) {
        if is_null(node) {
            return;
        }
        // A single name may stand for a mapping with that key.
        if let NodeValue::Scalar(Scalar { text, .. }) = &node.value
            && to_json(node).is_string()
        {
            let nothing = Scalar { text: String::new(), plain: true, tag: None };
            let value = NodeValue::Scalar(nothing);
            let nothing = Node { value, collection_tag: None, ..node.clone() };
            self.entry(group, section, text, &nothing, node);
            return;
        }
        if !matches!(node.value, NodeValue::Mapping(_)) {
            let message = format!("`{section}` of the group `{name}` must be a mapping");
            let place = self.place(node);
            let hint = "write `name:` with a colon on a line of its own, without a dash";
            self.problems.push(Problem::error(ProblemCode::InventoryShape, message).at(&place).hint(hint));
            return;
        }
        for (key, key_node, value) in last_of_equal_keys(node, &self.file, self.problems) {
            self.entry(group, section, &key, value, key_node);
        }
    }

    /// A name that YAML reads as a number, a boolean or nothing is none.
    fn is_text(&mut self, what: &str, name: &str, key: &Node) -> bool {
        if to_json(key).is_string() {
            return true;
        }
        let place = self.place(key);
        let message = format!("the {what} `{name}` is not read as text");
        self.problems.push(
            Problem::error(ProblemCode::InventoryShape, message).at(&place).hint("put it in quotation marks"),
        );
        false
    }

    fn entry(&mut self, group: GroupId, section: &str, key: &str, value: &Node, key_node: &Node) {
        match section {
            "vars" => {
                let variable = variable(value, &self.file);
                if self.data.set_group(group, key, variable).is_err() {
                    let message = "ansible_group_priority must be a whole number".to_owned();
                    self.report(ProblemCode::VariableValue, message, value);
                }
            }
            "children" => self.child(group, key, value, key_node),
            _ => self.hosts(group, key, value, key_node),
        }
    }

    fn child(&mut self, group: GroupId, name: &str, value: &Node, key_node: &Node) {
        let child = self.group(name, key_node, value).or_else(|| self.data.group(name));
        match (child, self.data.host(name)) {
            (Some(child), _) => {
                if self.data.add_child(group, child).is_err() {
                    let parent = &self.data.groups[group].name;
                    let message = format!(
                        "`{name}` cannot be a child of `{parent}`: `{parent}` is already below `{name}`"
                    );
                    self.report(ProblemCode::GroupLoop, message, key_node);
                }
            }
            // Ansible makes a host a member that stands where a group should.
            (None, Some(host)) => self.data.join(host, group),
            (None, None) => {
                let message =
                    format!("`{name}` is no group: a mapping with hosts, children or vars is expected");
                self.report(ProblemCode::InventoryShape, message, key_node);
            }
        }
    }

    fn hosts(&mut self, group: GroupId, pattern: &str, value: &Node, key_node: &Node) {
        let place = self.place(key_node);
        if !self.is_text("host", pattern, key_node) {
            return;
        }
        let expanded = host_pattern::expand(pattern);
        let fits = |hosts: &[String]| self.data.hosts.len() + hosts.len() <= host_pattern::MAX_HOSTS;
        let (hosts, port) = match expanded {
            Ok((hosts, port)) if fits(&hosts) => (hosts, port),
            Ok(_) => {
                self.problems.push(host_pattern_problem(
                    &host_pattern::PatternError::TooMany,
                    pattern,
                    &place,
                ));
                return;
            }
            Err(error) => {
                self.problems.push(host_pattern_problem(&error, pattern, &place));
                return;
            }
        };
        if !matches!(value.value, NodeValue::Mapping(_)) && !is_false(value) {
            self.report(
                ProblemCode::InventoryShape,
                format!("the variables of `{pattern}` must be a mapping"),
                value,
            );
            return;
        }
        let variables: Vec<(String, Variable)> = last_of_equal_keys(value, &self.file, self.problems)
            .into_iter()
            .map(|(key, _, node)| (key, variable(node, &self.file)))
            .collect();
        for host in &hosts {
            self.data.add_host(host, group, port, &place);
            for (key, variable) in &variables {
                if self.data.set(host, key, variable.clone()).is_err() {
                    let message = "ansible_group_priority must be a whole number".to_owned();
                    self.report(ProblemCode::VariableValue, message, value);
                }
            }
        }
    }
}
