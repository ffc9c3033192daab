//! The lines of an `ssh_config`: a keyword and what follows it, split as ssh does it (its `strdelim` and `argv_split`).

/// What ssh skips around a keyword.
const WHITE: [char; 4] = [' ', '\t', '\r', '\n'];

/// One line that says something. The keyword is in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub keyword: String,
    /// Everything after the keyword, as it was written.
    pub rest: String,
    /// The words of it, without quotation marks and comment.
    pub words: Vec<String>,
    /// `file:line`.
    pub place: String,
}

/// One line: `Keyword argument…`, `Keyword=argument`, `# comment` or nothing. The error says what is wrong.
pub(super) fn parse(text: &str, place: &str) -> Result<Option<Line>, String> {
    // ssh reads C strings: nothing after a NUL is seen.
    let text = text.split('\0').next().unwrap_or_default();
    let text = text.trim_end_matches(|c| WHITE.contains(&c) || c == '\u{c}');
    let (mut keyword, mut rest) = delimit(text);
    if keyword.as_deref() == Some("")
        && let Some(after) = rest
    {
        (keyword, rest) = delimit(after);
    }
    let Some(keyword) = keyword.filter(|word| !word.is_empty() && !word.starts_with('#')) else {
        return Ok(None);
    };
    let keyword = keyword.to_ascii_lowercase();
    let rest = rest.unwrap_or_default().trim_start_matches(WHITE);
    if rest.is_empty() {
        return Err(format!("{keyword} has no value"));
    }
    let words = words(rest).ok_or("a quotation mark is not closed")?;
    Ok(Some(Line { keyword, rest: rest.to_owned(), words, place: place.to_owned() }))
}

/// The first word up to white space, a quotation mark's end or `=`, and the rest. `None` for the word: a quotation mark
/// is open.
pub(super) fn delimit(text: &str) -> (Option<String>, Option<&str>) {
    let Some(at) = text.find(|c| WHITE.contains(&c) || c == '"' || c == '=') else {
        return (Some(text.to_owned()), None);
    };
    let (before, after) = (&text[..at], &text[at + 1..]);
    match text.as_bytes()[at] {
        b'"' => match after.split_once('"') {
            Some((quoted, rest)) => (Some(format!("{before}{quoted}")), Some(rest.trim_start_matches(WHITE))),
            None => (None, None),
        },
        b'=' => (Some(before.to_owned()), Some(after.trim_start_matches(WHITE))),
        _ => {
            let rest = after.trim_start_matches(WHITE);
            let rest = rest.strip_prefix('=').map_or(rest, |rest| rest.trim_start_matches(WHITE));
            (Some(before.to_owned()), Some(rest))
        }
    }
}

/// Words between blanks, up to a comment. `None`: a quotation mark is open.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let blank = |c: &char| matches!(c, ' ' | '\t');
    let mut words = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(blank).is_some() {}
        match characters.peek() {
            None | Some('#') => return Some(words),
            Some(_) => {}
        }
        let mut word = String::new();
        let mut quote = None;
        loop {
            match characters.next() {
                None if quote.is_some() => return None,
                None => break,
                Some('\\') if matches!(characters.peek(), Some('"' | '\'' | '\\')) => {
                    word.extend(characters.next());
                }
                Some('\\') if quote.is_none() && characters.peek() == Some(&' ') => {
                    word.extend(characters.next());
                }
                Some(c) if quote == Some(c) => quote = None,
                Some(c @ ('"' | '\'')) if quote.is_none() => quote = Some(c),
                Some(c) if quote.is_none() && blank(&c) => break,
                Some(c) => word.push(c),
            }
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, keyword: &str, words: &[&str]) {
        let line = parse(text, "f:1").unwrap().unwrap();
        assert_eq!(
            (line.keyword.as_str(), line.words),
            (keyword, words.iter().map(|a| (*a).to_owned()).collect())
        );
    }

    #[test]
    fn a_line_is_a_keyword_and_words() {
        check("Port 22", "port", &["22"]);
        check("  Port=22", "port", &["22"]);
        check("port = 22  # why", "port", &["22"]);
        check("\"Port\" 22\r\n", "port", &["22"]);
        check("=Port 22", "port", &["22"]);
        check("Host a  *.b !c", "host", &["a", "*.b", "!c"]);
        check("IdentityFile \"~/my keys/id\"", "identityfile", &["~/my keys/id"]);
        check("IdentityFile ~/my\\ keys/id", "identityfile", &["~/my keys/id"]);
        check("User a#b", "user", &["a#b"]);
        check("Host # nobody", "host", &[]);
        let command = parse("ProxyCommand = ssh -W \"%h:%p\" b # no", "f:1").unwrap().unwrap();
        assert_eq!(command.rest, "ssh -W \"%h:%p\" b # no");
        for nothing in ["   # nothing", "", "  \t", "Po\"rt 22", "\0Port 1"] {
            assert_eq!(parse(nothing, "f:1"), Ok(None), "{nothing:?}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        assert_eq!(parse("User", "f:2"), Err("user has no value".to_owned()));
        assert_eq!(parse("User \"x", "f:3"), Err("a quotation mark is not closed".to_owned()));
    }
}
