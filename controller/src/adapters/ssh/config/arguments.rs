//! `ansible_ssh_common_args` and `ansible_ssh_extra_args`: the words of an `ssh` command line, as settings.

use std::path::PathBuf;

use super::evaluate::Giver;
use super::source::{Entry, Setting, setting};
use super::{ConfigError, ConfigErrors, LocalUser, line};

const PLACE: &str = "ssh arguments";

/// What a command line says.
#[derive(Debug, Clone, Default)]
pub(super) struct Arguments {
    pub settings: Vec<(Setting, Giver)>,
    /// `-F`.
    pub config_file: Option<PathBuf>,
    /// Options that omsctl passes over, in words.
    pub warnings: Vec<String>,
}

/// Understands the words; a flag that changes where or as whom is never passed over in silence.
pub(super) fn parse(words: &[String], local: &LocalUser) -> Result<Arguments, ConfigErrors> {
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
                option(&mut arguments, flag, value, local)?;
                break;
            }
            match flag {
                '4' | '6' => {
                    // These two count however often and late they stand.
                    arguments.settings.retain(|(setting, _)| setting.keyword.name != "addressfamily");
                    let family = if flag == '4' { "inet" } else { "inet6" };
                    add(&mut arguments, "AddressFamily", family, local)?;
                }
                // Of no meaning for a program: verbosity, terminals, forwarding, compression.
                flag if "AaCfGgKkMNnqsTtVvXxYy".contains(flag) => {}
                other => return Err(error(format!("ssh has no option -{other}"))),
            }
        }
    }
    Ok(arguments)
}

fn option(arguments: &mut Arguments, flag: char, value: &str, local: &LocalUser) -> Result<(), ConfigErrors> {
    match flag {
        'o' => add_line(arguments, value, Giver::User, local),
        'F' => {
            arguments.config_file = Some(PathBuf::from(value));
            Ok(())
        }
        'i' => {
            let file = local.expand_tilde(value).map_err(error)?;
            if std::fs::exists(&file).unwrap_or(false) {
                return add_line(arguments, &format!("IdentityFile {}", quoted(&file)), Giver::Option, local);
            }
            arguments.warnings.push(format!("the identity file {file} is not there, and is passed over"));
            Ok(())
        }
        'p' => add(arguments, "Port", value, local),
        'l' => add(arguments, "User", value, local),
        'J' => {
            let way = ["proxyjump", "proxycommand"];
            if arguments.settings.iter().any(|(setting, _)| way.contains(&setting.keyword.name)) {
                return Err(error("-J stands beside another -J, ProxyJump or ProxyCommand".to_owned()));
            }
            add_line(arguments, &format!("ProxyJump {value}"), Giver::User, local)
        }
        'b' => add(arguments, "BindAddress", value, local),
        'B' => add(arguments, "BindInterface", value, local),
        'P' => add(arguments, "Tag", value, local),
        other => {
            arguments.warnings.push(format!("the ssh option -{other} {value} is passed over"));
            Ok(())
        }
    }
}

/// One setting with a value that is to be taken as it stands.
pub(super) fn add(
    arguments: &mut Arguments,
    keyword: &str,
    value: &str,
    local: &LocalUser,
) -> Result<(), ConfigErrors> {
    add_line(arguments, &format!("{keyword} {}", quoted(value)), Giver::User, local)
}

fn add_line(
    arguments: &mut Arguments,
    text: &str,
    giver: Giver,
    local: &LocalUser,
) -> Result<(), ConfigErrors> {
    let Some(line) = line::parse(text, PLACE).map_err(error)? else { return Ok(()) };
    if matches!(line.keyword.as_str(), "host" | "match" | "include") {
        return Err(error(format!("{} belongs into a file", line.keyword)));
    }
    match setting(line, local) {
        Ok(Entry::Setting(setting)) => {
            arguments.settings.push((setting, giver));
            Ok(())
        }
        Ok(Entry::Unknown(line)) if excused(arguments, &line.keyword) => Ok(()),
        Ok(Entry::Unknown(line)) => Err(error(format!("there is no keyword {:?}", line.keyword))),
        Ok(_) => Ok(()),
        Err(error) => Err(ConfigErrors(vec![error])),
    }
}

fn excused(arguments: &Arguments, keyword: &str) -> bool {
    let mut settings = arguments.settings.iter();
    let patterns = settings.find(|(setting, _)| setting.keyword.name == "ignoreunknown");
    patterns
        .is_some_and(|(setting, _)| setting.line.words.iter().any(|word| super::matches_host(word, keyword)))
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn error(reason: String) -> ConfigErrors {
    ConfigErrors(vec![ConfigError { place: PLACE.to_owned(), reason }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Arguments, ConfigErrors> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse(&words, &LocalUser::for_tests("/home/ann"))
    }

    fn check(words: &[&str], expected: &[(&str, &str)]) {
        let parsed = parsed(words).unwrap();
        let settings: Vec<(&str, &str)> = parsed
            .settings
            .iter()
            .map(|(setting, _)| (setting.keyword.name, setting.line.rest.as_str()))
            .collect();
        assert_eq!(settings, expected, "{words:?}");
    }

    #[test]
    fn the_words_of_an_ssh_command_line() {
        check(
            &["-o", "StrictHostKeyChecking=no", "-oPort=2200"],
            &[("stricthostkeychecking", "no"), ("port", "2200")],
        );
        check(
            &["-J", "a,b", "-p22", "-vl", "root", "-C", "-4"],
            &[("proxyjump", "a,b"), ("port", "\"22\""), ("user", "\"root\""), ("addressfamily", "\"inet\"")],
        );
        check(&["-o", "ProxyCommand ssh -W \"%h:%p\" b"], &[("proxycommand", "ssh -W \"%h:%p\" b")]);
        check(&["-oIgnoreUnknown=x*", "-oXyz=1"], &[("ignoreunknown", "x*")]);
        assert_eq!(parsed(&["-F", "/x"]).unwrap().config_file, Some("/x".into()));
        assert_eq!(parsed(&["-L", "1:a:2", "-i", "/no/such/file"]).unwrap().warnings.len(), 2);
    }

    #[test]
    fn what_is_no_option_is_refused() {
        let check = |words: &[&str], expected: &str| {
            let error = parsed(words).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(&["host"], "\"host\" is no option");
        check(&["-Z"], "ssh has no option -Z");
        check(&["-p"], "-p has no value");
        check(&["-o", "Port"], "port has no value");
        check(&["-p", "0"], "is no number from 1 to 65535");
        check(&["-o", "Host=x"], "host belongs into a file");
        check(&["-J", "a", "-J", "b"], "-J stands beside another");
        check(&["-oXyz=1"], "there is no keyword \"xyz\"");
    }
}
