//! `cm_url`: scheme, host and port, nothing else.

use crate::model::{CmUrl, Scheme};

/// Takes a `cm_url` apart; the error says what is wrong with it.
pub(super) fn parse_cm_url(text: &str) -> Result<CmUrl, &'static str> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
        Some(_) => return Err("the scheme must be http or https"),
        None => return Err("the scheme is missing"),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#', '@']) || rest.chars().any(char::is_whitespace) {
        return Err("after host and port nothing may follow");
    }
    let (host, port) = match rest.strip_prefix('[') {
        Some(inside) => {
            let (host, after) = inside.split_once(']').ok_or("the bracket of the address is not closed")?;
            (host, after.strip_prefix(':').or((!after.is_empty()).then_some("x")))
        }
        None => match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        },
    };
    if host.is_empty() {
        return Err("the host is missing");
    }
    let port = match port {
        Some(digits) => match digits.parse::<u16>() {
            Ok(port) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Some(port),
            _ => return Err("the port must be a number from 1 to 65535"),
        },
        None => None,
    };
    Ok(CmUrl { text: text.to_owned(), scheme, host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_apart() {
        let cases = [
            ("http://10.0.0.1:8088", "10.0.0.1", Some(8088)),
            ("https://oms.example.com", "oms.example.com", None),
            ("http://[2001:db8::1]:8088/", "2001:db8::1", Some(8088)),
        ];
        for (text, host, port) in cases {
            let url = parse_cm_url(text).unwrap();
            assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
        }
        for text in
            ["10.0.0.1:8088", "ftp://a", "http://", "http://a:0", "http://a:b", "http://a/x", "http://[::1]x"]
        {
            assert!(parse_cm_url(text).is_err(), "{text}");
        }
    }
}
