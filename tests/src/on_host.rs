//! Tests that need what a real host has (sshd, sudo, other log-in shells) and must leave nothing on this machine: the test
//! program goes to a host of the rig, since it is static, runs there and is removed.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::built::program_of;
use crate::rig::{DBA_PASSWORD, Node, RigError, User};
use crate::steps::{StepError, repository, run_command};

/// Where the program lies on the host meanwhile.
const PLACE: &str = "/tmp/omsctl-tests";

/// Why they did not pass, or could not be run.
#[derive(Debug, thiserror::Error)]
pub enum OnHostError {
    #[error(transparent)]
    Step(#[from] StepError),
    #[error(transparent)]
    Rig(#[from] RigError),
}

/// Runs the controller's tests of this name that cargo ignores, on the host.
pub fn run_ignored(node: &Node, filter: &str) -> Result<(), OnHostError> {
    node.copy_in(&test_program()?, PLACE)?;
    let mut tests = Command::new("docker");
    tests.args(["exec", "--env", &format!("OMSCTL_TEST_USER={}", User::Dba.name())]);
    tests.args(["--env", &format!("OMSCTL_TEST_PASSWORD={DBA_PASSWORD}")]);
    // One at a time: one of them measures.
    tests.args([node.container(), PLACE, filter, "--ignored", "--test-threads=1"]);
    let passed = run_command(&format!("SSH against the servers of {}", node.name()), &mut tests);
    node.exec(["rm", "-f", PLACE])?.ok()?;
    Ok(passed?)
}

/// Built when it is not there; cargo has built it for the tests that it does not ignore.
fn test_program() -> Result<PathBuf, StepError> {
    let step = || "build of the tests for a host".to_owned();
    let output = Command::new("cargo")
        .args(["test", "--quiet", "--workspace", "--lib", "--no-run"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(repository())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| StepError::Start { step: step(), program: "cargo".to_owned(), source })?;
    let messages = String::from_utf8_lossy(&output.stdout);
    program_of(&messages, "omsctl_controller").filter(|_| output.status.success()).ok_or_else(|| {
        StepError::Other { step: step(), reason: format!("cargo built no test program ({})", output.status) }
    })
}
