//! Values of INI inventories: words, Python's literals of every kind, and texts that nearly are literals.

use super::Maker;

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-5",
    "+5",
    "- 5",
    "--5",
    "007",
    "000",
    "1_000",
    "1__0",
    "_1",
    "0x1F",
    "0X_1f",
    "0o17",
    "0b101",
    "0b12",
    "1.5",
    ".5",
    "5.",
    "1e5",
    "1E-3",
    "1e400",
    "-1e400",
    "1_0.0_1",
    "2j",
    "1+2j",
    "-1.5-2j",
    "2J+1",
    "9223372036854775807",
    "9223372036854775808",
    "123456789012345678901234567890",
    "18446744073709551616",
    "-9223372036854775809",
    "0.1",
    "1e16",
    "100000000000000000000.0",
    "1e-7",
    "00.5",
    "1.2.3",
    "0x",
    "1e",
    "5 6",
    "-0",
    "-0.0",
];
const CONSTANTS: &[&str] = &[
    "True", "False", "None", "true", "no", "yes", "null", "-True", "...", "Ellipsis", "set()", "set( )",
    "nan",
];
const STRINGS: &[&str] = &[
    "'a'",
    "\"b c\"",
    "''",
    "'a' 'b'",
    "'a'\"b\"",
    "u'x'",
    "U'x'",
    "r'\\n'",
    "b'x'",
    "br'\\x'",
    "Rb'q'",
    "f'x'",
    "ur'x'",
    "b'é'",
    "'é'",
    r"'\t\x41\101\u00e9'",
    r"'\q'",
    r"'\'",
    "'''a'''",
    "'''a'b'''",
    "\"\"\"a\"\"\"",
    "'a' b'b'",
    r"'\x4'",
    r"b'\xc3\xa9'",
    r"'\0'",
    r"'\400'",
    "('a')",
    "'a'.upper()",
    "'{{ x }}'",
    "'a' # c",
    "'a'#c",
    "'a';",
    r"'\U0001F600'",
    r"b'\u0041'",
    "'a''b'",
    r"'\777'",
    "'%s' % 1",
];
const BROKEN: &[&str] = &[
    "[1",
    "(1,",
    "{1:",
    "[,]",
    "[1,,2]",
    "(,)",
    "{,}",
    "{1: 2, 3}",
    "{'a'}",
    "a",
    "[a]",
    "{a: 1}",
    "{'a': b}",
    "1,",
    "1, 2",
    ",1",
    "()",
    "(1)",
    "((1,),)",
    "{[1]: 2}",
    "{(1, 2): 3}",
    "{None: 1}",
];
/// What Python takes and omsctl refuses by name.
const REFUSED: &[&str] = &[r"'\ud800'", r"b'\xff'", r"'\N{BULLET}'"];
/// Valid Python that is no literal; only as whole values, since Python decides by the order within others.
const EXPRESSIONS: &[&str] = &[
    "{1: 2, **{}}",
    "[*[1]]",
    "1 if 1 else 2",
    "1 < 2",
    "not True",
    "'a'.upper()",
    "'%s' % 1",
    "a[0]",
    "lambda: 1",
];
const WORDS: &[&str] = &[
    "word",
    "root@oms#cluster",
    "a b",
    "{{ other }}",
    "{{ x }}-{{ y }}",
    "{% if a %}",
    "/data/oms",
    "10.0.0.1",
    "~/.ssh/id",
    "a=b",
    "=",
    "",
    "a#b",
    "a # b",
    "a;b",
    "\\",
    "C:\\temp",
    "$HOME",
    "é",
    "日本",
    "a\\ b",
    "-o ProxyCommand='ssh -W %h:%p j'",
    "[x",
    "x]",
    "!vault",
    "*",
    "&a",
    "%",
    "'open",
    "\"open",
];

