//! Python's regular expressions, as far as they mean the same here: `--limit` takes them after `~`. Matching takes time
//! in proportion to the text. What only Python's has (look-around, back references) is refused by name.

use regex::{Regex, RegexBuilder};

/// Compiled expressions are small; one that grows beyond this (nested counts) is an accident.
const MAX_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub(super) struct PythonRegex(Regex);

/// Why an expression is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum PythonRegexError {
    #[error("--limit does not take look-around and back references (`(?=`, `(?!`, `(?<`, `\\1`)")]
    Lookaround,
    #[error("--limit has a regular expression that cannot be read")]
    Syntax,
    #[error("--limit has a regular expression that is too large")]
    TooLarge,
}

impl PythonRegex {
    pub(super) fn new(expression: &str) -> Result<Self, PythonRegexError> {
        let translated = translate(expression)?;
        // Python's `match` begins at the begin and may end anywhere.
        let built = RegexBuilder::new(&format!("^(?:{translated})")).size_limit(MAX_BYTES).build();
        match built {
            // Each on its own: `a)(b` must not become valid by what is put around it.
            Ok(regex) if Regex::new(&translated).is_ok() => Ok(Self(regex)),
            Err(regex::Error::CompiledTooBig(_)) => Err(PythonRegexError::TooLarge),
            Ok(_) | Err(_) => Err(PythonRegexError::Syntax),
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// Writes the few things that are written otherwise, and refuses those that only one of the two has.
fn translate(expression: &str) -> Result<String, PythonRegexError> {
    let mut translated = String::with_capacity(expression.len());
    // Within a set of characters, and how many tokens of it came.
    let mut set: Option<usize> = None;
    let mut before = ' ';
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let mut tail = after;
        match (c, set) {
            ('\\', _) => {
                let escaped = after.chars().next().ok_or(PythonRegexError::Syntax)?;
                tail = &after[escaped.len_utf8()..];
                push_escape(escaped, &mut translated)?;
            }
            (']', Some(1..)) => {
                set = None;
                translated.push(c);
            }
            // Sets within sets are Rust's alone.
            ('[' | '&' | '~', Some(_)) => translated.extend(['\\', c]),
            ('[', None) => {
                set = Some(0);
                translated.push(c);
                if let Some(inside) = after.strip_prefix('^') {
                    translated.push('^');
                    tail = inside;
                }
                before = ' ';
                rest = tail;
                continue;
            }
            ('(', None) if ["?=", "?!", "?<", "?P="].iter().any(|begin| after.starts_with(begin)) => {
                return Err(PythonRegexError::Lookaround);
            }
            ('*' | '+', None) if matches!(before, '*' | '+' | '?' | '}') => {
                return Err(PythonRegexError::Syntax);
            }
            _ => translated.push(c),
        }
        before = if c == '\\' { ' ' } else { c };
        set = set.map(|tokens| tokens + 1);
        rest = tail;
    }
    Ok(translated)
}

fn push_escape(escaped: char, translated: &mut String) -> Result<(), PythonRegexError> {
    match escaped {
        'Z' => translated.push_str("\\z"),
        '0'..='9' => return Err(PythonRegexError::Lookaround),
        'A' | 'b' | 'B' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x'
        | 'u' | 'U' => {
            translated.extend(['\\', escaped]);
        }
        '<' | '>' => translated.push(escaped),
        _ if escaped.is_ascii_alphabetic() => return Err(PythonRegexError::Syntax),
        _ if escaped.is_ascii() => translated.extend(['\\', escaped]),
        _ => translated.push(escaped),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_match_from_the_begin_as_in_python() {
        let cases = [
            ("n.*", "n1", true),
            ("n", "n1", true),
            ("1", "n1", false),
            ("n1$", "n12", false),
            ("(web|db)", "db-a", true),
            ("a|n", "xn", false),
            ("[[n]1", "n1", true),
            ("[]n]1", "n1", true),
            ("[^n]1", "n1", false),
            ("(?i)N", "n1", true),
            (r"n\d\Z", "n1", true),
            (r"\<", "<", true),
            ("", "n1", true),
        ];
        for (expression, text, expected) in cases {
            assert_eq!(PythonRegex::new(expression).unwrap().matches(text), expected, "{expression}");
        }
    }

    #[test]
    fn what_only_python_has_is_refused_by_name() {
        for expression in ["(?=a)", "(?<!b)c", r"(n)\1", "(?P<a>n)(?P=a)"] {
            let error = PythonRegex::new(expression).unwrap_err();
            assert!(matches!(error, PythonRegexError::Lookaround), "{expression}");
        }
        for expression in ["[", "a)(b", "*", "a**", r"\p{L}", "\\", "(?P<a"] {
            let error = PythonRegex::new(expression).unwrap_err();
            assert!(matches!(error, PythonRegexError::Syntax), "{expression}");
        }
        let large = PythonRegex::new(r"((\w{50}){50}){50}").unwrap_err();
        assert!(matches!(large, PythonRegexError::TooLarge));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[-\\[\\]^a(?=!<P>)*+{1,}|\\\\dé&~]{0,20}") {
            let _ = PythonRegex::new(&text);
        }
    }
}
