//! Reads `ssh_config` files with everything that they include. What can be said without knowing the host is checked here,
//! so that every mistake in all files is told at once.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::criteria::{self, Condition};
use super::keyword::{self, Keyword};
use super::line::{self, Line};
use super::value::{self, Value};
use super::{ConfigError, ConfigErrors, LocalUser, glob, matches_host};

/// How deep files may include one another; ssh's own limit.
const MAX_DEPTH: usize = 16;
/// The largest file that is read.
const MAX_SIZE: u64 = 4 << 20;
/// The most that is read, with everything included.
const MAX_TOTAL: u64 = 16 << 20;
/// The most files that are included, all together.
const MAX_INCLUDED: usize = 1024;

/// One entry of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    Host(Line),
    /// With its place.
    Match(Vec<Condition>, String),
    Setting(Setting),
    /// A keyword that there is not; `IgnoreUnknown` may excuse it.
    Unknown(Line),
    /// Each included file by itself; none of their blocks reaches beyond them.
    Include(Vec<Vec<Entry>>),
}

/// A keyword with its value.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub keyword: &'static Keyword,
    pub value: Value,
    /// As it was written.
    pub line: Line,
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.line == other.line
    }
}

impl Eq for Setting {}

/// The files that apply, in ssh's order: the user's, then the machine's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFiles {
    pub(super) files: Vec<ConfigFile>,
}

/// One of them with what it includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConfigFile {
    pub entries: Vec<Entry>,
    /// The user's own, or the one of `-F`.
    pub of_user: bool,
}

impl ConfigFiles {
    /// `explicit`: as `ssh -F`; then no other file is read, and it must be there.
    pub fn load(explicit: Option<&Path>, local: &LocalUser) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(local, 0);
        let mut files = Vec::new();
        match explicit {
            Some(file) if file.as_os_str().eq_ignore_ascii_case("none") => {}
            Some(file) => files.push(ConfigFile { entries: reader.file(file, 0, false), of_user: true }),
            None => {
                for (file, of_user) in
                    [(local.home.join(".ssh/config"), true), (PathBuf::from("/etc/ssh/ssh_config"), false)]
                {
                    if file.exists() {
                        reader.of_user = of_user;
                        files.push(ConfigFile { entries: reader.file(&file, 0, of_user), of_user });
                    }
                }
            }
        }
        reader.finish().map(|()| Self { files })
    }

    /// Text of the command line's kind and of tests, without any file; `Include` finds nothing there.
    pub fn parse(text: &str, name: &str, local: &LocalUser) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(local, MAX_INCLUDED);
        let entries = reader.text(text, name, MAX_DEPTH);
        let files = vec![ConfigFile { entries, of_user: true }];
        reader.finish().map(|()| Self { files })
    }
}

