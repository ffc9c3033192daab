//! `ProxyJump`: hosts to pass through, `[user@]host[:port]` or `ssh://…` between commas.

use super::value::number;

/// More is no way anybody goes, and a text without bound.
const MAX_JUMPS: usize = 8;

/// Nearest first, with the text as `ssh -G` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Jumps {
    /// Empty: `none`.
    pub hops: Vec<Hop>,
    text: String,
}

/// One host on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hop {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
}

impl Jumps {
    /// As `ssh -G` prints them: all but the last as they were written.
    pub(super) fn printed(&self) -> String {
        let Some(last) = self.hops.last() else { return "none".to_owned() };
        let before = self.text.rsplit_once(',').map(|(before, _)| format!("{before},")).unwrap_or_default();
        let user = last.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let numeric = last.host.contains(':') || last.host.chars().all(|c| c.is_ascii_digit() || c == '.');
        let host = if numeric { format!("[{}]", last.host) } else { last.host.clone() };
        let port = last.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{before}{user}{host}{port}")
    }
}

/// The value of `ProxyJump`.
pub(super) fn parse(text: &str) -> Result<Jumps, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Jumps { hops: Vec::new(), text: String::new() });
    }
    let text = text.split('#').next().unwrap_or_default().trim_end();
    if text.split(',').count() > MAX_JUMPS {
        return Err(format!("proxyjump has more than {MAX_JUMPS} hosts"));
    }
    let hops = text.split(',').map(hop).collect::<Result<Vec<_>, _>>()?;
    Ok(Jumps { hops, text: text.to_owned() })
}

fn hop(text: &str) -> Result<Hop, String> {
    let parsed = match text.strip_prefix("ssh://") {
        Some(rest) => address(rest),
        None => plain(text),
    };
    let hop = parsed
        .ok_or_else(|| format!("{text:?} is no jump: [user@]host[:port] or ssh://[user@]host[:port]"))?;
    // ssh hands them to a shell; it refuses them on its command line, and in files from version 10.
    let user = hop.user.as_deref().is_none_or(valid_user);
    if user && valid_host(&hop.host) {
        Ok(hop)
    } else {
        Err(format!("{text:?} has characters that no jump may have"))
    }
}

/// `[user@]host[:port]`.
fn plain(text: &str) -> Option<Hop> {
    let (user, rest) = match text.rsplit_once('@') {
        Some(("", _)) => return None,
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, text),
    };
    let (host, port) = host_and_rest(rest)?;
    let port = match port {
        None | Some((':', "")) => None,
        Some((':', port)) => Some(port_of(port)?),
        Some(_) => return None,
    };
    Some(Hop { user, host, port })
}

/// What follows `ssh://`.
fn address(text: &str) -> Option<Hop> {
    let (user, rest) = match text.split_once('@') {
        Some((user, rest)) => {
            let user = user.split(';').next().unwrap_or_default();
            if user.is_empty() {
                return None;
            }
            (Some(decoded(user)?), rest)
        }
        None => (None, text),
    };
    let (host, after) = host_and_rest(rest)?;
    let host = domain(&host)?;
    let (port, path) = match after {
        None | Some((_, "")) => (None, ""),
        Some((':', rest)) => {
            let (port, path) = rest.split_once('/').unwrap_or((rest, ""));
            (Some(port_of(port)?), path)
        }
        Some((_, path)) => (None, path),
    };
    path.is_empty().then_some(Hop { user, host, port })
}

type AfterHost<'a> = Option<(char, &'a str)>;

/// The host, and after which of `:` and `/` something follows.
fn host_and_rest(text: &str) -> Option<(String, AfterHost<'_>)> {
    let end = match text.strip_prefix('[') {
        Some(inner) => inner.find(']')? + 2,
        None => text.find([':', '/']).unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at(end);
    let after = match rest.chars().next() {
        None => None,
        Some(c @ (':' | '/')) => Some((c, &rest[1..])),
        Some(_) => return None,
    };
    if host.is_empty() {
        return None;
    }
    let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    Some((bare.to_owned(), after))
}

fn port_of(text: &str) -> Option<u16> {
    number(text, 1, 65_535).and_then(|port| u16::try_from(port).ok())
}

/// `%41` and `+` as in a URI.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok().filter(|d| !d.contains('+'))?;
                u8::from_str_radix(digits, 16).ok().filter(|byte| *byte != 0)?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A name as DNS has it; a dot at its end goes.
fn domain(text: &str) -> Option<String> {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let valid = first && !text.contains("..") && text.chars().all(fits);
    valid.then(|| text.strip_suffix('.').unwrap_or(text).to_owned())
}

/// What ssh takes as a host's name on its command line.
pub(super) fn valid_host(host: &str) -> bool {
    let bad = |c: char| "'`\"$\\;&<>|(){},".contains(c) || c.is_ascii_whitespace() || c.is_control();
    !host.starts_with('-') && !host.contains(bad)
}

/// What ssh takes as a user's name on its command line.
pub(super) fn valid_user(user: &str) -> bool {
    let bad = |c: char| "'`\";&<>|(){}".contains(c) || c.is_control();
    !user.starts_with('-') && !user.contains(bad) && !user.contains(" -") && !user.ends_with('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_printed_as_ssh_prints_them() {
        let check =
            |text: &str, expected: &str| assert_eq!(parse(text).unwrap().printed(), expected, "{text}");
        check("None", "none");
        check("b", "b");
        check("a,u@b:22 # why", "a,u@b:22");
        check("10.0.0.1", "[10.0.0.1]");
        check("ssh://u@a:1,[::1]:2222", "ssh://u@a:1,[::1]:2222");
        check("ssh://u;x=y@b.:2222/", "u@b:2222");
        check("u@v@b", "u@v@b");
        check("b:", "b");
    }

    #[test]
    fn what_is_no_jump_is_refused() {
        for text in [
            "",
            "a,",
            "a:b",
            "a:0",
            "@b",
            "[::1",
            "[::1]x",
            "ssh://b/path",
            "a/b",
            "ssh://%0@b",
            "a;b",
            "$x",
            "-oX",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"a,".repeat(9)).is_err());
    }
}
