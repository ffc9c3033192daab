//! The lines of an `ssh_config`: a keyword and its arguments, with their place.

use super::ConfigError;

/// One setting as it was written. The keyword is in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub keyword: String,
    pub arguments: Vec<String>,
    pub place: String,
}

/// All lines of a file that say something.
pub(super) fn parse(text: &str, file: &str) -> Result<Vec<Line>, ConfigError> {
    let lines = text.lines().enumerate();
    lines.filter_map(|(index, text)| parse_line(text, &format!("{file}:{}", index + 1)).transpose()).collect()
}

/// One line: `Keyword argument…`, `Keyword=argument`, `# comment` or nothing.
pub(super) fn parse_line(text: &str, place: &str) -> Result<Option<Line>, ConfigError> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(text.len());
    let (keyword, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    let keyword = keyword.trim_matches('"').to_ascii_lowercase();
    let error = |reason: String| ConfigError { place: place.to_owned(), reason };
    // The rest of the line is one shell command.
    let arguments = if keyword == "proxycommand" || keyword == "localcommand" || keyword == "remotecommand" {
        vec![rest.to_owned()]
    } else {
        words(rest).ok_or_else(|| error("a quotation mark is not closed".to_owned()))?
    };
    if arguments.first().is_none_or(String::is_empty) {
        return Err(error(format!("{keyword} has no value")));
    }
    Ok(Some(Line { keyword, arguments, place: place.to_owned() }))
}

/// Words between white space, with quotation marks and comments as ssh reads them. `None`: a quote is open.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
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
                    word.extend(characters.next())
                }
                Some('\\') if quote.is_none() && characters.peek() == Some(&' ') => {
                    word.extend(characters.next())
                }
                Some(c) if quote == Some(c) => quote = None,
                Some(c @ ('"' | '\'')) if quote.is_none() => quote = Some(c),
                Some(c) if quote.is_none() && c.is_whitespace() => break,
                Some(c) => word.push(c),
            }
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, keyword: &str, arguments: &[&str]) {
        let line = parse_line(text, "f:1").unwrap().unwrap();
        assert_eq!(
            (line.keyword.as_str(), line.arguments),
            (keyword, arguments.iter().map(|a| (*a).to_owned()).collect())
        );
    }

    #[test]
    fn a_line_is_a_keyword_and_words() {
        check("Port 22", "port", &["22"]);
        check("  Port=22", "port", &["22"]);
        check("port = 22  # why", "port", &["22"]);
        check("Host a  *.b !c", "host", &["a", "*.b", "!c"]);
        check("IdentityFile \"~/my keys/id\"", "identityfile", &["~/my keys/id"]);
        check("IdentityFile ~/my\\ keys/id", "identityfile", &["~/my keys/id"]);
        check("ProxyCommand ssh -W \"%h:%p\" b # no", "proxycommand", &["ssh -W \"%h:%p\" b # no"]);
        assert_eq!(parse_line("   # nothing", "f:1"), Ok(None));
    }

    #[test]
    fn errors_have_a_place() {
        let check = |text: &str, expected: &str| {
            assert_eq!(parse(text, "config").unwrap_err().to_string(), expected);
        };
        check("Port 22\nUser", "config:2: user has no value");
        check("\n\nUser \"x", "config:3: a quotation mark is not closed");
    }
}
