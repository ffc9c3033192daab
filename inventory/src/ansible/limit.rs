//! `--limit`: Ansible's host patterns. Names, groups, wildcards, regular expressions after `~`, unions with `,` or `:`,
//! `&`, `!`, `[0:2]`. Lists of patterns in files (`@file`) are refused by name.

use std::collections::BTreeSet;

use super::data::{ALL, HostId};
use super::host_pattern::parse_address;
use super::inventory::AnsibleInventory;
use super::python_regex::{PythonRegex, PythonRegexError};
use crate::problem::{Problem, ProblemCode, nearest};

impl AnsibleInventory {
    /// The hosts that a pattern selects, in inventory order; a part that matches nothing is a problem with its
    /// nearest name.
    pub fn select(&self, pattern: &str) -> Result<Vec<&str>, Box<Problem>> {
        let mut parts: Vec<&str> = split_pattern(pattern);
        parts.sort_by_key(|part| match part.as_bytes().first() {
            Some(b'!') => 2,
            Some(b'&') => 1,
            _ => 0,
        });
        let everywhere = self.data.hosts_of(ALL);
        let mut selected: BTreeSet<HostId> = BTreeSet::new();
        if parts.first().is_none_or(|part| part.starts_with(['&', '!'])) {
            selected.clone_from(&everywhere);
        }
        for part in parts {
            match part.as_bytes().first() {
                Some(b'!') => {
                    let matched = self.matches(&part[1..])?;
                    selected.retain(|host| !matched.contains(host));
                }
                Some(b'&') => {
                    let matched = self.matches(&part[1..])?;
                    selected.retain(|host| matched.contains(host));
                }
                // The name of a host is that host alone, though a group has it as well.
                _ => match self.data.host(part) {
                    Some(host) => selected.extend([host]),
                    None => selected.extend(self.matches(part)?),
                },
            }
        }
        // A host that Ansible has lost out of all groups is selected by nothing.
        selected.retain(|host| everywhere.contains(host));
        Ok(selected.into_iter().map(|host| self.data.hosts[host].name.as_str()).collect())
    }

    fn matches(&self, part: &str) -> Result<Vec<HostId>, Box<Problem>> {
        let refuse = |message: &str| Problem::error(ProblemCode::Limit, message).key("--limit").found(part);
        if part.starts_with('@') {
            let problem = refuse("--limit does not read patterns from files (`@`)");
            return Err(Box::new(problem.hint("write them with commas between them")));
        }
        let (expression, subscript) = split_subscript(part);
        let matcher = Matcher::new(expression).map_err(|error| Box::new(refuse(&error.to_string())))?;
        let mut hosts: Vec<HostId> = Vec::new();
        let mut in_group = false;
        for (id, group) in self.data.groups.iter().enumerate() {
            if matcher.matches(&group.name) {
                in_group = true;
                hosts.extend(self.data.hosts_in_group_order(id));
            }
        }
        if !in_group || part.starts_with('~') || expression.contains(['.', '?', '*', '[']) {
            let names = self.data.hosts.iter().enumerate();
            hosts.extend(names.filter(|(_, host)| matcher.matches(&host.name)).map(|(id, _)| id));
        }
        if hosts.is_empty() && !in_group && expression != "all" {
            let names = self.host_names().chain(self.group_names());
            let problem = refuse("--limit names no host and no group");
            return Err(Box::new(problem.nearest(nearest(expression, names))));
        }
        apply_subscript(hosts, subscript)
            .ok_or_else(|| Box::new(refuse("the number in brackets is beyond the hosts")))
    }
}

enum Matcher<'part> {
    Wildcard(&'part str),
    Expression(PythonRegex),
}

impl<'part> Matcher<'part> {
    fn new(expression: &'part str) -> Result<Self, PythonRegexError> {
        match expression.strip_prefix('~') {
            Some(regex) => PythonRegex::new(regex).map(Self::Expression),
            None => Ok(Self::Wildcard(expression)),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Wildcard(pattern) => matches_glob(pattern, name),
            Self::Expression(regex) => regex.matches(name),
        }
    }
}

