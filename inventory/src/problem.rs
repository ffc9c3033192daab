//! What is wrong with the operator's files: one [`Problem`] per finding, with its place, what was written, what is
//! allowed and what to do. No parsing here, and never the text of a secret.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Whether a problem stops the command (exit 2) or is only told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What kind of problem. The text (`INV-103`) is stable: scripts and documents may rely on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemCode { $($(#[$doc])* $name,)* }

        impl ProblemCode {
            /// Every code there is, in the order of this list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// None of the inventories that were asked for, or of the default names, is there.
    InventoryMissing = "INV-001",
    /// A file is there and cannot be read: permissions, size limit, not UTF-8.
    FileUnreadable = "INV-002",
    /// The inventory is of a kind that omsctl does not run or read (script, TOML, plugin configuration).
    InventoryKind = "INV-003",
    /// A line of an INI inventory cannot be understood.
    InventorySyntax = "INV-101",
    /// A host pattern or a range in it cannot be expanded.
    HostPattern = "INV-102",
    /// A section names a group that is declared nowhere.
    UndefinedGroup = "INV-103",
    /// A group is, through others, its own child.
    GroupLoop = "INV-104",
    /// A YAML file of the inventory is not valid YAML.
    InventoryYaml = "INV-105",
    /// A YAML inventory does not have Ansible's shape.
    InventoryShape = "INV-106",
    /// A limit of omsctl is exceeded (hosts, file size, nesting, aliases).
    LimitExceeded = "INV-107",
    /// A file or a value is encrypted with Ansible Vault.
    Vault = "INV-108",
    /// Something in the inventory has no effect, as in Ansible.
    InventoryIgnored = "INV-109",
    /// An `oms_*` variable that does not exist.
    UnknownVariable = "INV-201",
    /// A variable has a value of the wrong kind or out of range.
    VariableValue = "INV-202",
    /// A variable that omsctl uses holds a template that needs Jinja.
    Template = "INV-203",
    /// A variable that is needed is not set.
    VariableMissing = "INV-204",
    /// Two variables contradict each other.
    VariableConflict = "INV-205",
    /// Two hosts have the same address.
    DuplicateAddress = "INV-206",
    /// A file on the bastion that a variable names is missing or unreadable.
    LocalFile = "INV-207",
    /// The inventory has no OMS host.
    NoHosts = "INV-208",
    /// `--limit` cannot be understood or selects nothing.
    Limit = "INV-209",
    /// Allowed, and unlike what OMS's manual does on every host.
    Unusual = "INV-210",
    /// A host has a name that omsctl cannot use.
    HostName = "INV-211",
    /// A host is in two regions, or a region's variable is set on a host.
    RegionGroups = "INV-212",
    /// config.yaml is not there.
    ConfigMissing = "CFG-001",
    /// The file of `--env-file` is missing or has a line that is not `NAME=VALUE`.
    EnvironmentFile = "CFG-002",
    /// config.yaml is not valid YAML.
    ConfigYaml = "CFG-101",
    /// config.yaml is not a mapping of keys to values.
    ConfigShape = "CFG-102",
    /// A key is written twice.
    DuplicateKey = "CFG-103",
    /// A key that OMS does not have.
    UnknownKey = "CFG-201",
    /// A key has a value of the wrong kind or out of range.
    ConfigValue = "CFG-202",
    /// A key that is required is missing or empty.
    MissingKey = "CFG-203",
    /// A number that YAML 1.1 (OMS) and YAML 1.2 read differently.
    AmbiguousNumber = "CFG-204",
    /// `${NAME}` has no value.
    OpenVariable = "CFG-205",
    /// A place of a template that is still to be filled in.
    OpenPlace = "CFG-206",
    /// A value that OMS would read otherwise as it is written in this file; omsctl keeps it as typed.
    ReadDifferently = "CFG-207",
    /// A key that this version of OMS ignores.
    KeyOfOtherVersion = "CFG-208",
    /// `cm_url` names a host or a port that cannot work.
    CmUrl = "CFG-301",
    /// The three databases must have different names.
    DatabaseNames = "CFG-302",
    /// `cm_nodes` and the inventory do not agree.
    CmNodes = "CFG-303",
    /// The time series database is not completely described.
    Tsdb = "CFG-304",
    /// Regions contradict each other.
    Regions = "CFG-305",
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ProblemCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Where something is written. Lines and columns count from 1, columns in characters; 0 means "the whole file".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: Arc<Path>,
    pub line: usize,
    pub column: usize,
}

impl Place {
    pub fn new(file: &Arc<Path>, line: usize, column: usize) -> Self {
        Self { file: Arc::clone(file), line, column }
    }

