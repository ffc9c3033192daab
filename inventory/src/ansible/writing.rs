//! Lines of an INI inventory that Ansible, and [`super::ini`], read back as the texts that were given. Writes no file.

use std::fmt::Write as _;

/// Characters that need no quotation marks anywhere in a line.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@' | '+')
}

/// `name=value` for a section of variables, where the rest of the line is the value.
pub fn variable_line(name: &str, value: &str) -> String {
    format!("{name}={}", literal(value))
}

/// A host with its variables for a section of hosts, whose lines are split as a shell would.
pub fn host_line(host: &str, variables: &[(&str, String)]) -> String {
    let mut line = host.to_owned();
    for (name, value) in variables {
        let literal = literal(value);
        line.push(' ');
        line.push_str(name);
        line.push('=');
        if literal.chars().all(is_plain) {
            line.push_str(&literal);
        } else {
            line.push('"');
            line.push_str(&literal.replace('\\', "\\\\").replace('"', "\\\""));
            line.push('"');
        }
    }
    line
}

/// The text itself, or a literal of Python where the text would be read as something else.
fn literal(value: &str) -> String {
    let is_word = !value.is_empty() && value.chars().all(is_plain);
    if is_word && !matches!(value, "None" | "True" | "False") {
        return value.to_owned();
    }
    let mut literal = String::from("'");
    for c in value.chars() {
        match c {
            '\'' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                // Writing to a String cannot fail.
                let _ = write!(literal, "\\u{:04x}", u32::from(c));
            }
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::ansible::data::InventoryData;
    use crate::problem::Problems;

    #[test]
    fn what_is_written_is_read_back() {
        let values = [
            "plain",
            "/data/my oms",
            "10.0.0.1",
            "a#b",
            "a'b",
            "a\"b",
            "a\\b",
            "None",
            "",
            " x ",
            "名字",
            "a=b",
            "[x]",
            "tab\there",
            "line\u{2028}end",
            "0x1F",
            "a;b",
            "1,2",
            "+5",
            "1-2",
            "1_0",
            "$HOME",
        ];
        for value in values {
            let text = format!(
                "[oms]\n{}\n[oms:vars]\n{}\n",
                host_line("n1", &[("one", value.to_owned()), ("two", "x".to_owned())]),
                variable_line("three", value)
            );
            let mut data = InventoryData::new();
            let mut problems = Problems::default();
            super::super::ini::read(&text, Path::new("inventory.ini"), &mut data, &mut problems);
            assert!(problems.0.is_empty(), "{value:?}: {problems}\n{text}");
            let host = &data.hosts[0].vars;
            let group = data.groups.iter().find(|group| group.name == "oms").unwrap();
            for found in [&host["one"], &group.vars["three"]] {
                let read = found.raw.clone().or_else(|| found.value.as_str().map(str::to_owned));
                assert_eq!(read.as_deref(), Some(value), "{text}");
            }
            assert_eq!(host["two"].value, Value::String("x".to_owned()));
        }
    }
}
