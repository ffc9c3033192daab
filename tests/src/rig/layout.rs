//! Where the rig keeps its files: below `target/rig`, never beside the sources.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::RigError;

/// The folders of one instance.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The repository.
    pub repository: PathBuf,
    /// The recipes of the images: `tests/rig` of the repository.
    pub recipes: PathBuf,
    /// What the instances of this repository share: image archives, downloads.
    pub shared: PathBuf,
    /// This instance's own: keys, inventory, configuration. Mode 0700.
    pub state: PathBuf,
}

impl Layout {
    /// The folders of the instance `name`; `CARGO_TARGET_DIR` is respected.
    pub fn of(name: &str) -> Result<Self, RigError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 24 || name == "images" || !name.chars().all(plain) {
            let text =
                format!("an instance's name is 1 to 24 of a-z, 0-9 and -, not `images`: found `{name}`");
            return Err(RigError::Usage(text));
        }
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let repository = tests.parent().unwrap_or(tests).to_owned();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let rig = repository.join(target).join("rig");
        Ok(Self { recipes: tests.join("rig"), shared: rig.join("images"), state: rig.join(name), repository })
    }

    pub(super) fn create(&self) -> Result<(), RigError> {
        for folder in [&self.shared, &self.state] {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(folder).map_err(RigError::file("create", folder))?;
        }
        Ok(())
    }
}

/// Writes a file that only its owner reads.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), RigError> {
    use std::io::Write;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).map_err(RigError::file("write", path))?;
    file.write_all(text.as_bytes()).map_err(RigError::file("write", path))
}

pub(super) fn read(path: &Path) -> Result<String, RigError> {
    fs::read_to_string(path).map_err(RigError::file("read", path))
}

/// A short digest of what an image is made of: texts, and folders with every file's name and content.
pub(super) fn digest(texts: &[&str], paths: &[&Path]) -> Result<String, RigError> {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    for path in paths {
        let mut files = Vec::new();
        collect(path, &mut files)?;
        files.sort();
        for file in files {
            hash.update(file.strip_prefix(path).unwrap_or(&file).to_string_lossy().as_bytes());
            hash.update([0]);
            hash.update(fs::read(&file).map_err(RigError::file("read", &file))?);
        }
    }
    let mut short = String::new();
    for byte in hash.finalize().iter().take(6) {
        // Writing to a String does not fail.
        let _ = write!(short, "{byte:02x}");
    }
    Ok(short)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), RigError> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(RigError::file("read", path))? {
        let entry = entry.map_err(RigError::file("read", path))?.path();
        // Bytecode that a local Python left behind is no input.
        if entry.file_name().is_some_and(|name| name == "__pycache__") {
            continue;
        }
        collect(&entry, files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        let check = |name: &str, good: bool| assert_eq!(Layout::of(name).is_ok(), good, "{name}");
        check("demo", true);
        check("verify-2", true);
        check("", false);
        check("../x", false);
        check("images", false);
    }

    #[test]
    fn the_digest_follows_names_and_content() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "1").unwrap();
        let first = digest(&["t"], &[folder.path()]).unwrap();
        assert_eq!(digest(&["t"], &[folder.path()]).unwrap(), first);
        fs::rename(folder.path().join("a"), folder.path().join("b")).unwrap();
        let renamed = digest(&["t"], &[folder.path()]).unwrap();
        fs::write(folder.path().join("b"), "2").unwrap();
        let rewritten = digest(&["t"], &[folder.path()]).unwrap();
        assert!(first != renamed && renamed != rewritten);
    }
}
