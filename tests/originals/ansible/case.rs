//! One generated inventory: files, what `-i`, `--limit` and the vault passwords say. Written to a folder of its own; told
//! in full when the tools differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// A password of Ansible Vault, and the label that the text gets.
pub(crate) type Lock = (&'static str, Option<&'static str>);

/// A file below the folder of the case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// The password and label that Ansible Vault encrypts it with before it is written.
    pub(crate) lock: Option<Lock>,
}

/// Everything that both tools are given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) files: BTreeMap<String, Text>,
    pub(crate) sources: Vec<String>,
    pub(crate) limits: Vec<String>,
    pub(crate) passwords: Vec<&'static str>,
    /// What the generator put in, for the tally.
    pub(crate) features: BTreeSet<&'static str>,
}

impl Case {
    /// `encrypt` is Ansible's.
    pub(crate) fn write(
        &self,
        folder: &Path,
        mut encrypt: impl FnMut(&str, Lock) -> io::Result<String>,
    ) -> io::Result<()> {
        for (name, file) in &self.files {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let text = match file.lock {
                Some(lock) => encrypt(&file.text, lock)?,
                None => file.text.clone(),
            };
            fs::write(&path, text)?;
        }
        Ok(())
    }
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "OMSCTL_SEED={} OMSCTL_CASES=1, -i {:?}", self.seed, self.sources)?;
        for (name, file) in &self.files {
            let kind = match file.lock {
                Some(lock) => format!(", encrypted with {lock:?}"),
                None => String::new(),
            };
            writeln!(formatter, "--- {name}{kind}\n{}", shown(&file.text))?;
        }
        write!(formatter, "--- passwords: {:?}", self.passwords)
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