    /// The file as a whole.
    pub fn file(file: &Path) -> Self {
        Self { file: Arc::from(file), line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if self.line > 0 {
            write!(formatter, ":{}", self.line)?;
            if self.column > 0 {
                write!(formatter, ":{}", self.column)?;
            }
        }
        Ok(())
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    pub code: ProblemCode,
    /// What is wrong, in one sentence without its place.
    pub message: String,
    pub file: Option<PathBuf>,
    /// From 1; absent when the whole file is meant.
    pub line: Option<usize>,
    /// From 1, in characters.
    pub column: Option<usize>,
    /// The key, variable or host it is about, when there is one.
    pub key: Option<String>,
    /// What was written. Never a secret.
    pub found: Option<String>,
    /// What would be right.
    pub allowed: Option<String>,
    /// The nearest valid name.
    pub nearest: Option<String>,
    /// What to do now.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem that stops the command.
    pub fn error(code: ProblemCode, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// A problem that is told and nothing more.
    pub fn warning(code: ProblemCode, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    fn new(severity: Severity, code: ProblemCode, message: String) -> Self {
        Self {
            severity,
            code,
            message,
            file: None,
            line: None,
            column: None,
            key: None,
            found: None,
            allowed: None,
            nearest: None,
            hint: None,
        }
    }

    /// By place; those without one last.
    fn order(&self) -> impl Ord + '_ {
        let place = (self.file.is_none(), &self.file, self.line, self.column);
        (place, self.severity, self.code, &self.message, &self.key)
    }

    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.file = Some(place.file.to_path_buf());
        self.line = (place.line > 0).then_some(place.line);
        self.column = (place.line > 0 && place.column > 0).then_some(place.column);
        self
    }

    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// What was written, shortened to 200 characters. The caller makes sure that it is no secret.
    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        let found: String = found.into();
        self.found = Some(match found.char_indices().nth(200) {
            Some((end, _)) => format!("{}…", &found[..end]),
            None => found,
        });
        self
    }

    #[must_use]
    pub fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    #[must_use]
    pub fn nearest(mut self, nearest: Option<impl Into<String>>) -> Self {
        self.nearest = nearest.map(Into::into);
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Box<Self>> for Problem {
    fn from(problem: Box<Self>) -> Self {
        *problem
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            let place = Place {
                file: file.as_path().into(),
                line: self.line.unwrap_or(0),
                column: self.column.unwrap_or(0),
            };
            write!(formatter, "{place}: ")?;
        }
        write!(formatter, "{}[{}]: {}", self.severity, self.code, self.message)?;
        let lines = [
            ("found", &self.found),
            ("allowed", &self.allowed),
            ("did you mean", &self.nearest),
            ("hint", &self.hint),
        ];
        for (label, text) in lines {
            if let Some(text) = text {
                write!(formatter, "\n    {label}: {text}")?;
            }
        }
        Ok(())
    }
}

/// All that is wrong, errors and warnings, in the order of the files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub fn push(&mut self, problem: impl Into<Problem>) {
        self.0.push(problem.into());
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// By place, each problem once.
    pub(crate) fn sort(&mut self) {
        self.0.sort_by(|one, other| one.order().cmp(&other.order()));
        self.0.dedup();
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            problem.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The candidate that is most like the text, when one is near enough to be what was meant.
pub(crate) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A typed name can be as long as a file; similarity costs length times length.
    let text: String = text.chars().take(64).collect::<String>().to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&text, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_place_message_and_indented_lines() {
        let place = Place::new(&Arc::from(Path::new("config.yaml")), 3, 7);
        let problem = Problem::error(ProblemCode::UnknownKey, "OMS has no key `ssh_server_port`")
            .at(&place)
            .nearest(Some("sshd_server_port"))
            .hint("write the key as OMS documents it");
        insta::assert_snapshot!(problem, @r"
        config.yaml:3:7: error[CFG-201]: OMS has no key `ssh_server_port`
            did you mean: sshd_server_port
            hint: write the key as OMS documents it
        ");
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["code"], "CFG-201");
        assert_eq!(json["severity"], "error");
        assert_eq!(json["line"], 3);
    }

    #[test]
    fn codes_are_unique() {
        let mut texts: Vec<_> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), ProblemCode::ALL.len());
    }

    #[test]
    fn nearest_finds_typos_and_refuses_strangers() {
        let keys = ["sshd_server_port", "cm_server_port", "oms_meta_host"];
        assert_eq!(nearest("ssh_server_port", keys), Some("sshd_server_port"));
        assert_eq!(nearest("OMS_META_HOST", keys), Some("oms_meta_host"));
        assert_eq!(nearest("zzz", keys), None);
    }
}