/// Parts of a pattern: by commas, or by colons where it is no single address or range.
fn split_pattern(pattern: &str) -> Vec<&str> {
    let parts: Vec<&str> = if pattern.contains(',') {
        pattern.split(',').collect()
    } else if parse_address(pattern).is_some() {
        vec![pattern]
    } else {
        split_colons(pattern)
    };
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Runs of anything but white space, colons and brackets, and of whole brackets; a bracket that is not closed parts.
fn split_colons(pattern: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut position = 0;
    while let Some(c) = pattern[position..].chars().next() {
        let rest = &pattern[position..];
        let width = match c {
            '[' => rest.find(']').map(|end| end + 1),
            c if c == ':' || c == ']' || c.is_whitespace() => None,
            c => Some(c.len_utf8()),
        };
        if width.is_none() {
            parts.push(&pattern[begin..position]);
            begin = position + c.len_utf8();
        }
        position += width.unwrap_or(c.len_utf8());
    }
    parts.push(&pattern[begin..]);
    parts
}

#[derive(Clone, Copy)]
enum Subscript {
    All,
    One(i64),
    /// Both ends belong to it; -1 is the last.
    Range(i64, i64),
}

/// `web[0]`, `web[-1]`, `web[0:2]`, `web[1:]`; anything else in brackets belongs to the wildcard.
fn split_subscript(pattern: &str) -> (&str, Subscript) {
    let whole = (pattern, Subscript::All);
    if pattern.starts_with('~') {
        return whole;
    }
    let Some((expression, inside)) = pattern.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) else {
        return whole;
    };
    if expression.is_empty() {
        return whole;
    }
    if let Ok(index) = inside.parse::<i64>()
        && !inside.starts_with('+')
    {
        return (expression, Subscript::One(index));
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match inside.split_once([':', '-']) {
        Some((begin, end)) if digits(begin) && (end.is_empty() || digits(end)) => {
            match (begin.parse(), if end.is_empty() { Ok(-1) } else { end.parse() }) {
                // Ansible takes `[1:0]` as `[1]`.
                (Ok(begin), Ok(0)) => (expression, Subscript::One(begin)),
                (Ok(begin), Ok(end)) => (expression, Subscript::Range(begin, end)),
                _ => whole,
            }
        }
        _ => whole,
    }
}

fn apply_subscript(hosts: Vec<HostId>, subscript: Subscript) -> Option<Vec<HostId>> {
    let length = i64::try_from(hosts.len()).ok()?;
    match subscript {
        Subscript::All => Some(hosts),
        _ if hosts.is_empty() => Some(hosts),
        Subscript::One(index) => {
            let index = if index < 0 { index + length } else { index };
            hosts.get(usize::try_from(index).ok()?).map(|host| vec![*host])
        }
        Subscript::Range(begin, end) => {
            let end = usize::try_from(if end < 0 { length - 1 } else { end.min(length - 1) }).ok()?;
            let begin = usize::try_from(begin).ok()?;
            Some(hosts.get(begin..=end).map(<[HostId]>::to_vec).unwrap_or_default())
        }
    }
}

/// Python's `fnmatch`: `*`, `?`, `[abc]`, `[a-c]`, `[!abc]`, all else literal.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => match_class(&pattern[p..], text[t]),
            Some(c) if *c == text[t] => Some(1),
            _ => None,
        };
        if let Some(width) = step {
            p += width;
            t += 1;
        } else if let Some((star_p, star_t)) = star {
            star = Some((star_p, star_t + 1));
            (p, t) = (star_p + 1, star_t + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The width of a matching class; a bracket that is never closed is a literal one.
fn match_class(pattern: &[char], c: char) -> Option<usize> {
    let negated = pattern.get(1) == Some(&'!');
    let start = if negated { 2 } else { 1 };
    let Some(length) = pattern.iter().skip(start + 1).position(|c| *c == ']') else {
        return (c == '[').then_some(1);
    };
    let end = start + 1 + length;
    let class = &pattern[start..end];
    let mut matched = false;
    let mut index = 0;
    while index < class.len() {
        if class.get(index + 1) == Some(&'-') && index + 2 < class.len() {
            matched |= (class[index]..=class[index + 2]).contains(&c);
            index += 3;
        } else {
            matched |= class[index] == c;
            index += 1;
        }
    }
    (matched != negated).then_some(end + 1)
}