/// Reads file by file.
struct Reader<'a> {
    local: &'a LocalUser,
    of_user: bool,
    total: u64,
    included: usize,
    /// Too many files: nothing more is included.
    endless: bool,
    errors: Vec<ConfigError>,
    /// Keywords that there are not, and every pattern that may excuse them.
    unknown: Vec<Line>,
    excuses: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(local: &'a LocalUser, included: usize) -> Self {
        let (errors, unknown, excuses) = (Vec::new(), Vec::new(), Vec::new());
        Reader { local, of_user: true, total: 0, included, endless: false, errors, unknown, excuses }
    }

    /// Everything that is wrong. Beside other mistakes those keywords are told, too, that nothing can excuse.
    fn finish(mut self) -> Result<(), ConfigErrors> {
        if !self.errors.is_empty() {
            let excused =
                |line: &&Line| self.excuses.iter().any(|patterns| matches_host(patterns, &line.keyword));
            let unknown: Vec<ConfigError> =
                self.unknown.iter().filter(|line| !excused(line)).map(unknown_keyword).collect();
            self.errors.extend(unknown);
        }
        // A file that is included twice has its mistakes once.
        let mut seen = HashSet::new();
        self.errors.retain(|error| seen.insert(error.to_string()));
        ConfigErrors::unless_empty(self.errors)
    }

    fn note(&mut self, entry: &Entry) {
        match entry {
            Entry::Unknown(line) => self.unknown.push(line.clone()),
            Entry::Setting(Setting { keyword, value: Value::Text(patterns), .. })
                if keyword.name == "ignoreunknown" =>
            {
                self.excuses.push(patterns.clone());
            }
            _ => {}
        }
    }

    fn refuse(&mut self, place: &str, reason: impl Into<String>) {
        self.errors.push(ConfigError { place: place.to_owned(), reason: reason.into() });
    }

    fn file(&mut self, file: &Path, depth: usize, guarded: bool) -> Vec<Entry> {
        let name = file.display().to_string();
        match self.read(file, guarded) {
            Ok(text) => self.text(&text, &name, depth),
            Err(reason) => {
                self.refuse(&name, reason);
                Vec::new()
            }
        }
    }

    /// `guarded`: nobody else may be able to write it.
    fn read(&mut self, file: &Path, guarded: bool) -> Result<String, String> {
        let metadata = std::fs::metadata(file).map_err(|error| error.to_string())?;
        let (mode, owner) = (metadata.mode(), metadata.uid());
        let others = mode & 0o002 != 0 || (mode & 0o020 != 0 && !self.local.has_group_alone(metadata.gid()));
        let ours = rustix::process::getuid().as_raw();
        if guarded && (others || (owner != 0 && owner != ours)) {
            return Err(format!(
                "its owner or its mode {:04o} lets others write it, and ssh refuses that, too: chmod 600",
                mode & 0o7777
            ));
        }
        self.total = self.total.saturating_add(metadata.len());
        if metadata.len() > MAX_SIZE || self.total > MAX_TOTAL {
            return Err("a file larger than 4 MiB, or 16 MiB with what is included, is not read".to_owned());
        }
        if metadata.is_dir() {
            return Ok(String::new());
        }
        let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn text(&mut self, text: &str, name: &str, depth: usize) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (index, text) in text.split('\n').enumerate() {
            let place = format!("{name}:{}", index + 1);
            match line::parse(text, &place) {
                Ok(Some(line)) => entries.extend(self.entry(line, depth)),
                Ok(None) => {}
                Err(reason) => self.refuse(&place, reason),
            }
        }
        entries
    }

    fn entry(&mut self, line: Line, depth: usize) -> Option<Entry> {
        match line.keyword.as_str() {
            "host" | "include" if line.words.iter().any(String::is_empty) => {
                self.refuse(&line.place, format!("{} has an empty value", line.keyword));
                None
            }
            "host" => Some(Entry::Host(line)),
            "match" => match criteria::parse(&line.rest) {
                Ok(conditions) => Some(Entry::Match(conditions, line.place)),
                Err(reason) => {
                    self.refuse(&line.place, reason);
                    None
                }
            },
            "include" => Some(self.include(&line, depth)),
            _ => match setting(line, self.local) {
                Ok(entry) => {
                    self.note(&entry);
                    Some(entry)
                }
                Err(error) => {
                    self.errors.push(error);
                    None
                }
            },
        }
    }

    fn include(&mut self, line: &Line, depth: usize) -> Entry {
        let mut files = Vec::new();
        for word in &line.words {
            if self.endless {
                break;
            }
            if depth >= MAX_DEPTH {
                self.endless = true;
                self.refuse(&line.place, format!("more than {MAX_DEPTH} files include one another"));
                break;
            }
            let pattern = match self.pattern(word) {
                Ok(pattern) => pattern,
                Err(reason) => {
                    self.refuse(&line.place, reason);
                    continue;
                }
            };
            for file in glob::files(&pattern, MAX_INCLUDED) {
                self.included += 1;
                if self.included > MAX_INCLUDED && !self.endless {
                    self.endless = true;
                    self.refuse(&line.place, format!("more than {MAX_INCLUDED} files are included"));
                }
                if self.endless {
                    return Entry::Include(files);
                }
                files.push(self.file(&file, depth + 1, true));
            }
        }
        Entry::Include(files)
    }

    fn pattern(&self, word: &str) -> Result<String, String> {
        if word.contains("${") || word.contains('%') {
            return Err(format!("omsctl does not honour tokens in include {word:?}"));
        }
        match (word.starts_with('~'), self.of_user) {
            (true, false) => Err(format!("include {word:?}: the machine's own file has no home folder")),
            (true, true) => self.local.expand_tilde(word),
            (false, _) if word.starts_with('/') => Ok(word.to_owned()),
            (false, true) => Ok(format!("{}/.ssh/{word}", self.local.home.display())),
            (false, false) => Ok(format!("/etc/ssh/{word}")),
        }
    }
}

