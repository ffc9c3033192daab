//! The virtual environment with the pinned packages of `requirements.txt`: made once, by whoever comes first.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// Why a program of the environment is not there.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    #[error("{}: cannot be prepared", folder.display())]
    Folder {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{command}: cannot be started (Debian: apt-get install python3-venv)")]
    Start {
        command: String,
        #[source]
        source: io::Error,
    },
    #[error("{command} failed (Debian: apt-get install python3-venv):\n{output}")]
    Failed { command: String, output: String },
}

/// A program of the environment, such as `python` or `ansible-inventory`; makes the environment when it is not there,
/// or was made from other requirements.
pub fn program(name: &str) -> Result<PathBuf, EnvironmentError> {
    let folder = folder();
    let problem = |source| EnvironmentError::Folder { folder: folder.clone(), source };
    fs::create_dir_all(&folder).map_err(problem)?;
    // Suites run side by side: the second waits until the first has made it. Unlocked when it is closed.
    let lock = File::create(folder.join("lock")).map_err(problem)?;
    lock.lock().map_err(problem)?;
    let (environment, made_from) = (folder.join("environment"), folder.join("requirements.txt"));
    if fs::read_to_string(&made_from).ok().as_deref() != Some(REQUIREMENTS) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        let wanted = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.txt");
        let pip = environment.join("bin/pip");
        run(Command::new(pip).args(["install", "--quiet", "--requirement"]).arg(wanted))?;
        fs::write(&made_from, REQUIREMENTS).map_err(problem)?;
    }
    Ok(environment.join("bin").join(name))
}

fn folder() -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    repository.join(target).join("originals")
}

fn run(command: &mut Command) -> Result<(), EnvironmentError> {
    let line = format!("{command:?}");
    let output = match command.output() {
        Ok(output) => output,
        Err(source) => return Err(EnvironmentError::Start { command: line, source }),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(EnvironmentError::Failed { command: line, output: String::from_utf8_lossy(&said).into_owned() })
}
