//! What `ssh_config` says about a host.

use super::HostTarget;

/// The settings of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshListing {
    /// Keyword in lower case and value, in the order of `ssh -G`; a keyword that takes several has a line for each.
    pub settings: Vec<(String, String)>,
    /// What is set for the host and omsctl does not honour.
    pub not_honoured: Vec<NotHonoured>,
    /// Options of the ssh arguments that are passed over, in words.
    pub warnings: Vec<String>,
}

/// A setting that changes nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotHonoured {
    /// In lower case.
    pub keyword: String,
    /// As it was written.
    pub value: String,
    /// `file:line`.
    pub place: String,
}

/// Tells what applies to a host, without connecting.
pub trait SshConfiguration: Send + Sync {
    /// What `ssh -G` would print. Runs the commands of `Match exec`, as ssh does. The error: every problem, with its place.
    fn of(&self, target: &HostTarget) -> Result<SshListing, Vec<String>>;
}
