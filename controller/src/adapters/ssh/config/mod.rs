//! `ssh_config(5)` as ssh reads it: lines, patterns, includes, tokens, first match wins.
//!
//! `source` reads the files and `criteria` runs the commands of `Match exec`; all else is pure. Nothing here connects.

mod address;
mod algorithms;
mod arguments;
mod criteria;
mod evaluate;
mod glob;
mod jump;
mod keyword;
mod line;
mod listing;
mod local_user;
mod pattern;
mod resolve;
mod settings;
mod source;
mod tokens;
mod value;

pub use listing::{HONOURED, list};
pub use local_user::{Environment, LocalUser, Tables};
pub(crate) use pattern::{matches_host, matches_list};
pub(crate) use resolve::resolve;
pub use settings::Destination;
pub(crate) use settings::{
    AddressFamily, HostKeyPolicy, HostKeyRules, HostSettings, LogInMethod, LogInRules, Proxy,
};
pub use source::ConfigFiles;

/// What is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct ConfigError {
    /// `file:line`, or `ssh arguments`.
    pub place: String,
    pub reason: String,
}

/// Everything that is wrong; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    pub(self) fn one(place: &str, reason: impl Into<String>) -> Self {
        Self(vec![ConfigError { place: place.to_owned(), reason: reason.into() }])
    }

    pub(self) fn unless_empty(errors: Vec<ConfigError>) -> Result<(), Self> {
        if errors.is_empty() { Ok(()) } else { Err(Self(errors)) }
    }
}

impl std::fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&all.join("; "))
    }
}

impl std::error::Error for ConfigErrors {}
