//! `ansible_ssh_common_args` and `ansible_ssh_extra_args`: the words of an `ssh` command line, as settings.

use std::path::PathBuf;

use super::ConfigError;
use super::line::{self, Line};

const PLACE: &str = "ssh arguments";

/// What a command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    pub lines: Vec<Line>,
    /// `-F`.
    pub config_file: Option<PathBuf>,
    /// Options that omsctl passes over, in words.
    pub warnings: Vec<String>,
}

/// Splits `ansible_ssh_common_args` into words as a shell would. `None`: a quote is open.
pub fn split_words(text: &str) -> Option<Vec<String>> {
    line::words(text)
}

/// Understands the words; a flag that changes where or as whom is never passed over in silence.
pub(super) fn parse(words: &[String]) -> Result<Arguments, ConfigError> {
    let mut arguments = Arguments::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty()) else {
            return Err(error(format!("{word:?} is no option; only options belong here")));
        };
        let mut rest = flags;
        while let Some(flag) = rest.chars().next() {
            rest = &rest[flag.len_utf8()..];
            if "oipPlJFcmbBDeEILOQRSWw".contains(flag) {
                let value = match rest {
                    "" => words.next().ok_or_else(|| error(format!("-{flag} has no value")))?,
                    attached => attached,
                };
                option(&mut arguments, flag, value)?;
                break;
            }
            // Of no meaning for a program: verbosity, terminals, forwarding, compression, address family.
            if !"46AaCfGgKkMNnqsTtVvXxYy".contains(flag) {
                return Err(error(format!("ssh has no option -{flag}")));
            }
        }
    }
    Ok(arguments)
}

fn option(arguments: &mut Arguments, flag: char, value: &str) -> Result<(), ConfigError> {
    let keyword = match flag {
        'o' => {
            arguments.lines.extend(line::parse_line(value, PLACE)?);
            return Ok(());
        }
        'F' => {
            arguments.config_file = Some(PathBuf::from(value));
            return Ok(());
        }
        'i' => "identityfile",
        'p' => "port",
        'l' => "user",
        'J' => "proxyjump",
        other => {
            arguments.warnings.push(format!("the ssh option -{other} {value} is passed over"));
            return Ok(());
        }
    };
    arguments.lines.push(Line {
        keyword: keyword.to_owned(),
        arguments: vec![value.to_owned()],
        place: PLACE.to_owned(),
    });
    Ok(())
}

fn error(reason: String) -> ConfigError {
    ConfigError { place: PLACE.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let parsed = parse(&split_words(text).unwrap()).unwrap();
        let lines: Vec<(&str, &str)> =
            parsed.lines.iter().map(|line| (line.keyword.as_str(), line.arguments[0].as_str())).collect();
        assert_eq!(lines, expected, "{text}");
    }

    #[test]
    fn the_words_of_an_ssh_command_line() {
        check(
            "-o StrictHostKeyChecking=no -oPort=2200",
            &[("stricthostkeychecking", "no"), ("port", "2200")],
        );
        check(
            "-J a,b -i ~/.ssh/k -p22 -vl root -C",
            &[("proxyjump", "a,b"), ("identityfile", "~/.ssh/k"), ("port", "22"), ("user", "root")],
        );
        check("-o ProxyCommand='ssh -W %h:%p -q bastion'", &[("proxycommand", "ssh -W %h:%p -q bastion")]);
        check("-o 'ProxyCommand ssh -W \"%h:%p\" b'", &[("proxycommand", "ssh -W \"%h:%p\" b")]);
        assert_eq!(parse(&split_words("-F /x").unwrap()).unwrap().config_file, Some("/x".into()));
        assert_eq!(parse(&split_words("-L 1:a:2").unwrap()).unwrap().warnings.len(), 1);
    }

    #[test]
    fn what_is_no_option_is_refused() {
        let check = |text: &str, expected: &str| {
            let error = parse(&split_words(text).unwrap()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("host", "\"host\" is no option");
        check("-Z", "ssh has no option -Z");
        check("-p", "-p has no value");
        check("-o Port", "port has no value");
    }
}
