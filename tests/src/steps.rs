//! Runs programs one after another for a person who watches: what begins, how long it took, what failed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

/// A step that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error("{step}: {program} cannot be started")]
    Start {
        step: String,
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{step}: {command} ended with {status}")]
    Failed { step: String, command: String, status: ExitStatus },
    #[error("{step}: {reason}")]
    Other { step: String, reason: String },
}

/// The repository that this program was built from.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Where cargo puts what it builds for this target: `…/release` and `…/debug` lie in it.
pub fn target_directory() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    repository().join(target).join("x86_64-unknown-linux-gnu")
}

/// Where the release build puts `omsctl` and its agent.
pub fn release_folder() -> PathBuf {
    target_directory().join("release")
}

/// Says what begins, runs it in the repository with its output shown, says how long it took.
pub fn run<I, S>(step: &str, program: &str, arguments: I) -> Result<(), StepError>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(program);
    command.args(arguments);
    run_command(step, &mut command)
}

/// As [`run`], for a command with an environment of its own.
pub fn run_command(step: &str, command: &mut Command) -> Result<(), StepError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let line = format!("{program} {}", words.join(" "));
    say(&format!("==> {step}: {line}"));
    let began = Instant::now();
    let status = command.current_dir(repository()).stdin(Stdio::null()).status();
    let status = status.map_err(|source| StepError::Start { step: step.to_owned(), program, source })?;
    if !status.success() {
        return Err(StepError::Failed { step: step.to_owned(), command: line, status });
    }
    say(&format!("<== {step}: {:.1} s", began.elapsed().as_secs_f64()));
    Ok(())
}

/// One line for the person who watches.
#[expect(clippy::print_stderr, reason = "this is the watcher's terminal")]
pub fn say(line: &str) {
    eprintln!("{line}");
}

/// An error with its causes in one line.
pub fn one_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line = format!("{line}: {cause}");
        source = cause.source();
    }
    line
}
