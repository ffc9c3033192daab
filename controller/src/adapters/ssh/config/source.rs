//! Reads ssh_config files with everything that they include.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::line::{self, Line};
use super::pattern::matches;
use super::{ConfigError, LocalUser};

/// How deep files may include one another; ssh's own limit.
const MAX_DEPTH: usize = 16;
/// The largest file that is read.
const MAX_SIZE: u64 = 4 << 20;
/// The most files that one include may bring.
const MAX_INCLUDED: usize = 1024;

/// One entry of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    Line(Line),
    /// Each included file by itself; none of their blocks reaches beyond them.
    Include(Vec<Vec<Entry>>),
}

/// The files that apply, in ssh's order: the user's, then the machine's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConfigFiles {
    pub(super) files: Vec<Vec<Entry>>,
}

impl ConfigFiles {
    /// `explicit`: as `ssh -F`; then no other file is read, and it must be there.
    pub(crate) fn load(explicit: Option<&Path>, user: &LocalUser) -> Result<Self, ConfigError> {
        let own = user.home.join(".ssh");
        let mut files = Vec::new();
        if let Some(file) = explicit {
            if file == Path::new("none") {
                return Ok(Self::default());
            }
            files.push(load(file, &own, user, 0)?);
            return Ok(Self { files });
        }
        for (file, folder) in
            [(own.join("config"), own.as_path()), ("/etc/ssh/ssh_config".into(), "/etc/ssh".as_ref())]
        {
            if file.exists() {
                files.push(load(&file, folder, user, 0)?);
            }
        }
        Ok(Self { files })
    }
}

fn load(file: &Path, folder: &Path, user: &LocalUser, depth: usize) -> Result<Vec<Entry>, ConfigError> {
    let name = file.display().to_string();
    let error = |reason: String| ConfigError { place: name.clone(), reason };
    let size = std::fs::metadata(file).map_err(|e| error(e.to_string()))?.len();
    if size > MAX_SIZE {
        return Err(error("it is larger than 4 MiB".to_owned()));
    }
    let bytes = std::fs::read(file).map_err(|e| error(e.to_string()))?;
    let mut entries = Vec::new();
    for line in line::parse(&String::from_utf8_lossy(&bytes), &name)? {
        if line.keyword == "include" {
            entries.push(include(&line, folder, user, depth)?);
        } else {
            entries.push(Entry::Line(line));
        }
    }
    Ok(entries)
}

fn include(line: &Line, folder: &Path, user: &LocalUser, depth: usize) -> Result<Entry, ConfigError> {
    let error = |reason: String| ConfigError { place: line.place.clone(), reason };
    if depth >= MAX_DEPTH {
        return Err(error(format!("more than {MAX_DEPTH} files include one another")));
    }
    let mut included = Vec::new();
    for argument in &line.arguments {
        let pattern = folder.join(user.expand_home(argument));
        for file in glob(&pattern).map_err(|e| error(e.to_string()))? {
            included.push(load(&file, folder, user, depth + 1)?);
            if included.len() > MAX_INCLUDED {
                return Err(error(format!("it brings more than {MAX_INCLUDED} files")));
            }
        }
    }
    Ok(Entry::Include(included))
}

/// The files that match, by name; each part of the path may hold `*` and `?`. Hidden ones only when asked for.
fn glob(pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let text = component.as_os_str().to_string_lossy().into_owned();
        let wild = matches!(component, Component::Normal(_)) && text.contains(['*', '?']);
        let mut next = Vec::new();
        for folder in found {
            if !wild {
                next.push(folder.join(&text));
                continue;
            }
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if matches(&text, &name) && (text.starts_with('.') || !name.starts_with('.')) {
                    next.push(folder.join(name));
                }
            }
        }
        next.sort();
        found = next;
    }
    found.retain(|file| file.is_file());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_found_beside_the_users_own_and_by_name() {
        let home = tempfile::tempdir().unwrap();
        let user = LocalUser { name: "ann".to_owned(), uid: 1, home: home.path().to_owned() };
        let own = home.path().join(".ssh");
        std::fs::create_dir_all(own.join("conf.d")).unwrap();
        std::fs::write(own.join("conf.d/20-b"), "Port 2").unwrap();
        std::fs::write(own.join("conf.d/10-a"), "Port 1").unwrap();
        std::fs::write(own.join("conf.d/.hidden"), "Port 3").unwrap();
        std::fs::write(own.join("config"), "Include conf.d/* ~/.ssh/none\nUser x").unwrap();
        let files = ConfigFiles::load(Some(&own.join("config")), &user).unwrap().files;
        let Entry::Include(included) = &files[0][0] else { panic!("{files:?}") };
        let ports: Vec<String> = included.iter().map(|file| format!("{file:?}")).collect();
        assert_eq!(included.len(), 2);
        assert!(ports[0].contains("\"1\"") && ports[1].contains("\"2\""), "{ports:?}");
    }

    #[test]
    fn an_endless_include_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let user = LocalUser { name: "ann".to_owned(), uid: 1, home: home.path().to_owned() };
        let file = home.path().join("config");
        std::fs::write(&file, format!("Include {}", file.display())).unwrap();
        let error = ConfigFiles::load(Some(&file), &user).unwrap_err();
        assert!(error.reason.contains("include one another"), "{error}");
        let missing = ConfigFiles::load(Some(&home.path().join("missing")), &user).unwrap_err();
        assert!(missing.to_string().contains("missing: No such file"), "{missing}");
    }
}
