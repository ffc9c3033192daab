//! One generated inventory: files, what `-i`, `--limit` and the vault passwords say. Written to a folder of its own; told
//! in full when the tools differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A file below the folder of the case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) executable: bool,
    /// What it said before it was encrypted.
    pub(crate) clear: Option<String>,
}

/// Everything that both tools are given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) files: BTreeMap<String, Text>,
    pub(crate) sources: Vec<String>,
    pub(crate) limits: Vec<String>,
    pub(crate) passwords: Vec<String>,
    /// What the generator put in, for the tally.
    pub(crate) features: BTreeSet<&'static str>,
}

impl Case {
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        for (name, file) in &self.files {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, &file.text)?;
            if file.executable {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "OMSCTL_SEED={} OMSCTL_CASES=1, -i {:?}", self.seed, self.sources)?;
        for (name, file) in &self.files {
            let kind = if file.executable { ", executable" } else { "" };
            writeln!(formatter, "--- {name}{kind}\n{}", shown(&file.text))?;
            if let Some(clear) = &file.clear {
                writeln!(formatter, "    which is\n{clear}")?;
            }
        }
        write!(formatter, "---")
    }
}

/// As it is, except for what cannot be seen.
fn shown(text: &str) -> String {
    let show = |c: char| match c {
        '\n' => "\n".to_owned(),
        c if c.is_control() || (c.is_whitespace() && c != ' ') || c == '\u{feff}' => {
            c.escape_unicode().to_string()
        }
        c => c.to_string(),
    };
    text.chars().map(show).collect()
}
