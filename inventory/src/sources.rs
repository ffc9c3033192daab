//! Where the operator's files are, and the one way in which they are read: with a size limit, as UTF-8, every
//! failure a [`Problem`] that names the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use omsctl_proto::Secret;

use crate::problem::{Place, Problem, ProblemCode};

/// No file that an operator writes is longer.
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// The names that are tried when no `-i` is given.
pub const DEFAULT_INVENTORIES: [&str; 3] = ["inventory.ini", "inventory.yml", "inventory.yaml"];

/// What to load, and what the process knows.
#[derive(Debug, Clone)]
pub struct Sources {
    /// `-i`, in order; empty: the first of [`DEFAULT_INVENTORIES`] that is there.
    pub inventories: Vec<PathBuf>,
    /// `-c`.
    pub config: PathBuf,
    /// `--env-file`.
    pub env_file: Option<PathBuf>,
    /// The environment of the process, for `${NAME}`.
    pub environment: BTreeMap<String, String>,
    /// `--limit`, Ansible's patterns.
    pub limit: Option<String>,
    /// Of Ansible Vault, in the order in which they are tried.
    pub vault_passwords: Vec<Secret>,
    /// Relative paths of the command line are taken from here.
    pub working_directory: PathBuf,
}

impl Sources {
    /// The path as the process can open it.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        if let Ok(rest) = path.strip_prefix("~")
            && let Some(home) = self.environment.get("HOME")
        {
            return Path::new(home).join(rest);
        }
        let joined = self.working_directory.join(path);
        // `./inventory.ini` and `inventory.ini` are one file.
        joined.components().collect()
    }

    /// The path as messages show it: relative to the working directory where it is below it.
    pub(crate) fn shown(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.working_directory) {
            Ok(rest) if rest.as_os_str().is_empty() => PathBuf::from("."),
            Ok(rest) => rest.to_path_buf(),
            Err(_) => path.to_path_buf(),
        }
    }

    /// Reads a file; a problem names it as [`Self::shown`] does.
    pub(crate) fn read(&self, path: &Path) -> Result<String, Box<Problem>> {
        let place = Place::file(&self.shown(path));
        let unreadable = |why: &dyn std::fmt::Display| {
            let message = format!("the file cannot be read: {why}");
            Box::new(Problem::error(ProblemCode::FileUnreadable, message).at(&place))
        };
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            let problem = Problem::error(ProblemCode::LimitExceeded, "the file is longer than 4 MiB");
            return Err(Box::new(problem.at(&place)));
        }
        String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + String::from_utf8_lossy(valid).matches('\n').count();
            let problem = Problem::error(ProblemCode::FileUnreadable, "the file is not UTF-8 text");
            let hint = "save it as UTF-8; passwords with other letters too";
            Box::new(problem.at(&Place { line, ..place.clone() }).hint(hint))
        })
    }
}
