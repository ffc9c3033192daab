//! Python's `ast.literal_eval`, as far as Ansible lets its results through: INI values become numbers, booleans,
//! lists and dictionaries by it, and stay text when it fails.

use serde_json::Value;

use super::python_number;
use super::python_string::{self, PythonText};
use super::python_value::{NoLiteral, Python};

/// Python itself gives up on deeper nesting soon after.
const MAX_DEPTH: usize = 64;

/// The value of a Python literal.
pub(super) fn literal_eval(text: &str) -> Result<Value, NoLiteral> {
    let value = read(text).ok_or(NoLiteral::Text)?;
    value.evaluate()?;
    value.into_json()
}

fn read(text: &str) -> Option<Python> {
    let mut reader = Reader { rest: text.trim_start_matches([' ', '\t']), depth: 0 };
    let first = reader.element()?;
    reader.blank();
    let value = if reader.rest.starts_with(',') { reader.tuple_tail(first)? } else { first };
    reader.blank();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'text> {
    rest: &'text str,
    depth: usize,
}

impl Reader<'_> {
    /// White space and a comment, which Python allows at the end of a line.
    fn blank(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\x0c']);
        if self.rest.starts_with('#') {
            self.rest = "";
        }
    }

    fn eat(&mut self, expected: char) -> Option<()> {
        self.blank();
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    fn peek(&mut self) -> Option<char> {
        self.blank();
        self.rest.chars().next()
    }

    fn element(&mut self) -> Option<Python> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let mut value = self.atom()?;
        while let Some(sign @ ('+' | '-')) = self.peek() {
            value = self.sum(&value, sign == '-')?;
        }
        self.depth -= 1;
        Some(value)
    }

    /// `1 + 2j`; no other sum is a literal.
    fn sum(&mut self, left: &Python, minus: bool) -> Option<Python> {
        self.eat(if minus { '-' } else { '+' })?;
        self.peek()?;
        match (left, self.atom()?) {
            (Python::Number(left, _), Python::Number(right, true)) => {
                let sum = left.with_imaginary(&right, minus);
                Some(sum.map_or(Python::Malformed, |number| Python::Number(number, false)))
            }
            _ => Some(Python::Malformed),
        }
    }

    fn atom(&mut self) -> Option<Python> {
        match self.peek()? {
            '(' => self.parenthesis(),
            '[' => {
                self.eat('[')?;
                self.items(']').map(Python::List)
            }
            '{' => self.braces(),
            '.' if self.rest.starts_with("...") => {
                self.rest = &self.rest[3..];
                Some(Python::Ellipsis)
            }
            '+' | '-' => self.signed(),
            '.' | '0'..='9' => python_number::read(&mut self.rest).map(|number| Python::Number(number, true)),
            _ => self.word(),
        }
    }

    /// Comma separated, up to the closing bracket, which is eaten.
    fn items(&mut self, close: char) -> Option<Vec<Python>> {
        let mut items = Vec::new();
        while self.peek()? != close {
            items.push(self.element()?);
            if self.peek()? != close {
                self.eat(',')?;
            }
        }
        self.eat(close)?;
        Some(items)
    }

    fn parenthesis(&mut self) -> Option<Python> {
        self.eat('(')?;
        if self.peek()? == ')' {
            self.eat(')')?;
            return Some(Python::Tuple(Vec::new()));
        }
        let first = self.element()?;
        if self.peek()? == ')' {
            self.eat(')')?;
            return Some(first);
        }
        self.eat(',')?;
        let mut items = vec![first];
        items.extend(self.items(')')?);
        Some(Python::Tuple(items))
    }

    /// `1, 2` without parentheses; the first value is read already.
    fn tuple_tail(&mut self, first: Python) -> Option<Python> {
        let mut items = vec![first];
        while self.peek() == Some(',') {
            self.eat(',')?;
            if self.peek().is_none() {
                break;
            }
            items.push(self.element()?);
        }
        Some(Python::Tuple(items))
    }

    fn braces(&mut self) -> Option<Python> {
        self.eat('{')?;
        let mut keys = Vec::new();
        let mut entries = Vec::new();
        while self.peek()? != '}' {
            let key = self.element()?;
            if self.peek()? == ':' {
                self.eat(':')?;
                entries.push((key, self.element()?));
            } else {
                keys.push(key);
            }
            if self.peek()? != '}' {
                self.eat(',')?;
            }
        }
        self.eat('}')?;
        if keys.is_empty() {
            return Some(Python::Dict(entries));
        }
        entries.is_empty().then_some(Python::Set(keys))
    }

    fn signed(&mut self) -> Option<Python> {
        let sign = self.peek()?;
        self.eat(sign)?;
        self.peek()?;
        let Python::Number(number, true) = self.atom()? else { return Some(Python::Malformed) };
        Some(Python::Number(if sign == '-' { number.negated() } else { number }, false))
    }

    fn word(&mut self) -> Option<Python> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, after) = self.rest.split_at(end);
        if after.starts_with(['\'', '"']) && string_prefix(name).is_some() {
            return self.strings();
        }
        let value = match name {
            "True" => Python::Bool(true),
            "False" => Python::Bool(false),
            "None" => Python::None,
            "set" => {
                self.rest = after;
                self.eat('(')?;
                self.eat(')')?;
                return Some(Python::Set(Vec::new()));
            }
            _ if is_name(name) => Python::Malformed,
            _ => return None,
        };
        self.rest = after;
        Some(value)
    }

    /// One string or several that follow each other.
    fn strings(&mut self) -> Option<Python> {
        let mut all = PythonText::default();
        let mut kind = None;
        let mut format = false;
        loop {
            let end = self.rest.find(['\'', '"']).unwrap_or(self.rest.len());
            let Some(prefix) = string_prefix(&self.rest[..end]).filter(|_| end < self.rest.len()) else {
                break;
            };
            if *kind.get_or_insert(prefix.bytes) != prefix.bytes {
                return None;
            }
            format |= prefix.format;
            self.rest = &self.rest[end..];
            python_string::read(&mut self.rest, prefix.raw, prefix.bytes, &mut all)?;
            self.blank();
        }
        match (kind?, all.refused) {
            _ if format => Some(Python::Malformed),
            (_, Some(why)) => Some(Python::Unreadable(why)),
            (true, None) => Some(Python::Bytes(all.bytes)),
            (false, None) => String::from_utf8(all.bytes).ok().map(Python::Text),
        }
    }
}

