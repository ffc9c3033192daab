//! `${NAME}` in values of config.yaml: filled from the environment, then from the file of `--env-file`. `$${` stands
//! for `${` itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::problem::{Place, Problem, ProblemCode, Problems, nearest};
use crate::sources::Sources;

/// What names may be filled with.
pub(crate) struct Environment {
    names: BTreeMap<String, String>,
}

impl Environment {
    /// The environment of the process laid over the file.
    pub(crate) fn load(sources: &Sources, problems: &mut Problems) -> Self {
        let mut names = BTreeMap::new();
        if let Some(path) = &sources.env_file {
            match sources.read(&sources.absolute(path)) {
                Ok(text) => read_file(&text, &sources.shown(path), &mut names, problems),
                Err(problem) => problems.push(Problem { code: ProblemCode::EnvironmentFile, ..*problem }),
            }
        }
        names.extend(sources.environment.iter().map(|(name, value)| (name.clone(), value.clone())));
        Self { names }
    }

    /// The text with every `${NAME}` filled; a problem for each that is open.
    pub(super) fn fill(&self, text: &str, key: &str, place: &Place) -> Result<String, Vec<Problem>> {
        let mut filled = String::new();
        let mut open = Vec::new();
        let mut rest = text;
        while let Some(position) = rest.find("${") {
            let (before, after) = rest.split_at(position);
            if let Some(before) = before.strip_suffix('$') {
                filled.push_str(before);
                filled.push_str("${");
                rest = &after[2..];
                continue;
            }
            filled.push_str(before);
            let name_end = after.find('}').filter(|end| is_name(&after[2..*end]));
            let Some(end) = name_end else {
                filled.push_str("${");
                rest = &after[2..];
                continue;
            };
            let name = &after[2..end];
            match self.names.get(name) {
                Some(value) => filled.push_str(value),
                None => open.push(self.open(name, key, place)),
            }
            rest = &after[end + 1..];
        }
        filled.push_str(rest);
        if open.is_empty() { Ok(filled) } else { Err(open) }
    }

    fn open(&self, name: &str, key: &str, place: &Place) -> Problem {
        Problem::error(ProblemCode::OpenVariable, format!("`{key}` needs ${{{name}}}, which has no value"))
            .at(place)
            .key(key)
            .nearest(nearest(name, self.names.keys().map(String::as_str)).map(str::to_owned))
            .hint(format!("export {name}=… or write it to a file for --env-file; $${{ stands for ${{ itself"))
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `NAME=VALUE` lines; `export` before, quotation marks around the value and `#` lines are allowed.
fn read_file(text: &str, file: &Path, names: &mut BTreeMap<String, String>, problems: &mut Problems) {
    let file: Arc<Path> = Arc::from(file);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let assignment = line.strip_prefix("export ").unwrap_or(line).split_once('=');
        match assignment.map(|(name, value)| (name.trim(), value.trim())) {
            Some((name, value)) if is_name(name) => {
                let quoted = |mark: char| value.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
                let value = quoted('\'').or_else(|| quoted('"')).unwrap_or(value);
                names.insert(name.to_owned(), value.to_owned());
            }
            // The line is not shown: it may be a password.
            _ => problems.push(
                Problem::error(ProblemCode::EnvironmentFile, "the line is not NAME=VALUE")
                    .at(&Place::new(&file, index + 1, 1))
                    .allowed("NAME=VALUE, the name of letters, digits and underscores"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        let mut names = BTreeMap::new();
        let mut problems = Problems::default();
        read_file("# c\nexport A='x y'\nB=\"\"\n1C=2\n", Path::new(".env"), &mut names, &mut problems);
        assert_eq!(problems.0.len(), 1);
        assert_eq!(problems.0[0].line, Some(4));
        Environment { names }
    }

    fn place() -> Place {
        Place::new(&Arc::from(Path::new("c.yaml")), 2, 3)
    }

    #[test]
    fn names_are_filled_and_escapes_kept() {
        let environment = environment();
        for (text, expected) in [
            ("${A}", "x y"),
            ("a${B}b", "ab"),
            ("$${A}", "${A}"),
            ("$A ${} ${1}", "$A ${} ${1}"),
            ("${A", "${A"),
        ] {
            assert_eq!(environment.fill(text, "k", &place()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn each_open_name_is_told() {
        let problems = environment().fill("${X}-${Y}", "cm_url", &place()).unwrap_err();
        assert_eq!(problems.len(), 2);
        insta::assert_snapshot!(problems[0], @r"
        c.yaml:2:3: error[CFG-205]: `cm_url` needs ${X}, which has no value
            hint: export X=… or write it to a file for --env-file; $${ stands for ${ itself
        ");
    }
}
