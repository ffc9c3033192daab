//! YAML inventories, and mappings of variables for `group_vars/` and `host_vars/`: blocks and flow, anchors and merges,
//! tags, shapes that Ansible skips or refuses.

use std::fmt::Write;

use super::Maker;

const SCALARS: &[&str] = &[
    "1",
    "-5",
    "0123",
    "0x1f",
    "1.5",
    "1e3",
    "1.0e+3",
    "yes",
    "No",
    "on",
    "true",
    "~",
    "null",
    "",
    "word",
    "two words",
    "'single'",
    "'it''s'",
    "\"double\"",
    "\"a\\tb\\u00e9\"",
    "'{{ x }}'",
    "\"{{ x }}\"",
    "2023-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "12:30:45",
    "1_000",
    "0o17",
    "!!str 5",
    "!!int \"5\"",
    "!unsafe '{{ x }}'",
    "[a, 1, yes]",
    "{k: v, 2: x}",
    "[]",
    "{}",
    "[[1], {a: [b]}]",
    "a#b",
    "a # b",
    "'#'",
    "10.0.0.1",
    "1.2.3",
    "é",
    "日本",
    "9223372036854775808",
    "-0",
    "!!bool 'yes'",
    "0b101",
    "'0123'",
];

impl Maker<'_> {
    pub(super) fn yaml(&mut self) -> String {
        self.feature("yaml");
        let mut text = self.pick(&["", "---\n", "# c\n---\n", "%YAML 1.1\n---\n"]).to_owned();
        if self.once_in(50) {
            self.feature("yaml: odd shape");
            text.push_str(self.pick(&[
                "",
                "~\n",
                "- a\n",
                "word\n",
                "{}\n",
                "a: b: c\n",
                "plugin: x\n",
                "plugin:\nall:\n",
                "5: {}\n",
                "all:\n\thosts:\n",
                "a: 1\n--- \nb: 2\n",
                "? [a]\n: {}\n",
                "'':\n",
                "~:\n",
                "true:\n",
                "all: &a\n  children: {x: *a}\n",
            ]));
            return text;
        }
        let mut written = Vec::new();
        for _ in 0..=self.up_to(2) {
            let group = if self.once_in(2) { "all".to_owned() } else { self.group() };
            // A key that is written twice is taken with a warning; some are wanted.
            if !written.contains(&group) || self.once_in(8) {
                self.yaml_group(&group, 0, 3, &mut text);
                written.push(group);
            }
        }
        text
    }

    fn yaml_group(&mut self, name: &str, indent: usize, depth: usize, text: &mut String) {
        let pad = " ".repeat(indent);
        let _ = write!(text, "{pad}{}:", self.key(name));
        if self.once_in(10) {
            text.push_str(self.pick(&[" {}\n", "\n", " ~\n", " # c\n"]));
            return;
        }
        if self.once_in(60) {
            self.feature("yaml: odd shape");
            text.push_str(self.pick(&[
                " word\n",
                " []\n",
                " 5\n",
                " {hosts: n1}\n",
                " {hosts: [n1]}\n",
                " {children: oms}\n",
                " {vars: 5}\n",
                " {hosts: {n1: 5}}\n",
                " {host: {n1: }}\n",
                " {hosts: {5: }}\n",
                " {vars: x}\n",
                " {hosts: {n1: []}}\n",
                " {hosts: {n1: ''}}\n",
                " {hosts: yes}\n",
                " {children: {5: }}\n",
                " {hosts: {n1: 0}}\n",
                " {hosts: {yes: }}\n",
                " {hosts: {1.5: }}\n",
                " {hosts: {~: }}\n",
                " {other: {}}\n",
                " {other: x}\n",
                " {vars: {5: x, yes: y, ~: z}}\n",
                " {hosts: {n1: {5: x}}}\n",
            ]));
            return;
        }
        text.push('\n');
        let before = text.len();
        for section in ["hosts", "vars", "children"] {
            let wanted = match section {
                "children" => depth > 0 && self.once_in(2),
                _ => self.once_in(2),
            };
            if wanted {
                self.yaml_section(section, name, indent + 2, depth, text);
            }
        }
        if text.len() == before {
            let _ = writeln!(text, "{pad}  vars:");
        }
    }

    fn yaml_section(&mut self, section: &str, parent: &str, indent: usize, depth: usize, text: &mut String) {
        let pad = " ".repeat(indent);
        let _ = writeln!(text, "{pad}{section}:");
        match section {
            "hosts" => {
                for _ in 0..self.up_to(3) {
                    let host = self.host_pattern();
                    let _ = write!(text, "{pad}  {}:", self.key(&host));
                    self.variables_after_colon(indent + 4, text);
                }
            }
            "vars" => self.variables(indent + 2, text),
            _ => {
                self.feature("yaml: children");
                for _ in 0..self.up_to(2) {
                    let child = self.group();
                    if (child.as_str() > parent || parent == "all") && child != "all" || self.once_in(40) {
                        self.yaml_group(&child, indent + 2, depth - 1, text);
                    }
                }
            }
        }
    }

    fn variables_after_colon(&mut self, indent: usize, text: &mut String) {
        if self.once_in(2) {
            text.push('\n');
            return;
        }
        if self.once_in(4) {
            self.feature("yaml: flow");
            let (name, value) = (self.variable_name(), self.pick(&["1", "'x'", "[1, 2]", "{k: v}", "yes"]));
            let _ = writeln!(text, " {{{}: {value}, b: }}", self.key(&name));
            return;
        }
        text.push('\n');
        self.variables(indent, text);
    }

    /// Lines of names and values; may be none.
    pub(super) fn variables(&mut self, indent: usize, text: &mut String) {
        let pad = " ".repeat(indent);
        let mut anchor = false;
        for _ in 0..self.up_to(4) {
            let name = self.variable_name();
            let key = self.key(&name);
            let value = if name == "ansible_group_priority" {
                self.pick(&["1", "3", "'10'", "2"]).to_owned()
            } else {
                self.yaml_value(indent)
            };
            let _ = writeln!(text, "{pad}{key}: {value}");
            if !anchor && self.once_in(10) {
                self.feature("yaml: merge");
                anchor = true;
                let id = self.rng.u16(..);
                let _ = writeln!(
                    text,
                    "{pad}deep: &d{id}\n{pad}  k: 1\n{pad}  l: [x]\n{pad}more:\n{pad}  <<: *d{id}\n{pad}  k: 2\n{pad}again: *d{id}"
                );
            }
        }
    }

    fn yaml_value(&mut self, indent: usize) -> String {
        if self.once_in(25) {
            return self.vault_value(indent + 2);
        }
        match self.rng.u32(0..16) {
            0..=9 => {
                let scalar = self.pick(SCALARS);
                if scalar.starts_with('!') {
                    self.feature("yaml: tag");
                }
                scalar.to_owned()
            }
            10 => {
                let pad = " ".repeat(indent + 2);
                let style = self.pick(&["|", "|-", ">", ">-", "|+"]);
                format!("{style}\n{pad}line one\n{pad}line {{{{ two }}}}\n")
            }
            11..=12 => {
                let pad = " ".repeat(indent + 2);
                let (one, two) = (self.pick(SCALARS), self.pick(SCALARS));
                format!("\n{pad}k: {one}\n{pad}l: {two}")
            }
            13..=14 => {
                let pad = " ".repeat(indent + 2);
                let (one, two) = (self.pick(SCALARS), self.pick(SCALARS));
                format!("\n{pad}- {one}\n{pad}- m: {two}")
            }
            _ => {
                let value = self.value();
                format!("'{}'", value.replace('\'', "''"))
            }
        }
    }

    /// A key, quoted where it must be and sometimes where it need not.
    fn key(&mut self, name: &str) -> String {
        let plain = name.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c))
            && !name.starts_with('-')
            && !name.ends_with('-')
            && !name.is_empty();
        if plain && !self.once_in(8) { name.to_owned() } else { format!("'{}'", name.replace('\'', "''")) }
    }
}
