//! `Match`: whether its conditions hold for a host, as ssh reads them from the text.

use std::process::{Command, Stdio};

use super::LocalUser;
use super::line::delimit;
use super::pattern::{matches_host, matches_list};
use super::tokens::Tokens;

/// What the conditions look at: the settings as far as they are known there.
#[derive(Debug, Clone)]
pub(super) struct Known<'a> {
    /// In the last pass, after everything was read once.
    pub last_pass: bool,
    /// `%h`, `%n`, `%p`, `%r`, `%k` as they stand.
    pub tokens: Tokens<'a>,
    /// `Tag`.
    pub tag: &'a str,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub holds: bool,
    /// `Match final` stands there: everything is to be read once more.
    pub wants_last_pass: bool,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    negated: bool,
    criterion: Criterion,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Criterion {
    All,
    Canonical,
    Final,
    Host(String),
    OriginalHost(String),
    User(String),
    LocalUser(String),
    Tagged(String),
    Exec(String),
}

/// Reads the conditions.
pub(super) fn parse(text: &str) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (Some(written), after) = delimit(text) else {
            return Err("a quotation mark is not closed".to_owned());
        };
        rest = after;
        if written.is_empty() || written.starts_with('#') {
            break;
        }
        let (negated, name) =
            written.strip_prefix('!').map_or((false, written.as_str()), |name| (true, name));
        let name = name.to_ascii_lowercase();
        if name == "all" {
            let next = rest.map(delimit).and_then(|(word, _)| word).unwrap_or_default();
            if conditions.len() > 1 || !(next.is_empty() || next.starts_with('#')) {
                return Err("match all stands alone, or after one condition".to_owned());
            }
            conditions.push(Condition { negated, criterion: Criterion::All });
            return Ok(conditions);
        }
        let alone = match name.as_str() {
            "canonical" => Some(Criterion::Canonical),
            "final" => Some(Criterion::Final),
            _ => None,
        };
        let criterion = if let Some(criterion) = alone {
            criterion
        } else {
            let (value, after) = rest.map_or((None, None), delimit);
            rest = after;
            let value = value.filter(|value| !value.is_empty() && !value.starts_with('#'));
            with_value(&name, value.ok_or_else(|| format!("match {name} has no value"))?)?
        };
        conditions.push(Condition { negated, criterion });
    }
    if conditions.is_empty() { Err("match has no condition".to_owned()) } else { Ok(conditions) }
}

fn with_value(name: &str, value: String) -> Result<Criterion, String> {
    Ok(match name {
        "host" => Criterion::Host(value),
        "originalhost" => Criterion::OriginalHost(value),
        "user" => Criterion::User(value),
        "localuser" => Criterion::LocalUser(value),
        "tagged" => Criterion::Tagged(value),
        "exec" => Criterion::Exec(value),
        "localnetwork" | "sessiontype" | "command" | "version" => {
            return Err(format!("omsctl does not honour match {name}"));
        }
        other => {
            return Err(format!(
                "match {other:?} is none of all, host, originalhost, user, localuser, tagged, exec, final, canonical"
            ));
        }
    })
}

/// Whether all of them hold. `exec` runs its command, unless something before it does not hold.
pub(super) fn decide(conditions: &[Condition], known: &Known<'_>) -> Result<Outcome, String> {
    let mut outcome = Outcome { holds: true, wants_last_pass: false };
    let tokens = &known.tokens;
    let list = |patterns: &str, text: &str| matches_list(patterns.split(','), text);
    for Condition { negated, criterion } in conditions {
        let holds = match criterion {
            Criterion::All => true,
            Criterion::Canonical => known.last_pass,
            Criterion::Final => {
                outcome.wants_last_pass = true;
                known.last_pass
            }
            Criterion::Host(patterns) => matches_host(patterns, &tokens.host),
            Criterion::OriginalHost(patterns) => matches_host(patterns, tokens.original),
            Criterion::User(patterns) => list(patterns, &tokens.user),
            Criterion::LocalUser(patterns) => list(patterns, &tokens.local.name),
            Criterion::Tagged(patterns) => list(patterns, known.tag),
            Criterion::Exec(command) => {
                // Expanded in any case: a token that there is not is a mistake in any case.
                let command = tokens.expand(command)?;
                if outcome.holds { run(&command, tokens.local)? } else { *negated }
            }
        };
        outcome.holds &= holds != *negated;
    }
    Ok(outcome)
}

/// By the operator's shell, with nothing to read and nobody to hear it, as ssh does.
fn run(command: &str, local: &LocalUser) -> Result<bool, String> {
    let shell = local.environment.0.get("SHELL").map_or("/bin/sh", String::as_str);
    let mut process = Command::new(shell);
    process.args(["-c", command]).envs(&local.environment.0).stdin(Stdio::null()).stdout(Stdio::null());
    match process.status().map_err(|error| format!("match exec: {shell}: {error}"))?.code() {
        Some(code) => Ok(code == 0),
        None => Err(format!("match exec: {command:?} was ended by a signal")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(conditions: &str) -> Result<Outcome, String> {
        let local = LocalUser::for_tests("/home/ann");
        let tokens = Tokens {
            host: "n1.Example".to_owned(),
            original: "n1",
            known_as: "n1".to_owned(),
            port: 22,
            user: "root".to_owned(),
            jump: String::new(),
            local: &local,
        };
        decide(&parse(conditions)?, &Known { last_pass: false, tokens, tag: "blue" })
    }

    #[test]
    fn conditions_hold_or_not() {
        let check = |conditions: &str, expected: bool| {
            assert_eq!(decided(conditions).map(|outcome| outcome.holds), Ok(expected), "{conditions}");
        };
        check("all", true);
        check("!all", false);
        check("canonical all # why", false);
        check("host *.example,!n2* user root", true);
        check("host=*.EXAMPLE originalhost N1", true);
        check("!host n1* localuser ann", false);
        check("user \"r*\" !localuser ann", false);
        check("tagged bl* !final", true);
        check("exec \"test %h = n1.Example -a %n = n1\"", true);
        check("host x exec \"no such command at all\"", false);
        check("!exec false", true);
        assert!(decided("final").unwrap().wants_last_pass && !decided("canonical").unwrap().wants_last_pass);
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for bad in [
            "host",
            "nonsense x",
            "all host x",
            "# nothing",
            "host a user b all",
            "localnetwork 10.0.0.0/8",
            "exec %Z",
        ] {
            assert!(decided(bad).is_err(), "{bad}");
        }
    }
}
