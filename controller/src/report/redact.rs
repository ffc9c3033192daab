//! Takes secrets out of text that leaves the house: those that omsctl knows, in every dress that they may wear, and what
//! looks like one. Pure; rather too much than too little.

use std::fmt::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use omsctl_proto::Secret;
use serde_json::Value;
use zeroize::Zeroizing;

/// Stands where something was.
pub(crate) const REMOVED: &str = "[removed]";

/// After one of these and `=` or `:` comes a secret.
const WORDS: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "access_key",
    "accesskey",
    "authorization",
    "private_key",
];

/// Variables of a container that everybody may see the values of.
const HARMLESS: [&str; 6] = ["OMS_HOST_IP", "IS_UPGRADE", "PATH", "LANG", "TZ", "HOSTNAME"];

/// What it knows.
#[derive(Default)]
pub(crate) struct Redactor {
    /// Longest first, so that none hides in a part of another.
    known: Vec<Zeroizing<String>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    pub(crate) fn add(&mut self, secret: &Secret) {
        let text = secret.expose();
        // One or two characters are in every line, and protect nobody.
        if text.chars().count() < 3 {
            return;
        }
        for dress in dresses(text) {
            if !self.known.iter().any(|known| **known == dress) {
                self.known.push(Zeroizing::new(dress));
            }
        }
        self.known.sort_by_key(|known| std::cmp::Reverse(known.len()));
    }

    /// Line by line; of private keys only that they were there.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut kept = String::with_capacity(text.len());
        let mut in_key = false;
        for line in text.split_inclusive('\n') {
            let begins = line.contains("-----BEGIN ") && line.contains("PRIVATE KEY");
            if begins {
                kept.push_str("[private key removed]\n");
            }
            let hidden = in_key || begins;
            in_key = hidden && !line.contains("-----END ");
            if !hidden {
                kept.push_str(&self.line(line));
            }
        }
        kept
    }

    fn line(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for known in &self.known {
            if line.contains(known.as_str()) {
                line = line.replace(known.as_str(), REMOVED);
            }
        }
        without_url_passwords(&without_named(&line))
    }

    /// `docker inspect`: values of variables go, and then whatever a line shows.
    pub(crate) fn inspection(&self, text: &str) -> String {
        let Ok(mut value) = serde_json::from_str::<Value>(text) else { return self.text(text) };
        for container in value.as_array_mut().into_iter().flatten() {
            if let Some(variables) = container.pointer_mut("/Config/Env").and_then(Value::as_array_mut) {
                for variable in variables {
                    let named = variable.as_str().map(without_value);
                    *variable = named.map_or(Value::Null, Value::String);
                }
            }
        }
        self.text(&serde_json::to_string_pretty(&value).unwrap_or_default())
    }
}

/// `NAME=value` of a container's environment.
pub(crate) fn without_value(variable: &str) -> String {
    match variable.split_once('=') {
        Some((name, _)) if !HARMLESS.contains(&name) => format!("{name}={REMOVED}"),
        Some(_) | None => variable.to_owned(),
    }
}

/// As it is, and as JSON, Python, SQL, YAML, an address and Basic authentication write it.
fn dresses(text: &str) -> Vec<String> {
    let json = |text: &str| serde_json::to_string(text).unwrap_or_default().trim_matches('"').to_owned();
    let escaped = |text: &str, special: &[char]| {
        let mut escaped = String::new();
        for character in text.chars() {
            if special.contains(&character) {
                escaped.push('\\');
            }
            escaped.push(character);
        }
        escaped
    };
    let in_json = serde_json::to_string(text).unwrap_or_default();
    let in_json = in_json.get(1..in_json.len().saturating_sub(1)).unwrap_or_default().to_owned();
    let all = vec![
        text.to_owned(),
        json(&in_json),
        in_json,
        escaped(text, &['\\', '\'']),
        escaped(text, &['\\', '\'', '"']),
        text.replace('\'', "''"),
        text.replace('\'', "'\\''"),
        percent(text),
        BASE64_STANDARD.encode(text).trim_end_matches('=').to_owned(),
    ];
    all.into_iter().filter(|dress| dress.chars().count() >= 3).collect()
}

fn percent(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// `password=…`, `"password": "…"`, `oms_meta_password: …`, `IDENTIFIED BY '…'`.
fn without_named(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut kept = String::with_capacity(line.len());
    let mut at = 0;
    while let Some((value, end)) = next_named(&lower, line, at) {
        kept.push_str(&line[at..value]);
        kept.push_str(REMOVED);
        at = end;
    }
    kept.push_str(&line[at..]);
    kept
}

/// The next value after `from` that a word names: where it begins and ends.
fn next_named(lower: &str, line: &str, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        let found = WORDS.iter().filter_map(|word| Some((at + lower[at..].find(word)?, word.len()))).min();
        let identified = lower[at..].find("identified by").map(|place| (at + place, "identified by".len()));
        let (place, length) = found.into_iter().chain(identified).min()?;
        let after = place + length;
        let is_sql = identified == Some((place, length));
        if let Some(value) = value_after(line, after, is_sql) {
            return Some(value);
        }
        at = after;
    }
}

