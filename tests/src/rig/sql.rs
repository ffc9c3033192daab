//! Text of the MySQL client: what goes in quoted, what comes out in batch mode. Pure.

/// A string literal of SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', "''"))
}

/// A quoted name of SQL.
pub(super) fn name(text: &str) -> String {
    format!("`{}`", text.replace('`', "``"))
}

/// The rows of `mysql --batch --skip-column-names`; `None` is NULL (a text of those four letters reads as NULL too).
pub(super) fn rows(batch: &str) -> Vec<Vec<Option<String>>> {
    let field = |text: &str| (text != "NULL").then(|| unescaped(text));
    batch.lines().map(|line| line.split('\t').map(field).collect()).collect()
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        let meant = match (next, next == '\\') {
            (_, true) => match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('0') => '\0',
                Some(other) => other,
                None => '\\',
            },
            (other, false) => other,
        };
        plain.push(meant);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hard_characters() {
        assert_eq!(literal(r"a'b\c"), r"'a''b\\c'");
        assert_eq!(name("a`b"), "`a``b`");
    }

    #[test]
    fn reads_a_batch() {
        let expected = vec![
            vec![Some("1".to_owned()), None, Some("a\tb".to_owned())],
            vec![Some("2".to_owned()), Some(r#"{"x":"\"y"}"#.to_owned()), Some(String::new())],
        ];
        assert_eq!(rows("1\tNULL\ta\\tb\n2\t{\"x\":\"\\\\\"y\"}\t\n"), expected);
    }
}
