//! `ssh_config(5)`, as far as omsctl honours it: lines, patterns, includes, tokens, first match wins.
//!
//! Everything but `source` (which reads the files) is pure. Nothing here connects.

mod arguments;
mod evaluate;
mod line;
mod local_user;
mod pattern;
mod settings;
mod source;
mod tokens;

pub use arguments::split_words;
pub(crate) use local_user::LocalUser;
pub(crate) use pattern::matches_list;
pub(crate) use settings::{Destination, HostKeyPolicy, HostSettings, Proxy, resolve};
pub(crate) use source::ConfigFiles;

/// What is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub(crate) struct ConfigError {
    /// `file:line`, or `ssh arguments`.
    pub place: String,
    pub reason: String,
}
