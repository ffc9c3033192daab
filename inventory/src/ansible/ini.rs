//! Ansible's INI inventories: sections of hosts, `:children` and `:vars`. Every bad line is reported and the rest
//! read on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::data::{GroupId, InventoryData, UNGROUPED};
use super::host_pattern;
use super::inventory::Variable;
use super::python_literal::literal_eval;
use super::python_value::NoLiteral;
use super::shlex::{Comments, split};
use crate::problem::{Place, Problem, ProblemCode, Problems};

#[derive(Clone, Copy, PartialEq)]
enum Section {
    Hosts,
    Children,
    Vars,
}

/// A group that is used and not yet declared.
struct Pending {
    place: Place,
    section: Section,
    parents: Vec<GroupId>,
}

struct IniReader<'data> {
    data: &'data mut InventoryData,
    file: Arc<Path>,
    problems: &'data mut Problems,
    pending: BTreeMap<String, Pending>,
    group: GroupId,
    section: Section,
}

/// Reads a file into the data.
pub(super) fn read(text: &str, file: &Path, data: &mut InventoryData, problems: &mut Problems) {
    let mut reader = IniReader {
        data,
        file: Arc::from(file),
        problems,
        pending: BTreeMap::new(),
        group: UNGROUPED,
        section: Section::Hosts,
    };
    if text.starts_with('\u{feff}') {
        let problem = Problem::error(
            ProblemCode::InventorySyntax,
            "the file begins with a byte order mark, which Ansible takes for a part of the first line",
        );
        reader.report(problem.at(&Place::new(&reader.file, 1, 1)).hint("save it as UTF-8 without one"));
        return;
    }
    for (index, line) in python_lines(text).enumerate() {
        reader.line(index + 1, line);
    }
    reader.finish();
}

/// Lines as Python's `splitlines` cuts them.
fn python_lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = ['\n', '\r', '\x0b', '\x0c', '\x1c', '\x1d', '\x1e', '\u{85}', '\u{2028}', '\u{2029}'];
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(ends) else {
            rest = None;
            return Some(text);
        };
        let (line, tail) = text.split_at(end);
        let width = if tail.starts_with("\r\n") { 2 } else { tail.chars().next().map_or(0, char::len_utf8) };
        rest = Some(&tail[width..]);
        Some(line)
    })
}

