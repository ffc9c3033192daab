//! Python's `ast.literal_eval`, as far as Ansible lets its results through: INI values become numbers, booleans,
//! lists and dictionaries by it, and stay text when it fails.

use serde_json::{Map, Number, Value};

/// Python itself gives up on deeper nesting soon after.
const MAX_DEPTH: usize = 64;

/// The value of a Python literal; `None` when the text is none and so stays text.
pub(crate) fn literal_eval(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text.trim_start_matches([' ', '\t']), depth: 0 };
    let first = reader.element()?;
    reader.blank();
    let value = if reader.rest.starts_with(',') { reader.tuple_tail(first)? } else { first };
    reader.blank();
    reader.rest.is_empty().then(|| value.into_json()).flatten()
}

/// Python's values that differ as keys or in JSON.
#[derive(Debug, Clone, PartialEq)]
enum Python {
    Json(Value),
    List(Vec<Self>),
    Set(Vec<Self>),
    Dict(Vec<(Self, Self)>),
}

impl Python {
    fn into_json(self) -> Option<Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::List(items) | Self::Set(items) => {
                items.into_iter().map(Self::into_json).collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Self::Dict(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let key = match key {
                        Self::Json(Value::String(text)) => text,
                        Self::Json(other) => other.to_string(),
                        // A list as a key is an error in Python, a tuple cannot be JSON.
                        Self::List(_) | Self::Set(_) | Self::Dict(_) => return None,
                    };
                    map.insert(key, value.into_json()?);
                }
                Some(Value::Object(map))
            }
        }
    }
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
        let value = match self.peek()? {
            '(' => self.parenthesis(),
            '[' => {
                self.eat('[')?;
                self.items(']').map(Python::List)
            }
            '{' => self.braces(),
            '.' if self.rest.starts_with("...") => {
                self.rest = &self.rest[3..];
                Some(Python::Json(Value::String("...".to_owned())))
            }
            '+' | '-' | '.' | '0'..='9' => self.signed(),
            _ => self.word(),
        };
        self.depth -= 1;
        value
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
            return Some(Python::List(Vec::new()));
        }
        let first = self.element()?;
        if self.peek()? == ')' {
            self.eat(')')?;
            return Some(first);
        }
        self.eat(',')?;
        let mut items = vec![first];
        items.extend(self.items(')')?);
        Some(Python::List(items))
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
        Some(Python::List(items))
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
        let mut unique: Vec<Python> = Vec::new();
        for key in keys {
            if !unique.contains(&key) {
                unique.push(key);
            }
        }
        entries.is_empty().then_some(Python::Set(unique))
    }

    fn signed(&mut self) -> Option<Python> {
        let negative = match self.peek()? {
            '-' => {
                self.eat('-')?;
                true
            }
            '+' => {
                self.eat('+')?;
                false
            }
            _ => false,
        };
        self.blank();
        number(&mut self.rest, negative).map(Python::Json)
    }

    fn word(&mut self) -> Option<Python> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, after) = self.rest.split_at(end);
        if after.starts_with(['\'', '"']) && string_prefix(name).is_some() {
            return self.strings();
        }
        let value = match name {
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "None" => Value::Null,
            "set" => {
                self.rest = after;
                self.eat('(')?;
                self.eat(')')?;
                return Some(Python::Set(Vec::new()));
            }
            _ => return None,
        };
        self.rest = after;
        Some(Python::Json(value))
    }

    /// One string or several that follow each other.
    fn strings(&mut self) -> Option<Python> {
        let mut all = String::new();
        let mut kind = None;
        loop {
            let end = self.rest.find(['\'', '"']).unwrap_or(self.rest.len());
            let Some(prefix) = string_prefix(&self.rest[..end]).filter(|_| end < self.rest.len()) else {
                break;
            };
            if *kind.get_or_insert(prefix.bytes) != prefix.bytes {
                return None;
            }
            self.rest = &self.rest[end..];
            super::python_string::read(&mut self.rest, prefix.raw, prefix.bytes, &mut all)?;
            self.blank();
        }
        // Ansible does not let templates in, and says so in its list.
        let value = |bytes: bool| {
            if bytes { serde_json::json!({ "__ansible_unsafe": all }) } else { Value::String(all) }
        };
        kind.map(|bytes| Python::Json(value(bytes)))
    }
}

