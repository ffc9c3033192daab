//! How a test calls omsctl: in an operator's folder with a home of its own, and nothing of the tester's environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::prepare::build_release;
use crate::steps::{StepError, release_folder};

/// The `omsctl` under test: `OMSCTL_BIN`, or the release build, brought up to date.
pub fn program() -> Result<PathBuf, StepError> {
    if let Some(given) = std::env::var_os("OMSCTL_BIN") {
        return Ok(PathBuf::from(given));
    }
    build_release()?;
    Ok(release_folder().join("omsctl"))
}

/// A program in this folder, which has the operator's files; the home in it has history and known hosts.
pub fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
        .env("HOME", folder.join("home"))
        .env("XDG_STATE_HOME", folder.join("home/state"))
        .env("LC_ALL", "C.UTF-8");
    command
}
