//! From words to a request, or to a text that answers at once (help, version, usage error).

use std::ffi::OsString;

use clap::{CommandFactory, Parser};
use clap_complete::Shell;

use super::Request;
use super::arguments::Arguments;
use crate::exit::Exit;

/// There is nothing to do but to print this and to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Ends with a line end. Goes to stdout when `exit` is [`Exit::Done`], else to stderr.
    pub text: String,
    pub exit: Exit,
}

/// Reads the command line, program name first.
pub fn parse<I>(words: I) -> Result<Request, Stopped>
where
    I: IntoIterator<Item = OsString>,
{
    let words: Vec<OsString> = words.into_iter().collect();
    let typed = typed(&words);
    match Arguments::try_parse_from(words) {
        Ok(arguments) => Ok(arguments.into_request(typed)),
        Err(error) => Err(stopped(&error)),
    }
}

/// The completion script of a shell.
pub fn completion(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "omsctl", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// A page of the manual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualPage {
    /// As `man` looks for it, for instance `omsctl-apply.1`.
    pub file_name: String,
    /// In roff.
    pub text: String,
}

/// The manual: the page of the program, then those of its commands.
pub fn manual() -> Vec<ManualPage> {
    let program = Arguments::command();
    // The line that `man` finds pages by is one line.
    let about = program.get_about().map(ToString::to_string).unwrap_or_default();
    let first = about.lines().next().unwrap_or_default().to_owned();
    let mut program = program.about(first).long_about(about);
    program.build();
    let mut pages = Vec::new();
    add_pages(&program, &mut pages);
    pages
}

fn add_pages(command: &clap::Command, pages: &mut Vec<ManualPage>) {
    let man = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = man.render(&mut text);
    let text = as_typed(&String::from_utf8_lossy(&text));
    pages.push(ManualPage { file_name: man.get_filename(), text });
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        add_pages(command, pages);
    }
}

/// What follows the options keeps its lines: examples, and tables of exit codes.
fn as_typed(page: &str) -> String {
    let Some((before, after)) = page.split_once(".SH EXTRA\n") else { return page.to_owned() };
    let (notes, rest) = after.find(".SH ").map_or((after, ""), |next| after.split_at(next));
    format!("{before}.SH NOTES\n.nf\n{notes}.fi\n{rest}")
}

fn stopped(error: &clap::Error) -> Stopped {
    let exit = if error.exit_code() == 0 { Exit::Done } else { Exit::Usage };
    Stopped { text: error.render().to_string(), exit }
}

/// `omsctl` and its words; one with a space is quoted.
fn typed(words: &[OsString]) -> String {
    let mut line = "omsctl".to_owned();
    for word in words.iter().skip(1) {
        let word = word.to_string_lossy();
        line.push(' ');
        if word.is_empty() || word.contains(|c: char| c.is_whitespace() || "'\"\\$`!*?&|;<>()".contains(c)) {
            line.push('\'');
            line.push_str(&word.replace('\'', r"'\''"));
            line.push('\'');
        } else {
            line.push_str(&word);
        }
    }
    line
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
