//! INI inventories: sections, host lines, variables, comments, and lines that are nearly that.

use super::Maker;

const ODD_LINES: &[&str] = &[
    "[oms",
    "[oms:hosts]",
    "[oms:var]",
    "[a b]",
    "[oms] # c",
    "[oms]#c",
    "[oms] ; c",
    "[oms]x",
    "[]",
    "[:children]",
    "[oms:]",
    "  [oms]",
    "[oms:children]  # x",
    "---",
    "n1:",
    "n1 word",
    "n1 a='x",
    "n1 a=\\",
    "n1 =x",
    "n1 a = b",
    "n1 a=b#c",
    "n1;a=1",
    "n1 #a=1",
    "=",
    "#",
    ";",
    "\u{feff}n1",
    "n1\u{a0}a=1",
    "n1\u{2028}n2",
    "\u{c}",
    "'n1' a=1",
    "\"n 2\" a=1",
    "''",
    "n1\ta=1",
];

impl Maker<'_> {
    pub(super) fn ini(&mut self) -> String {
        self.feature("ini");
        let end = if self.once_in(12) { self.pick(&["\r\n", "\r", "\n\n"]) } else { "\n" };
        let mut lines = Vec::new();
        if self.once_in(2) {
            self.host_lines(&mut lines);
        }
        for _ in 0..=self.up_to(4) {
            self.section(&mut lines);
        }
        // Most groups that were named as children are declared, so that most files are valid.
        if !self.once_in(50) {
            for group in self.groups.clone() {
                lines.push(format!("[{group}]"));
            }
        }
        if self.once_in(20) {
            self.feature("ini: odd line");
            let line = self.pick(ODD_LINES).to_owned();
            let position = self.up_to(lines.len());
            lines.insert(position, line);
        }
        let mut text = lines.join(end);
        if !self.once_in(6) {
            text.push_str(end);
        }
        if self.once_in(40) {
            text.insert(0, '\u{feff}');
        }
        text
    }

    fn section(&mut self, lines: &mut Vec<String>) {
        let group = self.group();
        let comment = if self.once_in(6) { self.pick(&[" # c", "#c", "  ", "\t# [x]"]) } else { "" };
        match self.rng.u32(0..10) {
            0..=4 => {
                let kind = if self.once_in(10) { ":hosts" } else { "" };
                lines.push(format!("[{group}{kind}]{comment}"));
                self.host_lines(lines);
            }
            5..=6 => {
                self.feature("ini: children");
                lines.push(format!("[{group}:children]{comment}"));
                for _ in 0..self.up_to(3) {
                    let mut child = self.group();
                    // A loop is an error; some are wanted.
                    if (child <= group || child == "all") && !self.once_in(25) {
                        continue;
                    }
                    if self.once_in(30) {
                        child.push_str(self.pick(&[" # c", "#c", " x", ":y", "  ", "]", " #", "\t"]));
                    }
                    lines.push(child);
                }
            }
            _ => {
                self.feature("ini: vars");
                lines.push(format!("[{group}:vars]{comment}"));
                for _ in 0..self.up_to(4) {
                    let line = self.variable_line();
                    lines.push(line);
                }
            }
        }
    }

    fn variable_line(&mut self) -> String {
        let (name, value) = (self.variable_name(), self.value());
        let priority = name == "ansible_group_priority" && !self.once_in(25);
        let value = if priority {
            self.pick(&["1", "2", "10", "-1", "'3'", "0", "True", "1.9", "' 4 '", "1_0"]).to_owned()
        } else {
            value
        };
        let equals = self.pick(&["=", "=", "=", " = ", "= ", " ="]);
        if self.once_in(25) {
            self.feature("ini: comment");
            return self.pick(&["# c", "; c", "#a=1", "  # c"]).to_owned();
        }
        if self.once_in(150) { name } else { format!("{name}{equals}{value}") }
    }

    fn host_lines(&mut self, lines: &mut Vec<String>) {
        for _ in 0..self.up_to(4) {
            if self.once_in(12) {
                self.feature("ini: comment");
                lines.push(self.pick(&["# c", "; c = d", "", "   ", "#n9 a=1"]).to_owned());
            }
            let mut line = self.pick(&["", "", "", "", " ", "\t"]).to_owned();
            line.push_str(&self.host_pattern());
            for _ in 0..self.up_to(3) {
                let assignment = self.assignment();
                line.push_str(self.pick(&[" ", " ", "  ", "\t"]));
                line.push_str(&assignment);
            }
            if self.once_in(8) {
                self.feature("ini: comment");
                line.push_str(self.pick(&[" # c", " #", "#c=1", " # a=1"]));
            }
            lines.push(line);
        }
    }

    /// `name=value` on a host's line, quoted so that mostly the whole value arrives.
    fn assignment(&mut self) -> String {
        let (name, value) = (self.variable_name(), self.value());
        let value = if name == "ansible_group_priority" { "5".to_owned() } else { value };
        let quoted = match self.rng.u32(0..12) {
            0..=1 if !value.contains([' ', '\t', '\'', '"', '\\']) || self.once_in(12) => value,
            2..=5 => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
            6..=9 => format!("'{}'", value.replace('\'', "'\"'\"'")),
            10 => return format!("\"{name}={}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
            _ => value.chars().flat_map(|c| ['\\', c]).collect(),
        };
        self.feature("ini: quoted value");
        format!("{name}={quoted}")
    }
}
