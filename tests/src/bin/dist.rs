//! `cargo dist`: the release archive that an operator without cargo copies to a bastion. Builds only for the
//! architecture of this machine.

use std::env::consts;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use sha2::{Digest, Sha256};
use system_tests::steps::{StepError, one_line, repository, run, run_command, say, target_directory};

const ARCHITECTURE: &str = consts::ARCH;

fn main() -> ExitCode {
    match make() {
        Ok(archive) => {
            say(&format!("done: {archive}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("failed: {}", one_line(&error)));
            ExitCode::FAILURE
        }
    }
}

fn make() -> Result<String, StepError> {
    run("build omsctl", "cargo", ["build", "--profile", "dist", "--package", "omsctl-controller"])?;
    run("build the agent", "cargo", ["build", "--profile", "dist-agent", "--package", "omsctl-agent"])?;
    let name = format!("omsctl-{}-linux-{ARCHITECTURE}", env!("CARGO_PKG_VERSION"));
    let folder = repository().join("dist").join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| other("collect", &error))?;
    }
    fs::create_dir_all(folder.join("completions")).map_err(|error| other("collect", &error))?;
    let built = |profile: &str, program: &str| target_directory().join(profile).join(program);
    let omsctl = built("dist", "omsctl");
    let agent = format!("omsctl-agent-{ARCHITECTURE}");
    let files = [
        (omsctl.clone(), "omsctl"),
        (built("dist-agent", "omsctl-agent"), agent.as_str()),
        (repository().join("LICENSE"), "LICENSE"),
        (repository().join("README.md"), "README.md"),
        (repository().join("CHANGELOG.md"), "CHANGELOG.md"),
    ];
    for (from, to) in files {
        fs::copy(&from, folder.join(to))
            .map_err(|error| other(&format!("copy {}", from.display()), &error))?;
    }
    for (shell, file) in [("bash", "omsctl.bash"), ("zsh", "_omsctl"), ("fish", "omsctl.fish")] {
        let script = completion(&omsctl, shell)?;
        fs::write(folder.join("completions").join(file), script)
            .map_err(|error| other("completions", &error))?;
    }
    checksums(&folder)?;
    let archive = format!("dist/{name}.tar.gz");
    let mut tar = Command::new("tar");
    tar.args(["--create", "--gzip", "--owner=0", "--group=0", "--sort=name"]);
    tar.args(["--file", &archive, "--directory", "dist", &name]);
    run_command("pack", &mut tar)?;
    Ok(archive)
}

fn completion(omsctl: &Path, shell: &str) -> Result<Vec<u8>, StepError> {
    let output = Command::new(omsctl).args(["completion", shell]).output();
    let output = output.map_err(|error| other("completions", &error))?;
    if output.status.success() && !output.stdout.is_empty() {
        return Ok(output.stdout);
    }
    let reason = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(StepError::Other { step: format!("completion {shell}"), reason })
}

/// `sha256sum --check SHA256SUMS` accepts it.
fn checksums(folder: &Path) -> Result<(), StepError> {
    let mut lines = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).map_err(|error| other("checksums", &error))? {
            let path = entry.map_err(|error| other("checksums", &error))?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).map_err(|error| other("checksums", &error))?;
            let hash: Vec<String> = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            let hash = hash.concat();
            let relative = path.strip_prefix(folder).unwrap_or(&path);
            lines.push(format!("{hash}  {}\n", relative.display()));
        }
    }
    lines.sort_by(|a, b| a[66..].cmp(&b[66..]));
    fs::write(folder.join("SHA256SUMS"), lines.concat()).map_err(|error| other("checksums", &error))
}

fn other(step: &str, error: &std::io::Error) -> StepError {
    StepError::Other { step: step.to_owned(), reason: error.to_string() }
}
