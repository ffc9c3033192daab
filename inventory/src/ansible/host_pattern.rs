//! What a host line begins with: a name or address, perhaps with a port, perhaps with ranges to expand. Ansible's
//! `parse_address` and `expand_hostname_range` without their regular expressions.

use std::net::Ipv6Addr;

use super::python_number;

/// More hosts than this in one inventory are an accident.
pub(crate) const MAX_HOSTS: usize = 10_000;

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Why a pattern names no hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternError {
    #[error("the name of a host is empty")]
    Empty,
    #[error("a range must be [begin:end] or [begin:end:step]")]
    Bounds,
    #[error("a range must have an end")]
    NoEnd,
    #[error("the begin of a range with leading zeros must be as long as its end")]
    Lengths,
    #[error("a range of letters must have begin before end")]
    Backwards,
    #[error("a range takes numbers or single letters")]
    NotARange,
    #[error("the step of a range must be a number above zero")]
    Step,
    #[error("the range makes more than {MAX_HOSTS} hosts")]
    TooMany,
    #[error("a pattern cannot end in ':', which is there for a port")]
    EndsInColon,
    #[error("'---' begins a YAML file, not a host")]
    YamlStart,
    #[error("the port is above 65535")]
    Port,
}

/// The hosts that a pattern names and the port that it gives to all of them.
pub(crate) fn expand(pattern: &str) -> Result<(Vec<String>, Option<u16>), PatternError> {
    let (host, port) = match parse_address(pattern) {
        Some((host, Some(port))) => (host, Some(port.parse().map_err(|_| PatternError::Port)?)),
        Some((host, None)) => (host, None),
        None => (pattern, None),
    };
    if pattern.contains('[') && !pattern.contains(']') {
        return Err(PatternError::Bounds);
    }
    if port.is_none() && pattern.trim().ends_with(':') {
        return Err(PatternError::EndsInColon);
    }
    let mut hosts = Vec::new();
    expand_ranges(host, &mut hosts, &mut (4 * MAX_HOSTS))?;
    if hosts.iter().any(String::is_empty) {
        return Err(PatternError::Empty);
    }
    if hosts.iter().any(|host| host.trim() == "---") {
        return Err(PatternError::YamlStart);
    }
    Ok((hosts, port))
}

/// A host and its port, without ranges: what is no address is a name as it stands.
pub(crate) fn single(text: &str) -> Result<(&str, Option<u16>), PatternError> {
    match parse_address(text) {
        Some((host, Some(port))) if !host.contains('[') => {
            port.parse().map(|port| (host, Some(port))).map_err(|_| PatternError::Port)
        }
        Some((host, None)) if !host.contains('[') => Ok((host, None)),
        _ => Ok((text, None)),
    }
}

/// Host and port, as text; `None` when it is no address in Ansible's sense.
pub(super) fn parse_address(text: &str) -> Option<(&str, Option<&str>)> {
    let mut host = text;
    let mut port = None;
    if let Some((inside, digits)) = bracketed(host) {
        (host, port) = (inside, Some(digits));
    }
    if let Some((before, digits)) = trailing_port(host) {
        (host, port) = (before, Some(digits));
    }
    (is_ipv6(host) || is_hostname(host)).then_some((host, port))
}

/// `[host]:port`.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let (inside, digits) = text.strip_prefix('[')?.rsplit_once("]:")?;
    (!inside.is_empty() && is_number(digits)).then_some((inside, digits))
}

