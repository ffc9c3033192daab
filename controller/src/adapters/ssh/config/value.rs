//! What a keyword's arguments say, checked as ssh checks them: also where the line does not apply.

use super::keyword::{Keyword, Kind};
use super::line::Line;
use super::{LocalUser, algorithms, jump};

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Words(Vec<String>),
    Number(u32),
    /// `None`: `none`, which ssh takes as not set.
    Seconds(Option<u32>),
    Jump(jump::Jumps),
    /// Not looked at; as it was written.
    Unread(String),
}

/// Reads the arguments. The error says what was written and what is allowed.
pub(super) fn parse(keyword: &Keyword, line: &Line, local: &LocalUser) -> Result<Value, String> {
    let name = keyword.name;
    let first = || match line.words.first() {
        Some(word) if !word.is_empty() => Ok(word.as_str()),
        _ => Err(format!("{name} has no value")),
    };
    let value = match keyword.kind {
        Kind::Choice(words) => Value::Text(choice(name, first()?, words)?),
        Kind::Number => Value::Number(
            number(first()?, 0, i32::MAX.unsigned_abs())
                .ok_or_else(|| format!("{name} {:?} is no number from 0 to {}", line.rest, i32::MAX))?,
        ),
        Kind::Seconds if first()? == "none" => Value::Seconds(None),
        Kind::Seconds => Value::Seconds(Some(
            seconds(first()?)
                .ok_or_else(|| format!("{name} {:?} is no time: 90, 1m30s, 2h, none", line.rest))?,
        )),
        Kind::Port => Value::Number(port(first()?, local).ok_or_else(|| {
            format!("port {:?} is no number from 1 to 65535 and no service of /etc/services", line.rest)
        })?),
        Kind::Word => Value::Text(first()?.to_owned()),
        Kind::Agent => Value::Text(agent(first()?, local)?),
        Kind::Algorithms => Value::Text(key_algorithms(name, first()?)?),
        Kind::Words(limit) => return several(name, line, limit).map(Value::Words),
        // The whole rest of the line, whatever is in it; ssh takes further '=' away.
        Kind::Command => return Ok(Value::Text(command(&line.rest).to_owned())),
        Kind::Jump => return jump::parse(command(&line.rest)).map(Value::Jump),
        Kind::Any | Kind::Ignored => return Ok(Value::Unread(line.rest.clone())),
    };
    match line.words.get(1) {
        Some(extra) => Err(format!("{name} has {extra:?} after its value")),
        None => Ok(value),
    }
}

fn command(rest: &str) -> &str {
    rest.trim_start_matches([' ', '\t', '\r', '\n', '='])
}

fn choice(name: &str, word: &str, words: &[(&str, &str)]) -> Result<String, String> {
    let found = words.iter().find(|(written, _)| written.eq_ignore_ascii_case(word));
    found.map(|(_, printed)| (*printed).to_owned()).ok_or_else(|| {
        let allowed: Vec<&str> = words.iter().map(|(written, _)| *written).collect();
        format!("{name} {word:?} is none of {}", allowed.join(", "))
    })
}

fn key_algorithms(name: &str, list: &str) -> Result<String, String> {
    match algorithms::unknown(list) {
        Some(unknown) => {
            Err(format!("{name} names {unknown:?}, and there is no such algorithm (ssh -Q {name})"))
        }
        None => Ok(list.to_owned()),
    }
}

fn several(name: &str, line: &Line, limit: usize) -> Result<Vec<String>, String> {
    let words = &line.words;
    if words.iter().any(String::is_empty) {
        return Err(format!("{name} has an empty value"));
    }
    if words.len() > 1 && words.iter().any(|word| word.eq_ignore_ascii_case("none")) {
        return Err(format!("{name} has \"none\" beside other values"));
    }
    if words.len() > limit {
        return Err(format!("{name} has more than {limit} values"));
    }
    Ok(words.clone())
}