impl IniReader<'_> {
    fn line(&mut self, number: usize, whole: &str) {
        let line = whole.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            return;
        }
        let indent = whole.chars().count() - whole.trim_start().chars().count();
        let place = Place::new(&self.file, number, indent + 1);
        if let Some((name, kind)) = section(line) {
            self.header(name, kind, &place);
        } else if line.starts_with('[') && line.ends_with(']') {
            self.report(
                Problem::error(ProblemCode::InventorySyntax, "this is no section")
                    .at(&place)
                    .found(line)
                    .allowed("[group], [group:children] or [group:vars], without spaces"),
            );
        } else {
            match self.section {
                Section::Hosts => self.hosts(line, &place),
                Section::Children => self.child(line, &place),
                Section::Vars => self.variable(line, &place),
            }
        }
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn header(&mut self, name: &str, kind: Option<&str>, place: &Place) {
        let section = match kind {
            None | Some("hosts") => Section::Hosts,
            Some("children") => Section::Children,
            Some("vars") => Section::Vars,
            Some(other) => {
                let problem = Problem::error(
                    ProblemCode::InventorySyntax,
                    format!("no section has the type `{other}`"),
                )
                .at(place)
                .found(format!("[{name}:{other}]"))
                .allowed("hosts, children, vars")
                .nearest(crate::problem::nearest(other, ["hosts", "children", "vars"]));
                self.report(problem);
                Section::Hosts
            }
        };
        if self.data.group(name).is_none() && section == Section::Vars && !self.pending.contains_key(name) {
            let pending = Pending { place: place.clone(), section, parents: Vec::new() };
            self.pending.insert(name.to_owned(), pending);
        }
        self.group = self.data.add_group(name);
        self.section = section;
        if section != Section::Vars
            && let Some(pending) = self.pending.remove(name)
        {
            for parent in pending.parents {
                self.link(parent, self.group, &pending.place);
            }
        }
    }

    fn link(&mut self, parent: GroupId, child: GroupId, place: &Place) {
        if self.data.add_child(parent, child).is_err() {
            let (parent, child) = (&self.data.groups[parent].name, &self.data.groups[child].name);
            let problem = Problem::error(
                ProblemCode::GroupLoop,
                format!("`{child}` cannot be a child of `{parent}`: `{parent}` is already below `{child}`"),
            );
            self.problems.push(
                problem
                    .at(place)
                    .key(child.clone())
                    .hint("take one of the two groups out of the other's :children"),
            );
        }
    }

    fn child(&mut self, line: &str, place: &Place) {
        let Some(name) = group_name(line) else {
            self.report(
                Problem::error(
                    ProblemCode::InventorySyntax,
                    "a section of children takes one group name a line",
                )
                .at(place)
                .found(line),
            );
            return;
        };
        if let Some(child) = self.data.group(name) {
            self.link(self.group, child, place);
        } else {
            let group = self.group;
            let pending = self.pending.entry(name.to_owned()).or_insert_with(|| Pending {
                place: place.clone(),
                section: Section::Children,
                parents: Vec::new(),
            });
            pending.parents.push(group);
        }
    }

    fn variable(&mut self, line: &str, place: &Place) {
        let Some((key, text)) = line.split_once('=') else {
            self.report(
                Problem::error(
                    ProblemCode::InventorySyntax,
                    "a section of variables takes `name=value` lines",
                )
                .at(place)
                .hint("a value goes on for one line only"),
            );
            return;
        };
        match variable(key.trim(), text.trim(), place) {
            Ok(variable) => {
                let group = self.data.groups[self.group].name.clone();
                self.set(&group, key.trim(), variable);
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    fn set(&mut self, entity: &str, key: &str, variable: Variable) {
        let place = variable.place.clone();
        if self.data.set(entity, key, variable).is_err() {
            let message = "ansible_group_priority must be a whole number";
            self.report(Problem::error(ProblemCode::VariableValue, message).at(&place).key(key));
        }
    }

    fn hosts(&mut self, line: &str, place: &Place) {
        let tokens = match split(line, Comments::Cut) {
            Ok(tokens) => tokens,
            Err(error) => {
                let problem = Problem::error(
                    ProblemCode::InventorySyntax,
                    format!("the line cannot be split: {error}"),
                );
                self.report(
                    problem
                        .at(place)
                        .found(first_word(line))
                        .hint("put quotation marks around the whole value"),
                );
                return;
            }
        };
        let Some((pattern, assignments)) = tokens.split_first() else { return };
        if pattern.text.starts_with('[') && !line.contains(']') {
            let problem =
                Problem::error(ProblemCode::InventorySyntax, "the bracket of the section is not closed");
            self.report(problem.at(place).found(&pattern.text).allowed("[group]"));
            return;
        }
        let (hosts, port) = match host_pattern::expand(&pattern.text) {
            Ok(expanded) => expanded,
            Err(error) => {
                self.report(host_pattern_problem(&error, &pattern.text, place));
                return;
            }
        };
        let mut variables = Vec::new();
        for token in assignments {
            let place = Place { column: place.column + token.offset, ..place.clone() };
            match token.text.split_once('=') {
                Some((key, text)) => match variable(key, text, &place) {
                    Ok(variable) => variables.push((key, variable)),
                    Err(problem) => self.problems.push(problem),
                },
                None => self.report(
                    Problem::error(
                        ProblemCode::InventorySyntax,
                        "after the host only `name=value` may follow",
                    )
                    .at(&place)
                    .hint("put quotation marks around a value with spaces: name='a b'"),
                ),
            }
        }
        if self.data.hosts.len() + hosts.len() > host_pattern::MAX_HOSTS {
            self.report(host_pattern_problem(&host_pattern::PatternError::TooMany, &pattern.text, place));
            return;
        }
        for host in &hosts {
            self.data.add_host(host, self.group, port, place);
            for (key, variable) in &variables {
                self.set(host, key, variable.clone());
            }
        }
    }

    fn finish(self) {
        for (name, pending) in self.pending {
            let message = match pending.section {
                Section::Vars => format!("`[{name}:vars]` is for a group that is declared nowhere"),
                Section::Hosts | Section::Children => {
                    format!("`{name}` is listed as a child group and declared nowhere")
                }
            };
            let known =
                self.data.groups.iter().map(|group| group.name.as_str()).filter(|known| *known != name);
            let nearest = crate::problem::nearest(&name, known).map(str::to_owned);
            self.problems.push(
                Problem::error(ProblemCode::UndefinedGroup, message)
                    .at(&pending.place)
                    .key(&name)
                    .nearest(nearest)
                    .hint(format!("add a section [{name}] with its hosts")),
            );
        }
    }
}

/// The problem of a host pattern; also for YAML.
pub(super) fn host_pattern_problem(
    error: &host_pattern::PatternError,
    pattern: &str,
    place: &Place,
) -> Problem {
    let too_many = *error == host_pattern::PatternError::TooMany;
    let code = if too_many { ProblemCode::LimitExceeded } else { ProblemCode::HostPattern };
    Problem::error(code, error.to_string()).at(place).found(pattern)
}

/// Text after `=`, typed as Python would.
fn variable(key: &str, text: &str, place: &Place) -> Result<Variable, Box<Problem>> {
    let value = match literal_eval(text) {
        Ok(value) => value,
        Err(NoLiteral::Text) => Value::String(text.to_owned()),
        Err(NoLiteral::Refused(why)) => {
            let problem = Problem::error(
                ProblemCode::VariableValue,
                format!("`{key}` cannot be read as a value of Python: {why}"),
            );
            return Err(Box::new(
                problem.at(place).key(key).hint("put quotation marks around what shall stay text"),
            ));
        }
    };
    let raw = match &value {
        Value::Array(_) | Value::Object(_) => None,
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(text.to_owned()),
    };
    Ok(Variable::new(value, raw, place))
}

/// What may be shown of a line that may hold a password.
fn first_word(line: &str) -> String {
    let word = line.split([' ', '\t', '=']).next().unwrap_or_default();
    if word.len() == line.len() { word.to_owned() } else { format!("{word} …") }
}

/// `[name]` or `[name:kind]`, a comment behind it.
fn section(line: &str) -> Option<(&str, Option<&str>)> {
    let rest = line.strip_prefix('[')?;
    let end = rest.find(|c: char| c == ':' || c == ']' || c.is_whitespace())?;
    let (name, rest) = rest.split_at(end);
    let (kind, rest) = match rest.strip_prefix(':') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
            (Some(&rest[..end]), &rest[end..])
        }
        None => (None, rest),
    };
    let rest = rest.strip_prefix(']')?.trim_start();
    let valid = !name.is_empty() && kind != Some("") && (rest.is_empty() || rest.starts_with('#'));
    valid.then_some((name, kind))
}

