//! Python's `shlex.split(text, comments=True)`, character by character: Ansible reads host lines with it. Also used
//! without comments for the argument lists of `ansible_ssh_common_args`.

/// A word and where it begins, in characters from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) offset: usize,
}

/// Why a line cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShlexError {
    #[error("a quotation mark is not closed")]
    NoClosingQuotation,
    #[error("a backslash stands at the end")]
    NoEscapedCharacter,
}

/// Whether `#` begins a comment, also in the middle of a word (as Python has it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comments {
    Cut,
    Keep,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Between,
    Word,
    Quoted(char),
    /// After a backslash, and where it stood.
    Escaped(Option<char>),
}

/// Splits a line into words.
pub(crate) fn split(text: &str, comments: Comments) -> Result<Vec<Token>, ShlexError> {
    let mut tokens = Vec::new();
    let mut state = State::Between;
    let mut word = Token { text: String::new(), offset: 0 };
    let mut skip_line = false;
    for (offset, c) in text.chars().enumerate() {
        if skip_line {
            skip_line = c != '\n';
            continue;
        }
        match state {
            State::Between | State::Word => {
                let between = state == State::Between;
                if between {
                    word.offset = offset;
                }
                match c {
                    ' ' | '\t' | '\r' | '\n' => {}
                    '#' if comments == Comments::Cut => skip_line = true,
                    '\'' | '"' => state = State::Quoted(c),
                    '\\' => state = State::Escaped(None),
                    _ => {
                        word.text.push(c);
                        state = State::Word;
                    }
                }
                let ends = skip_line || matches!(c, ' ' | '\t' | '\r' | '\n');
                if ends && !between {
                    tokens.push(std::mem::replace(&mut word, Token { text: String::new(), offset: 0 }));
                    state = State::Between;
                }
            }
            State::Quoted(quote) => {
                if c == quote {
                    state = State::Word;
                } else if c == '\\' && quote == '"' {
                    state = State::Escaped(Some(quote));
                } else {
                    word.text.push(c);
                }
            }
            State::Escaped(inside) => {
                // Within quotation marks a backslash escapes only itself and the mark.
                if inside.is_some_and(|quote| c != '\\' && c != quote) {
                    word.text.push('\\');
                }
                word.text.push(c);
                state = inside.map_or(State::Word, State::Quoted);
            }
        }
    }
    match state {
        State::Quoted(_) => Err(ShlexError::NoClosingQuotation),
        State::Escaped(_) => Err(ShlexError::NoEscapedCharacter),
        State::Word => {
            tokens.push(word);
            Ok(tokens)
        }
        State::Between => Ok(tokens),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let words: Vec<_> = split(text, Comments::Cut).unwrap().into_iter().map(|token| token.text).collect();
        assert_eq!(words, expected, "{text}");
    }

    #[test]
    fn splits_as_python() {
        check("web1 a=1  b='x y' # c", &["web1", "a=1", "b=x y"]);
        check(r#"h k="a \" b" l="a \n b" m=\ x"#, &["h", r#"k=a " b"#, r"l=a \n b", "m= x"]);
        check("h u=root@oms#cluster x=1", &["h", "u=root@oms"]);
        check("h e=''", &["h", "e="]);
        check("''", &[""]);
        check("# only", &[]);
        assert_eq!(split("a 'b", Comments::Cut), Err(ShlexError::NoClosingQuotation));
        assert_eq!(split("a \\", Comments::Cut), Err(ShlexError::NoEscapedCharacter));
    }

    #[test]
    fn offsets_count_characters() {
        let offsets: Vec<_> =
            split("é b='x' c", Comments::Cut).unwrap().into_iter().map(|token| token.offset).collect();
        assert_eq!(offsets, [0, 2, 8]);
    }
}