impl Maker<'_> {
    /// Text after `=`, as it shall reach the reader of values.
    pub(super) fn value(&mut self) -> String {
        match self.rng.u32(0..20) {
            0..=5 => self.pick(WORDS).to_owned(),
            6..=8 => {
                self.feature("literal: number");
                self.pick(NUMBERS).to_owned()
            }
            9..=10 => {
                self.feature("literal: constant");
                self.pick(CONSTANTS).to_owned()
            }
            11..=12 => {
                self.feature("literal: string");
                if self.once_in(30) { self.pick(REFUSED) } else { self.pick(STRINGS) }.to_owned()
            }
            13..=16 => {
                self.feature("literal: collection");
                self.literal(3)
            }
            17 => {
                self.feature("literal: broken");
                if self.once_in(3) { self.pick(EXPRESSIONS) } else { self.pick(BROKEN) }.to_owned()
            }
            18 => {
                let value = self.literal(2);
                let (before, after) = (
                    self.pick(&["", "", " ", "  ", "\t"]),
                    self.pick(&[" # c", "#c", " ;", " x", ",", " ", ")"]),
                );
                format!("{before}{value}{after}")
            }
            _ => self.scramble(),
        }
    }

    /// Mostly valid.
    fn literal(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.rng.u32(0..10) {
                0..=3 => self.pick(NUMBERS).to_owned(),
                4..=7 => self.pick(&STRINGS[..12]).to_owned(),
                8 => self.pick(CONSTANTS).to_owned(),
                _ => self.pick(BROKEN).to_owned(),
            };
        }
        let (open, close) = match self.rng.u32(0..12) {
            0..=3 => ("[", "]"),
            4..=5 => ("(", ")"),
            6..=7 => ("{", "}"),
            8..=10 => return self.dictionary(depth),
            _ => return self.literal(0),
        };
        let length = self.up_to(3);
        let mut items = Vec::new();
        for _ in 0..length {
            // A set takes no lists: that is an error of the whole file.
            let deepest = if open == "{" && !self.once_in(8) { 0 } else { depth - 1 };
            let depth = self.up_to(deepest);
            items.push(self.literal(depth));
        }
        let separator = self.pick(&[", ", ",", " , "]);
        let tail = self.pick(&["", "", "", ","]);
        format!("{open}{}{tail}{close}", items.join(separator))
    }

    fn dictionary(&mut self, depth: usize) -> String {
        let mut entries = Vec::new();
        for _ in 0..self.up_to(3) {
            let key = match self.rng.u32(0..10) {
                0..=6 => self.pick(&["'a'", "'b'", "\"c d\"", "'é'"]).to_owned(),
                7 => self.pick(&["1", "1.0", "True", "None", "1.5", "-2", "1e16", "'1'", "0"]).to_owned(),
                8 if self.once_in(6) => self
                    .pick(&["b'k'", "(1,)", "()", "...", "2j", "[1]", "10000000000000000000000"])
                    .to_owned(),
                _ => self.literal(0),
            };
            let depth = self.up_to(depth - 1);
            let separator = self.pick(&[": ", ":", " : "]);
            let value = self.literal(depth);
            entries.push(format!("{key}{separator}{value}"));
        }
        format!("{{{}}}", entries.join(", "))
    }

    /// A literal with one character changed.
    fn scramble(&mut self) -> String {
        let mut characters: Vec<char> = self.literal(2).chars().collect();
        let other = self.pick(&[
            "'", "\"", "\\", "(", "]", "{", ",", ":", " ", "#", "-", ".", "_", "b", "0", "é", "+", "j",
        ]);
        let position = self.up_to(characters.len().saturating_sub(1));
        match self.rng.u32(0..3) {
            0 if !characters.is_empty() => {
                characters.remove(position);
            }
            1 => characters.splice(position..position, other.chars()).for_each(drop),
            _ if !characters.is_empty() => {
                characters.splice(position..=position, other.chars()).for_each(drop);
            }
            _ => {}
        }
        characters.into_iter().collect()
    }
}