/// One group name, a comment behind it.
fn group_name(line: &str) -> Option<&str> {
    let end = line.find(|c: char| c == ':' || c == ']' || c.is_whitespace()).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        return (!name.is_empty()).then_some(name);
    }
    // Ansible's expression steps back to the last '#' that can begin a comment.
    let hash = name.rfind('#').filter(|position| *position > 0)?;
    Some(&name[..hash])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        let mut problems = Problems::default();
        read(text, Path::new("i.ini"), &mut InventoryData::new(), &mut problems);
        problems.to_string()
    }

    #[test]
    fn every_bad_line_is_told() {
        insta::assert_snapshot!(problems("[oms\nn[1:]\nn1 a='x\nn1 word k=v\n[oms:var]\n[a b]\n[x:vars]\nk\n[top:children]\noms2\na:b\n[oms]\n"), @r"
        i.ini:1:1: error[INV-101]: the bracket of the section is not closed
            found: [oms
            allowed: [group]
        i.ini:2:1: error[INV-102]: a range must have an end
            found: n[1:]
        i.ini:3:1: error[INV-101]: the line cannot be split: a quotation mark is not closed
            found: n1 …
            hint: put quotation marks around the whole value
        i.ini:4:4: error[INV-101]: after the host only `name=value` may follow
            hint: put quotation marks around a value with spaces: name='a b'
        i.ini:5:1: error[INV-101]: no section has the type `var`
            found: [oms:var]
            allowed: hosts, children, vars
            did you mean: vars
        i.ini:6:1: error[INV-101]: this is no section
            found: [a b]
            allowed: [group], [group:children] or [group:vars], without spaces
        i.ini:8:1: error[INV-101]: a section of variables takes `name=value` lines
            hint: a value goes on for one line only
        i.ini:11:1: error[INV-101]: a section of children takes one group name a line
            found: a:b
        i.ini:10:1: error[INV-103]: `oms2` is listed as a child group and declared nowhere
            did you mean: oms
            hint: add a section [oms2] with its hosts
        i.ini:7:1: error[INV-103]: `[x:vars]` is for a group that is declared nowhere
            hint: add a section [x] with its hosts
        ");
    }

    #[test]
    fn a_group_cannot_be_below_itself() {
        insta::assert_snapshot!(problems("[a:children]\nb\n[b:children]\na\n"), @r"
        i.ini:4:1: error[INV-104]: `a` cannot be a child of `b`: `b` is already below `a`
            hint: take one of the two groups out of the other's :children
        ");
    }

    #[test]
    fn secrets_of_a_bad_line_are_not_shown() {
        assert!(!problems("n1 ansible_password='canary\n").contains("canary"));
        assert!(!problems("n1 ansible_password = canary\n").contains("canary"));
        assert!(!problems("[a]\n[a:vars]\nansible_password canary\n").contains("canary"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]a:#= '\"\\n\\r\\\\0-9{}(),.é]{0,80}") {
            let _ = problems(&text);
        }
    }
}
