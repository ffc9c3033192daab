//! Runs programs: argument vectors in, text out. No shell of this machine is ever involved.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::RigError;

/// What a program left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status; -1 when a signal ended it.
    pub code: i32,
    /// Standard output, lossy UTF-8.
    pub stdout: String,
    /// Standard error, lossy UTF-8.
    pub stderr: String,
    line: String,
}

impl Output {
    /// Whether it ended with status 0.
    pub fn success(&self) -> bool {
        self.code == 0
    }

    /// Itself when it ended with status 0, else the failure with the end of what it said.
    pub fn ok(self) -> Result<Self, RigError> {
        if self.success() {
            return Ok(self);
        }
        let said = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let lines: Vec<&str> = said.trim().lines().collect();
        let said = lines[lines.len().saturating_sub(12)..].join("\n");
        Err(RigError::Failed { line: self.line, code: self.code, said })
    }
}

/// A program with its arguments.
#[derive(Debug)]
pub(super) struct Program {
    command: Command,
    line: String,
    input: Option<Vec<u8>>,
}

impl Program {
    pub(super) fn new(name: &str) -> Self {
        Self { command: Command::new(name), line: name.to_owned(), input: None }
    }

    pub(super) fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, arguments: I) -> Self {
        for argument in arguments {
            self.line.push(' ');
            self.line.push_str(&argument.as_ref().to_string_lossy());
            self.command.arg(argument);
        }
        self
    }

    pub(super) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(super) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// Runs it to its end, whatever its status.
    pub(super) fn output(mut self) -> Result<Output, RigError> {
        let line = self.line;
        let not_started = |source| RigError::NotStarted { program: line.clone(), source };
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(not_started)?;
        let feeder = child.stdin.take().zip(self.input).map(|(mut pipe, input)| {
            // A program that does not read its input to the end says why by its status.
            std::thread::spawn(move || drop(pipe.write_all(&input)))
        });
        let result = child.wait_with_output().map_err(not_started)?;
        if let Some(feeder) = feeder {
            let _ = feeder.join();
        }
        Ok(Output {
            code: result.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&result.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&result.stderr).into_owned(),
            line,
        })
    }

    /// Runs it to its end; another status than 0 is an error.
    pub(super) fn run(self) -> Result<Output, RigError> {
        self.output()?.ok()
    }
}

/// Whether a program is there to be started.
pub(super) fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Root's tools are not on everybody's path.
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(name).is_file())
}

/// Quotes one word for a POSIX shell on a host.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_a_shell_would_touch() {
        let check = |word: &str, expected: &str| assert_eq!(quoted(word), expected);
        check("/a/b-c", "/a/b-c");
        check("", "''");
        check("a b", "'a b'");
        check("it's $HOME", r"'it'\''s $HOME'");
    }

    #[test]
    fn tells_the_end_of_what_a_failed_program_said() {
        let failed =
            Program::new("sh").args(["-c", "echo first >&2; echo why >&2; exit 3"]).run().unwrap_err();
        let RigError::Failed { code, said, .. } = failed else { panic!("{failed}") };
        assert_eq!((code, said.as_str()), (3, "first\nwhy"));
    }

    #[test]
    fn hands_input_over() {
        let output = Program::new("cat").input("text").run().unwrap();
        assert_eq!(output.stdout, "text");
    }
}
