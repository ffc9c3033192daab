//! Gets omsctl and a rig ready at the same time: a compiler is busy with the processors, a rig with packages and disks.
//! Both tell what they do, line by line, each with its name in front.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::rig::{Options, Rig, RigError};
use crate::steps::{StepError, repository, say};

/// Why a rig or a build is not there.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("the rig is not up")]
    Rig(#[from] RigError),
    #[error("omsctl is not built")]
    Build(#[from] StepError),
}

/// What is ready.
#[derive(Debug)]
pub struct Prepared {
    pub rig: Rig,
}

/// Builds the release and brings the rig up, side by side; both are waited for also when one fails.
pub fn prepare(options: Options) -> Result<Prepared, PrepareError> {
    let options = Options { progress: rig_line, ..options };
    let (rig, built) = std::thread::scope(|scope| {
        let rig = scope.spawn(|| Rig::up(&options));
        let built = build_release();
        (rig.join(), built)
    });
    built?;
    let rig = rig.unwrap_or_else(|_| Err(RigError::Usage("the rig's thread panicked".to_owned())))?;
    Ok(Prepared { rig })
}

/// A line of the rig's progress.
pub fn rig_line(line: &str) {
    say(&format!("[rig]   {line}"));
}

/// The release build, told in few lines: the house's own packages, every thirtieth other, and what is wrong.
pub fn build_release() -> Result<(), StepError> {
    let step = || "release build".to_owned();
    let line = "cargo build --release --package omsctl-controller --package omsctl-agent";
    say(&format!("[build] {line}"));
    let started = |source| StepError::Start { step: step(), program: "cargo".to_owned(), source };
    let mut command = Command::new("cargo");
    command
        .args(line.split(' ').skip(1))
        .current_dir(repository())
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(started)?;
    let mut compiled = 0_usize;
    for line in child.stderr.take().into_iter().flat_map(|stream| BufReader::new(stream).lines()) {
        let line = line.map_err(started)?;
        if worth_telling(&line, &mut compiled) {
            say(&format!("[build] {}", line.trim_start()));
        }
    }
    let status = child.wait().map_err(started)?;
    if status.success() {
        Ok(())
    } else {
        Err(StepError::Failed { step: step(), command: line.to_owned(), status })
    }
}

fn worth_telling(line: &str, compiled: &mut usize) -> bool {
    match line.trim_start().split_once(' ') {
        Some(("Compiling", package)) => {
            *compiled += 1;
            package.starts_with("omsctl") || compiled.is_multiple_of(30)
        }
        Some(("Downloading" | "Downloaded" | "Locking" | "Adding" | "Updating", _)) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_told_in_few_lines() {
        let mut compiled = 0;
        let told = (0..60).filter(|_| worth_telling("   Compiling libc v0.2.1", &mut compiled)).count();
        assert_eq!(told, 2);
        let mut check =
            |line: &str, expected: bool| assert_eq!(worth_telling(line, &mut compiled), expected, "{line}");
        check("   Compiling omsctl-agent v0.1.0 (/x)", true);
        check("  Downloaded zstd v0.14.0", false);
        check("error[E0308]: mismatched types", true);
        check("", true);
    }
}