/// A name, and not one of the words that begin or join something.
fn is_name(word: &str) -> bool {
    const KEYWORDS: [&str; 32] = [
        "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
        "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
        "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
    ];
    word.starts_with(|c: char| c.is_alphabetic() || c == '_') && !KEYWORDS.contains(&word)
}

#[derive(Clone, Copy)]
struct StringPrefix {
    raw: bool,
    bytes: bool,
    /// Valid, and no literal.
    format: bool,
}

/// The letters before a quotation mark.
fn string_prefix(letters: &str) -> Option<StringPrefix> {
    match letters.to_ascii_lowercase().as_str() {
        "" | "u" => Some(StringPrefix { raw: false, bytes: false, format: false }),
        "r" => Some(StringPrefix { raw: true, bytes: false, format: false }),
        "b" => Some(StringPrefix { raw: false, bytes: true, format: false }),
        "br" | "rb" => Some(StringPrefix { raw: true, bytes: true, format: false }),
        "f" => Some(StringPrefix { raw: false, bytes: false, format: true }),
        "fr" | "rf" => Some(StringPrefix { raw: true, bytes: false, format: true }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_what_python_reads() {
        let cases = [
            ("5", json!(5)),
            ("-5 # five", json!(-5)),
            ("1_000", json!(1000)),
            ("0x1f", json!(31)),
            ("0o17", json!(15)),
            ("00", json!(0)),
            ("1e5", json!(100_000.0)),
            (".5", json!(0.5)),
            ("True", json!(true)),
            ("None", json!(null)),
            ("'a' \"b\"", json!("ab")),
            (r"'a\tb\x41é\q'", json!("a\tbAé\\q")),
            (r"r'\n'", json!("\\n")),
            ("b'x'", json!({"__ansible_unsafe": "x"})),
            ("[1, 'a', (2, 3), {'k': None},]", json!([1, "a", [2, 3], {"k": null}])),
            ("1, 2", json!([1, 2])),
            ("()", json!([])),
            ("(1)", json!(1)),
            ("{1: 2}", json!({"1": 2})),
            ("{1, 1}", json!([1])),
            ("set()", json!([])),
            ("...", json!("...")),
            ("1.5-2J", json!("(1.5-2j)")),
            ("-(5)", json!(-5)),
            ("1e400", json!("Infinity")),
            ("{1: 'a', True: 'b', 1e16: 'c', None: 'd'}", json!({"1": "b", "1e+16": "c", "null": "d"})),
            ("{1, True, 1.0, 'b'}", json!([1, "b"])),
            (r"b'\xc3\xa9'", json!({"__ansible_unsafe": "é"})),
            (r"'\400'", json!("Ā")),
            ("{}", json!({})),
        ];
        for (text, expected) in cases {
            assert_eq!(literal_eval(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn leaves_the_rest_as_text() {
        let texts = [
            "",
            "abc",
            "true",
            "007",
            "1__0",
            "10.0.0.1",
            "a,b",
            "f'x'",
            "'a",
            "[1",
            "--5",
            "1-2",
            "-(-1)",
            "2j+1",
            "1+2j+3j",
            "'a'+2j",
            "{1: 2, 3}",
            "5 6",
            "'a' b'b'",
            "-True",
            "[,]",
            "1e",
            "0x",
            "_1",
            "not True",
            "{a, [1]}",
            "{[1]: a}",
            "b'é'",
            "1)",
            "{{ x }}",
        ];
        for text in texts {
            assert_eq!(literal_eval(text), Err(NoLiteral::Text), "{text}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        let texts = [
            "{[1]}",
            "{[1]: 2}",
            "{(1, [2]): 3}",
            "{(1, 2): 3}",
            "{b'k': 1}",
            "{2j: 1}",
            r"b'\xff'",
            r"'\ud800'",
            r"'\N{BULLET}'",
        ];
        for text in texts {
            assert!(matches!(literal_eval(text), Err(NoLiteral::Refused(_))), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[-+.0-9a-fxobeEjrRbu_'\"\\\\\\[\\](){}:, #é]{0,30}") {
            let _ = literal_eval(&text);
        }
    }
}
