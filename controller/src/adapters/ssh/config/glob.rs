//! The files that a path with `*`, `?` and `[…]` stands for, as `glob(3)` finds them.

use std::path::{Path, PathBuf};

/// Files by name, each part of the path sorted; hidden ones only when the pattern begins with their dot. A path without
/// wildcards stands for itself when it is there. `limit`: no more are looked for.
pub(super) fn files(pattern: &str, limit: usize) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(if pattern.starts_with('/') { "/" } else { "" })];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for folder in found {
            if !part.contains(['*', '?', '[', '\\']) {
                next.push(folder.join(part));
                continue;
            }
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
            let mut names: Vec<String> = names
                .filter(|name| part.starts_with('.') || !name.starts_with('.'))
                .filter(|name| matches(part.as_bytes(), name.as_bytes()))
                .take(limit)
                .collect();
            names.sort();
            next.extend(names.into_iter().map(|name| folder.join(name)));
        }
        next.truncate(limit);
        found = next;
    }
    found.retain(|file| Path::new(file).exists());
    found
}

/// One name against one part of a pattern. Goes back to the last star only, so that the time is bounded.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            retry = Some((p + 1, n + 1));
            p += 1;
        } else if let Some(length) = one(&pattern[p.min(pattern.len())..], name[n]) {
            p += length;
            n += 1;
        } else if let Some((after_star, next)) = retry {
            (p, n) = (after_star, next);
            retry = Some((after_star, next + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// How much of the pattern stands for this byte. `None`: nothing does.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [b'[', ..] => match set(pattern, byte) {
            Some((length, holds)) => holds.then_some(length),
            // A bracket that is not closed is itself.
            None => (byte == b'[').then_some(1),
        },
        [literal, ..] => (*literal == byte).then_some(1),
        [] => None,
    }
}

/// `[a-z]`, `[!x]`: its length, and whether the byte is in it.
fn set(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = if negated { 2 } else { 1 };
    let close = first + 1 + pattern.get(first + 1..)?.iter().position(|byte| *byte == b']')?;
    let members = &pattern[first..close];
    let (mut index, mut holds) = (0, false);
    while index < members.len() {
        if let [from, b'-', to, ..] = members[index..] {
            holds |= (from..=to).contains(&byte);
            index += 3;
        } else {
            holds |= members[index] == byte;
            index += 1;
        }
    }
    Some((close + 1, holds != negated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_a_shell() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        };
        check("*.conf", "a.conf", true);
        check("*.conf", "a.conf.bak", false);
        check("[a-c]?", "b1", true);
        check("[!a-c]?", "b1", false);
        check("[]x]", "]", true);
        check("[a-]", "-", true);
        check("[a", "[a", true);
        check("\\*", "*", true);
        check("\\*", "x", false);
        check("", "x", false);
        check(&"*a".repeat(40), &"b".repeat(200), false);
    }

    #[test]
    fn files_are_sorted_and_hidden_ones_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["20-b", "10-a", ".hidden"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = |pattern: &str| -> Vec<String> {
            let pattern = format!("{}/{pattern}", folder.path().display());
            let name = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().into_owned();
            files(&pattern, 9).iter().map(name).collect()
        };
        assert_eq!(found("*"), ["10-a", "20-b"]);
        assert_eq!(found(".h*"), [".hidden"]);
        assert_eq!(found("10-a"), ["10-a"]);
        assert!(found("none").is_empty() && found("x*/y").is_empty());
        assert_eq!(files(&format!("{}/*", folder.path().display()), 1).len(), 1);
    }
}