/// `host:port`, where the host has no colon outside of brackets.
fn trailing_port(text: &str) -> Option<(&str, &str)> {
    let (host, digits) = text.rsplit_once(':').filter(|(_, digits)| is_number(digits))?;
    let mut inside = false;
    for c in host.chars() {
        match c {
            ']' if inside => inside = false,
            _ if inside => {}
            '[' => inside = true,
            ':' | ']' => return None,
            _ => {}
        }
    }
    (!inside).then_some((host, digits))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the host is written as an IPv4 or IPv6 address; ranges count as one number.
pub(super) fn is_ip_address(host: &str) -> bool {
    let plain = without_ranges(host, |range| range.split(':').all(is_number));
    is_ipv6(host) || plain.is_some_and(|plain| plain.parse::<std::net::Ipv4Addr>().is_ok())
}

fn is_ipv6(host: &str) -> bool {
    let range = |range: &str| {
        range.split(':').enumerate().all(|(index, part)| {
            !part.is_empty()
                && part.bytes().all(|b| if index < 2 { b.is_ascii_hexdigit() } else { b.is_ascii_digit() })
        })
    };
    // A range stands for a whole part between colons.
    let whole = host.match_indices('[').all(|(at, _)| at == 0 || host[..at].ends_with(':'))
        && host.match_indices(']').all(|(at, _)| at + 1 == host.len() || host[at + 1..].starts_with(':'));
    whole && without_ranges(host, range).is_some_and(|plain| plain.parse::<Ipv6Addr>().is_ok())
}

/// The host with `1` in place of each valid range; `None` when one is not valid.
fn without_ranges(host: &str, valid: impl Fn(&str) -> bool) -> Option<String> {
    let mut plain = String::new();
    let mut rest = host;
    while let Some((before, after)) = rest.split_once('[') {
        let (range, after) = after.split_once(']')?;
        if !(2..=3).contains(&range.split(':').count()) || !valid(range) {
            return None;
        }
        plain.push_str(before);
        plain.push('1');
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

/// Labels of word characters, hyphens and ranges, not beginning with a hyphen, not ending in hyphen or underscore.
fn is_hostname(host: &str) -> bool {
    let range = |range: &str| {
        let parts: Vec<_> = range.split(':').collect();
        let letter = |part: &str| part.len() == 1 && part.bytes().all(|b| b.is_ascii_alphabetic());
        ((letter(parts[0]) && letter(parts[1])) || (is_number(parts[0]) && is_number(parts[1])))
            && parts.get(2).is_none_or(|step| is_number(step))
    };
    let Some(plain) = without_ranges(host, range) else { return false };
    plain.split('.').all(|label| {
        !label.is_empty()
            && label.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
            && !label.starts_with('-')
            && !label.ends_with(['-', '_'])
    })
}

fn step_of(text: &str) -> Result<usize, PatternError> {
    python_number::int(text).and_then(|step| usize::try_from(step).ok()).ok_or(PatternError::Step)
}

/// `budget` bounds the work, since ranges that make no host cost time as well.
fn expand_ranges(pattern: &str, hosts: &mut Vec<String>, budget: &mut usize) -> Result<(), PatternError> {
    *budget = budget.checked_sub(1).ok_or(PatternError::TooMany)?;
    let Some((head, rest)) = pattern.split_once('[') else {
        if hosts.len() >= MAX_HOSTS {
            return Err(PatternError::TooMany);
        }
        hosts.push(pattern.to_owned());
        return Ok(());
    };
    let (range, tail) =
        rest.split_once(']').filter(|_| !pattern.contains('|')).ok_or(PatternError::Bounds)?;
    let bounds: Vec<_> = range.split(':').collect();
    let (begin, end, step) = match bounds.as_slice() {
        [begin, end] => (*begin, *end, 1),
        [begin, end, step] => (*begin, *end, step_of(step)?),
        _ => return Err(PatternError::Bounds),
    };
    let begin = if begin.is_empty() { "0" } else { begin };
    if end.is_empty() {
        return Err(PatternError::NoEnd);
    }
    if step == 0 {
        return Err(PatternError::Step);
    }
    let width = if begin.starts_with('0') && begin.len() > 1 { begin.len() } else { 0 };
    if width > 0 && width != end.len() {
        return Err(PatternError::Lengths);
    }
    if let (Some(first), Some(last)) = (LETTERS.find(begin), LETTERS.find(end)) {
        if first > last {
            return Err(PatternError::Backwards);
        }
        for letter in LETTERS[first..=last].chars().step_by(step) {
            expand_ranges(&format!("{head}{letter}{tail}"), hosts, budget)?;
        }
        return Ok(());
    }
    let number = |text: &str| python_number::int(text).ok_or(PatternError::NotARange);
    let (first, last) = (number(begin)?, number(end)?);
    for value in (first..=last).step_by(step) {
        // As Python's `zfill`: a sign counts.
        expand_ranges(&format!("{head}{value:0width$}{tail}"), hosts, budget)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, hosts: &[&str], port: Option<u16>) {
        assert_eq!(
            expand(pattern),
            Ok((hosts.iter().map(|host| (*host).to_owned()).collect(), port)),
            "{pattern}"
        );
    }

    #[test]
    fn patterns_expand_as_ansible_does() {
        check("web1", &["web1"], None);
        check("web1:2222", &["web1"], Some(2222));
        check("n[08:10]", &["n08", "n09", "n10"], None);
        check("n[1:7:3]-x:22", &["n1-x", "n4-x", "n7-x"], Some(22));
        check("db-[a:c]", &["db-a", "db-b", "db-c"], None);
        check("[a:b][1:2]", &["a1", "a2", "b1", "b2"], None);
        check("n[:2]", &["n0", "n1", "n2"], None);
        check("[::1]:22", &["::1"], Some(22));
        check("fe80::1", &["fe80::1"], None);
        check("[2001:db8::5]:2222", &["2001:db8::5"], Some(2222));
        check("10.0.0.[1:2]", &["10.0.0.1", "10.0.0.2"], None);
        check("n[3:1]", &[], None);
        check("bad-:22", &["bad-:22"], None);
    }

    #[test]
    fn wrong_ranges_are_named() {
        let cases = [
            ("n[1]", PatternError::Bounds),
            ("n[1", PatternError::Bounds),
            ("n[1:]", PatternError::NoEnd),
            ("n[01:100]", PatternError::Lengths),
            ("n[c:a]", PatternError::Backwards),
            ("n[1:x]", PatternError::NotARange),
            ("n[1:5:0]", PatternError::Step),
            ("n[1:999999999]", PatternError::TooMany),
            ("n[1:999][1:999]", PatternError::TooMany),
            ("n[1:999999999999][3:1]", PatternError::TooMany),
            ("n1:", PatternError::EndsInColon),
            ("---", PatternError::YamlStart),
            ("n1:99999", PatternError::Port),
        ];
        for (pattern, expected) in cases {
            assert_eq!(expand(pattern), Err(expected), "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(text in "[a-c0-9:\\[\\]|.é-]{0,24}") {
            let _ = expand(&text);
        }
    }
}
