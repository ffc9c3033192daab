//! Patterns with `*`, `?` and `!`, as `ssh_config` and `known_hosts` have them.

/// Whether the text matches the pattern; letters as they are.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on after the last star took one more byte.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t + 1));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => match retry {
                Some((after_star, next)) => {
                    (p, t) = (after_star, next);
                    retry = Some((after_star, next + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Whether one of the patterns matches and none with a `!` before it does.
pub(crate) fn matches_list<'a>(patterns: impl IntoIterator<Item = &'a str>, text: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(negated, text) => return false,
            Some(_) => {}
            None => found |= matches(pattern, text),
        }
    }
    found
}

/// As [`matches_list`], with the patterns between commas and no difference between capital and small letters.
pub(crate) fn matches_host(patterns: &str, host: &str) -> bool {
    let patterns = patterns.to_ascii_lowercase();
    matches_list(patterns.split(','), &host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        };
        check("*", "", true);
        check("a*c", "abbc", true);
        check("a*c", "abbcd", false);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("*.example.*", "n1.example.net", true);
        check("*a*b*c", "xxaxxbxxc", true);
        check("", "x", false);
        check(&"*a".repeat(40), &"b".repeat(4000), false);
    }

    #[test]
    fn a_negated_pattern_wins_wherever_it_stands() {
        let check = |patterns: &[&str], text: &str, expected: bool| {
            assert_eq!(matches_list(patterns.iter().copied(), text), expected, "{patterns:?} {text}");
        };
        check(&["*", "!bad"], "bad", false);
        check(&["!bad", "*"], "good", true);
        check(&["!bad"], "good", false);
    }
}