/// The error of a keyword that there is not.
pub(super) fn unknown_keyword(line: &Line) -> ConfigError {
    let nearest = keyword::nearest(&line.keyword);
    let nearest = nearest.map(|nearest| format!(" (is it {nearest}?)")).unwrap_or_default();
    ConfigError {
        place: line.place.clone(),
        reason: format!("there is no keyword {:?}{nearest}", line.keyword),
    }
}

/// A line that is neither of a block nor an include.
pub(super) fn setting(line: Line, local: &LocalUser) -> Result<Entry, ConfigError> {
    match keyword::find(&line.keyword) {
        Some(keyword) => match value::parse(keyword, &line, local) {
            Ok(value) => Ok(Entry::Setting(Setting { keyword, value, line })),
            Err(reason) => Err(ConfigError { place: line.place, reason }),
        },
        None => Ok(Entry::Unknown(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_found_beside_the_users_own_and_by_name() {
        let home = tempfile::tempdir().unwrap();
        let user = LocalUser::for_tests(home.path());
        let own = home.path().join(".ssh");
        std::fs::create_dir_all(own.join("conf.d")).unwrap();
        std::fs::write(own.join("conf.d/20-b"), "Port 2").unwrap();
        std::fs::write(own.join("conf.d/10-a"), "Port 1").unwrap();
        std::fs::write(own.join("config"), "Include conf.d/* ~/.ssh/none\nUser x").unwrap();
        let files = ConfigFiles::load(Some(&own.join("config")), &user).unwrap().files;
        let Entry::Include(included) = &files[0].entries[0] else { panic!("{files:?}") };
        let ports: Vec<String> = included.iter().map(|file| format!("{file:?}")).collect();
        assert_eq!(included.len(), 2);
        assert!(ports[0].contains("\"1\"") && ports[1].contains("\"2\""), "{ports:?}");
    }

    #[test]
    fn an_endless_include_is_refused_whatever_it_doubles() {
        let home = tempfile::tempdir().unwrap();
        let user = LocalUser::for_tests(home.path());
        let file = home.path().join("config");
        let refusals = |text: &str| {
            std::fs::write(&file, text).unwrap();
            ConfigFiles::load(Some(&file), &user).unwrap_err().to_string()
        };
        let once = refusals(&format!("Include {}", file.display()));
        assert!(once.contains("more than 16 files include one another"), "{once}");
        std::fs::write(home.path().join("other"), "").unwrap();
        let many = format!("Include {}\n", home.path().join("other").display()).repeat(1025);
        let many = refusals(&many);
        assert!(many.contains("config:1025: more than 1024 files are included"), "{many}");
        let missing = ConfigFiles::load(Some(&home.path().join("missing")), &user).unwrap_err();
        assert!(missing.to_string().contains("missing: No such file"), "{missing}");
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let local = LocalUser::for_tests("/home/ann");
        let refused =
            ConfigFiles::parse("Match localnetwork 10.0.0.0/8", "f", &local).unwrap_err().to_string();
        assert_eq!(refused, "f:1: omsctl does not honour match localnetwork");
        let errors = ConfigFiles::parse("Port x\nUser\nHost a\n Port 1 2\nHost \"\"\nBogus 1", "f", &local)
            .unwrap_err();
        let places: Vec<&str> = errors.0.iter().map(|error| error.place.as_str()).collect();
        assert_eq!(places, ["f:1", "f:2", "f:4", "f:5", "f:6"], "{errors}");
    }

    #[test]
    fn included_files_that_others_may_write_are_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("included");
        std::fs::write(&file, "Port 1").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        let config = home.path().join("config");
        std::fs::write(&config, format!("Include {}", file.display())).unwrap();
        let error =
            ConfigFiles::load(Some(&config), &LocalUser::for_tests(home.path())).unwrap_err().to_string();
        assert!(error.contains("0666 lets others write it"), "{error}");
    }
}
