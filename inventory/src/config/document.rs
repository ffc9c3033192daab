//! From the text of config.yaml to its entries with places: unknown keys, keys written twice and the two ways in which
//! people break the YAML of this file (masks of asterisks, no space after the colon).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::keys::{KEYS, Kind, key};
use super::placeholder::quote_masks;
use crate::problem::{Place, Problem, ProblemCode, Problems, nearest};
use crate::yaml::{
    Node, NodeValue, PythonValue, Scalar, ScalarTag, Unconstructable, YamlError, check_surface, construct,
    construct_scalar, parse_document,
};

/// A value as written, before it is known what it should be.
#[derive(Clone, PartialEq)]
pub(crate) enum Given {
    Scalar(GivenScalar),
    List(Vec<(GivenScalar, Place)>),
    /// Something nested that no key takes.
    Nested,
}

#[derive(Clone, PartialEq)]
pub(crate) struct GivenScalar {
    pub(crate) text: String,
    pub(crate) style: Style,
    /// What OMS would have seen; `None` when that is the text.
    pub(crate) seen: Option<PythonValue>,
}

/// How a scalar is written decides what a YAML reader makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    /// Quoted, a block, or tagged as a string: always text.
    Text,
    /// With a tag such as `!!bool` or `!!int`.
    Tagged,
    /// From the inventory, whose own rules apply.
    Inventory,
}

/// A key's value and its places.
#[derive(Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) given: Given,
    pub(crate) place: Place,
}

/// The entries of a file; of a key written twice the first.
pub(crate) struct RawConfig {
    pub(crate) file: Arc<Path>,
    pub(crate) entries: BTreeMap<&'static str, Entry>,
    /// Keys whose value OMS's reader refuses, which is told.
    pub(crate) refused: BTreeMap<&'static str, Place>,
}

/// Reads the text. Problems are added; the entries hold what could be understood. `None` when nothing could.
pub(crate) fn read_config(text: &str, file: &Path, problems: &mut Problems) -> Option<RawConfig> {
    let file: Arc<Path> = Arc::from(file);
    let text = open_joined_keys(&quote_masks(text), &file, problems);
    let root = match check_surface(&text).and_then(|()| parse_document(&text)) {
        Ok(Some(root)) => root,
        Ok(None) => {
            let problem = Problem::error(ProblemCode::ConfigShape, "the file is empty");
            problems.push(problem.at(&Place::file(&file)).hint("`omsctl init` writes one to start from"));
            return None;
        }
        Err(error) => {
            let (line, column) = error.position();
            let code = if error.is_limit() { ProblemCode::LimitExceeded } else { ProblemCode::ConfigYaml };
            let problem = Problem::error(code, error.to_string()).at(&Place::new(&file, line, column));
            let quote = error.stricter().unwrap_or( "a value that begins with one of * & ! @ % { [ ' \" ` or has ': ' or ' #' in it needs quotation marks");
            problems.push(if matches!(error, YamlError::Syntax { .. }) {
                problem.hint(quote)
            } else {
                problem
            });
            return None;
        }
    };
    let NodeValue::Mapping(written) = &root.value else {
        problems.push(
            Problem::error(ProblemCode::ConfigShape, "the file must be a mapping, one `key: value` a line")
                .at(&Place::new(&file, root.line, root.column))
                .hint("one space after the colon"),
        );
        return None;
    };
    let mut config = RawConfig { file, entries: BTreeMap::new(), refused: BTreeMap::new() };
    config.read_entries(written, problems);
    cut_by_comments(&text, written, &config.file, problems);
    Some(config)
}