fn agent(word: &str, local: &LocalUser) -> Result<String, String> {
    local.expand_variables(word)?;
    let legacy = word.strip_prefix('$').filter(|rest| !rest.starts_with('{'));
    let valid = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match legacy {
        Some(name) if !valid(name) => Err(format!("identityagent {word:?} is no variable's name")),
        _ => Ok(word.to_owned()),
    }
}

/// A number as `strtonum(3)` reads it.
pub(super) fn number(text: &str, least: u32, most: u32) -> Option<u32> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let number = text.parse::<i64>().ok().and_then(|number| u32::try_from(number).ok())?;
    (least..=most).contains(&number).then_some(number)
}

/// A port from 1 on, also by the name of its service.
pub(super) fn port(text: &str, local: &LocalUser) -> Option<u32> {
    match number(text, 0, 65_535) {
        Some(0) => None,
        Some(port) => Some(port),
        None => local.service(text).map(u32::from),
    }
}

/// A time as `convtime` of ssh reads it, in seconds: `90`, `1m30s`, `1w2d`.
fn seconds(text: &str) -> Option<u32> {
    let mut total = 0i32;
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
        let negative = rest.starts_with('-');
        rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let amount: i32 = rest[..end].parse().ok()?;
        if negative && amount != 0 {
            return None;
        }
        let unit = rest[end..].chars().next();
        let factor = match unit.map(|unit| unit.to_ascii_lowercase()) {
            None | Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            Some('w') => 604_800,
            Some(_) => return None,
        };
        total = total.checked_add(amount.checked_mul(factor)?)?;
        rest = &rest[end + usize::from(unit.is_some())..];
    }
    u32::try_from(total).ok()
}

#[cfg(test)]
mod tests {
    use super::super::keyword;
    use super::super::line;
    use super::*;

    fn value(text: &str) -> Result<Value, String> {
        let line = line::parse(text, "f:1")?.unwrap();
        parse(keyword::find(&line.keyword).unwrap(), &line, &LocalUser::for_tests("/home/ann"))
    }

    #[test]
    fn values_are_read_as_ssh_reads_them() {
        let check = |text: &str, expected: Value| assert_eq!(value(text), Ok(expected), "{text}");
        check("ConnectTimeout 1m30s", Value::Seconds(Some(90)));
        check("ConnectTimeout \"+1h 5\"", Value::Seconds(Some(3605)));
        check("ConnectTimeout none", Value::Seconds(None));
        check("Port \" +022\"", Value::Number(22));
        check("Port ssh", Value::Number(22));
        check("StrictHostKeyChecking OFF", Value::Text("false".to_owned()));
        check("ProxyCommand == nc %h # x", Value::Text("nc %h # x".to_owned()));
        check("UserKnownHostsFile a \"b c\" # d", Value::Words(vec!["a".to_owned(), "b c".to_owned()]));
        check("UserKnownHostsFile # d", Value::Words(Vec::new()));
        check("LocalForward what ever", Value::Unread("what ever".to_owned()));
    }

    #[test]
    fn what_ssh_refuses_is_refused_with_what_is_allowed() {
        let check = |text: &str, expected: &str| assert_eq!(value(text).unwrap_err(), expected, "{text}");
        check("Port 0", "port \"0\" is no number from 1 to 65535 and no service of /etc/services");
        check("Port 22 23", "port has \"23\" after its value");
        check("ConnectTimeout 1x", "connecttimeout \"1x\" is no time: 90, 1m30s, 2h, none");
        check("ConnectTimeout -1", "connecttimeout \"-1\" is no time: 90, 1m30s, 2h, none");
        check("AddressFamily ipv4", "addressfamily \"ipv4\" is none of inet, inet6, any");
        check("User \"\"", "user has no value");
        check("UserKnownHostsFile a none", "userknownhostsfile has \"none\" beside other values");
        check("IdentityAgent $a-b", "identityagent \"$a-b\" is no variable's name");
        check("IdentityAgent ${NOT_SET}", "${NOT_SET} is not set");
        assert!(value("HostKeyAlgorithms nonsense").unwrap_err().contains("\"nonsense\""));
    }
}