/// Behind the rest of the name, closing quotation marks, `=` or `:`, and opening quotation marks.
fn value_after(line: &str, after: usize, is_sql: bool) -> Option<(usize, usize)> {
    let rest = &line[after..];
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_mark = |c: char| matches!(c, '"' | '\'' | '\\');
    let tail = if is_sql { rest } else { rest.trim_start_matches(name).trim_start_matches(is_mark) };
    let tail = tail.trim_start_matches([' ', '\t']);
    let tail = match tail.strip_prefix(['=', ':']) {
        Some(tail) => tail.trim_start_matches(['=', '>', ':']),
        None if is_sql => tail,
        None => return None,
    };
    let tail = tail.trim_start_matches([' ', '\t']);
    let value = tail.trim_start_matches(is_mark);
    let begin = line.len() - value.len();
    let marks = &tail[..tail.len() - value.len()];
    let mark = marks.chars().last().filter(|mark| *mark != '\\');
    let length = match mark {
        Some(mark) => quoted_length(value, mark),
        None => value.find(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '&' | '}' | ')' | ']')),
    };
    let length = length.unwrap_or(value.trim_end_matches(['\n', '\r']).len());
    // What follows `authorization:` is two words.
    let scheme = ["Basic", "Bearer"].contains(&value.get(..length)?);
    let length = if scheme { value.trim_end_matches(['\n', '\r']).len() } else { length };
    let already = value.starts_with(REMOVED);
    (length > 0 && !already).then_some((begin, begin + length))
}

fn quoted_length(value: &str, mark: char) -> Option<usize> {
    let mut escaped = false;
    for (place, character) in value.char_indices() {
        if character == mark && !escaped {
            return Some(place);
        }
        escaped = character == '\\' && !escaped;
    }
    None
}

/// `scheme://user:password@host`.
fn without_url_passwords(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(place) = rest.find("://") {
        let (before, after) = rest.split_at(place + 3);
        kept.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '?' | ','))
            .unwrap_or(after.len());
        let authority = &after[..end];
        match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
            Some((user, host)) => drop(write!(kept, "{user}:{REMOVED}@{host}")),
            None => kept.push_str(authority),
        }
        rest = &after[end..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing(secret: &str) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new(secret));
        redactor
    }

    #[test]
    fn a_known_secret_goes_in_every_dress() {
        let redactor = knowing("Oms#0123'x\"\\y");
        for line in [
            "logged in with Oms#0123'x\"\\y.",
            r#"{"p": "Oms#0123'x\"\\y"}"#,
            r#"'Oms#0123\'x"\\y'"#,
            r#"'Oms#0123\'x\"\\y'"#,
            "'Oms#0123''x\"\\y'",
            "jdbc:x?p=Oms%230123%27x%22%5Cy&b=1",
            "Authorization Basic T21zIzAxMjMneCJceQ==",
        ] {
            let kept = redactor.text(line);
            assert!(kept.contains(REMOVED), "{kept}");
            assert!(!kept.contains("0123") && !kept.contains("T21z"), "{kept}");
        }
        assert_eq!(redactor.text("nothing here: Oms\n"), "nothing here: Oms\n");
    }

    #[test]
    fn what_is_named_like_a_secret_goes() {
        let redactor = Redactor::default();
        for (line, expected) in [
            ("mysql --password=abc -h x", "mysql --password=[removed] -h x"),
            ("drc_password: \"a b\" # note", "drc_password: \"[removed]\" # note"),
            ("{\"Password\":\"a\\\"b\",\"n\":1}", "{\"Password\":\"[removed]\",\"n\":1}"),
            // Where it ends cannot be told: the rest of the line goes.
            ("{\\\"secretKey\\\":\\\"abc\\\"}", "{\\\"secretKey\\\":\\\"[removed]"),
            ("IDENTIFIED BY 'abc' WITH", "IDENTIFIED BY '[removed]' WITH"),
            ("url=a?pwd=abc&x=1", "url=a?pwd=[removed]&x=1"),
            ("Authorization: Bearer a.b c\n", "Authorization: [removed]\n"),
            ("mysql://oms:abc@10.0.0.1:2881/x", "mysql://oms:[removed]@10.0.0.1:2881/x"),
            ("the password expired", "the password expired"),
            ("wrong password for root", "wrong password for root"),
            ("http://10.0.0.1:8088/path", "http://10.0.0.1:8088/path"),
            ("password=", "password="),
            ("密码 password=密, next", "密码 password=[removed], next"),
        ] {
            assert_eq!(redactor.text(line), expected);
        }
    }

    #[test]
    fn keys_and_variables_go() {
        let redactor = Redactor::default();
        let key = "a\n-----BEGIN EC PRIVATE KEY-----\nMIIE\n-----END EC PRIVATE KEY-----\nb\n";
        assert_eq!(redactor.text(key), "a\n[private key removed]\nb\n");
        let inspected =
            r#"[{"Config":{"Env":["OMS_HOST_IP=10.0.0.1","DB=abc","X"]},"Args":["--token=abc"]}]"#;
        let kept = redactor.inspection(inspected);
        assert!(kept.contains("OMS_HOST_IP=10.0.0.1") && kept.contains("DB=[removed]"), "{kept}");
        assert!(!kept.contains("abc"), "{kept}");
    }
}