impl RawConfig {
    fn read_entries(&mut self, written: &[(Node, Node)], problems: &mut Problems) {
        let file = &self.file;
        let mut first: BTreeMap<String, Place> = BTreeMap::new();
        for (key_node, value) in written {
            let place = Place::new(file, key_node.line, key_node.column);
            let name = match &key_node.value {
                NodeValue::Scalar(scalar) => scalar.text.clone(),
                NodeValue::Sequence(_) | NodeValue::Mapping(_) => {
                    problems.push(
                        Problem::error(ProblemCode::ConfigShape, "a key must be a plain name").at(&place),
                    );
                    continue;
                }
            };
            if let Some(before) = first.get(&name) {
                problems.push(
                    Problem::error(ProblemCode::DuplicateKey, format!("`{name}` is written twice"))
                        .at(&place)
                        .key(&name)
                        .found(format!("first in line {} column {}", before.line, before.column))
                        .hint("OMS would take the last one without a word; delete one of the two"),
                );
                continue;
            }
            first.insert(name.clone(), place.clone());
            let Some(known) = key(&name) else {
                problems.push(
                    Problem::error(ProblemCode::UnknownKey, format!("OMS has no key `{name}`"))
                        .at(&place)
                        .key(&name)
                        .nearest(nearest(&name, KEYS.iter().map(|key| key.name)))
                        .hint("OMS would ignore it without a word; correct or delete it"),
                );
                continue;
            };
            if let Err(Unconstructable { why, line, column }) = construct(value) {
                let problem =
                    Problem::error(ProblemCode::ConfigYaml, format!("OMS's reader refuses `{name}`"));
                let place = Place::new(file, line, column);
                problems.push(problem.at(&place).key(&name).hint(why));
                self.refused.insert(known.name, place);
                continue;
            }
            let place = Place::new(file, value.line, value.column);
            self.entries.insert(known.name, Entry { given: given(value, file), place });
        }
    }
}

/// `password: word #1` is `word`, to OMS too. A remark has a blank behind its `#`; without one it may belong to the value.
fn cut_by_comments(text: &str, written: &[(Node, Node)], file: &Arc<Path>, problems: &mut Problems) {
    let lines: Vec<&str> = text.lines().collect();
    for (name, value) in written {
        let (NodeValue::Scalar(name), NodeValue::Scalar(value_text)) = (&name.value, &value.value) else {
            continue;
        };
        let Some(known) = key(&name.text).filter(|key| key.kind == Kind::Text && value_text.plain) else {
            continue;
        };
        let line = lines.get(value.line - 1).copied().unwrap_or_default();
        let rest: String = line.chars().skip(value.column - 1 + value_text.text.chars().count()).collect();
        let Some(behind) = rest.trim_start().strip_prefix('#') else { continue };
        if rest.starts_with(' ') && behind.starts_with(|c: char| !c.is_whitespace() && c != '#') {
            let message =
                format!("the value of `{}` ends before ` #`: what follows is a comment", known.name);
            let problem = Problem::warning(ProblemCode::ReadDifferently, message);
            problems.push(problem.at(&Place::new(file, value.line, value.column)).key(known.name).hint(
                "put the whole value in quotation marks if the rest belongs to it; else write a blank behind the `#`",
            ));
        }
    }
}

fn given(node: &Node, file: &Arc<Path>) -> Given {
    match &node.value {
        NodeValue::Scalar(scalar) => Given::Scalar(given_scalar(scalar)),
        NodeValue::Sequence(items) => {
            let mut list = Vec::new();
            for item in items {
                let NodeValue::Scalar(scalar) = &item.value else { return Given::Nested };
                list.push((given_scalar(scalar), Place::new(file, item.line, item.column)));
            }
            Given::List(list)
        }
        NodeValue::Mapping(_) => Given::Nested,
    }
}

fn given_scalar(scalar: &Scalar) -> GivenScalar {
    let seen = construct_scalar(scalar).ok().filter(|seen| !matches!(seen, PythonValue::Text(_)));
    let style = match &scalar.tag {
        Some(ScalarTag::Core(name)) if name == "str" => Style::Text,
        Some(ScalarTag::Core(_)) => Style::Tagged,
        None if scalar.plain => Style::Plain,
        Some(ScalarTag::Local(_)) | None => Style::Text,
    };
    GivenScalar { text: scalar.text.clone(), style, seen }
}

/// `cm_url:http://…` without a space makes one text of the whole file. It is reported and read as it was meant.
fn open_joined_keys(text: &str, file: &Arc<Path>, problems: &mut Problems) -> String {
    let mut opened = String::with_capacity(text.len());
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let joined = line.split_once(':').filter(|(name, rest)| {
            key(name).is_some() && !rest.starts_with([' ', '\t', '\r', '\n']) && !rest.is_empty()
        });
        let Some((name, rest)) = joined else {
            opened.push_str(line);
            continue;
        };
        problems.push(
            Problem::error(ProblemCode::ConfigYaml, format!("a space is missing after `{name}:`"))
                .at(&Place::new(file, index + 1, name.len() + 2))
                .key(name)
                .hint("write exactly one space between the colon and the value"),
        );
        opened.push_str(name);
        opened.push_str(": ");
        opened.push_str(rest);
    }
    opened
}