#[derive(Clone, Copy)]
struct StringPrefix {
    raw: bool,
    bytes: bool,
}

/// The letters before a quotation mark; `f` strings are no literals.
fn string_prefix(letters: &str) -> Option<StringPrefix> {
    match letters.to_ascii_lowercase().as_str() {
        "" | "u" => Some(StringPrefix { raw: false, bytes: false }),
        "r" => Some(StringPrefix { raw: true, bytes: false }),
        "b" => Some(StringPrefix { raw: false, bytes: true }),
        "br" | "rb" => Some(StringPrefix { raw: true, bytes: true }),
        _ => None,
    }
}

fn number(rest: &mut &str, negative: bool) -> Option<Value> {
    let end = number_end(rest);
    let (text, after) = rest.split_at(end);
    *rest = after;
    let lower = text.to_ascii_lowercase();
    let radix = match lower.get(..2) {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 10,
    };
    if radix != 10 {
        // An underscore may follow the prefix directly.
        let digits = without_underscores(lower[2..].strip_prefix('_').unwrap_or(&lower[2..]), radix)?;
        return integer(i128::from_str_radix(&digits, radix).ok()?, negative);
    }
    if lower.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        let digits = without_underscores(&lower, 10)?;
        // `007` is an error, `000` is zero.
        if digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0') {
            return None;
        }
        return match digits.parse() {
            Ok(magnitude) => integer(magnitude, negative),
            Err(_) => Number::from_f64(digits.parse().ok()?).map(Value::Number),
        };
    }
    let (mantissa, exponent) = lower.split_once('e').map_or((lower.as_str(), None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let parts = [whole, fraction, exponent.map_or("0", |e| e.strip_prefix(['+', '-']).unwrap_or(e))];
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    for (index, part) in parts.into_iter().enumerate() {
        if !(part.is_empty() && index < 2) {
            without_underscores(part, 10)?;
        }
    }
    let value: f64 = lower.replace('_', "").parse().ok()?;
    Number::from_f64(if negative { -value } else { value }).map(Value::Number)
}

/// Numbers beyond 64 bits lose digits here, as they do in every JSON reader.
fn integer(magnitude: i128, negative: bool) -> Option<Value> {
    let value = if negative { -magnitude } else { magnitude };
    crate::yaml::json_integer(value).map(Value::Number)
}

/// Digits of the base with single underscores between them.
fn without_underscores(text: &str, radix: u32) -> Option<String> {
    let mut parts = text.split('_');
    parts
        .all(|part| !part.is_empty() && part.chars().all(|c| c.is_digit(radix)))
        .then(|| text.replace('_', ""))
}

/// Where the token of a number ends, valid or not.
fn number_end(text: &str) -> usize {
    let mut before = '\0';
    let hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    for (position, c) in text.char_indices() {
        let sign_of_exponent = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !hexadecimal;
        if !(c.is_alphanumeric() || c == '_' || c == '.' || sign_of_exponent) {
            return position;
        }
        before = c;
    }
    text.len()
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
            ("{}", json!({})),
        ];
        for (text, expected) in cases {
            assert_eq!(literal_eval(text), Some(expected), "{text}");
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
            "{1: 2, 3}",
            "5 6",
            "'a' b'b'",
            "-True",
            "[,]",
            "1e",
            "0x",
            "_1",
            "not True",
            "b'é'",
            "1)",
            "{{ x }}",
        ];
        for text in texts {
            assert_eq!(literal_eval(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[-+.0-9a-fxobeEjrRbu_'\"\\\\\\[\\](){}:, #é]{0,30}") {
            let _ = literal_eval(&text);
        }
    }
}
