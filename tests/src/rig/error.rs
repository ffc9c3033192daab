//! What can go wrong with the rig, told so that a tester knows what to do.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// One failure of the rig.
#[derive(Debug, thiserror::Error)]
pub enum RigError {
    /// A program ended with another status than 0.
    #[error("`{line}` ended with status {code}: {said}")]
    Failed {
        /// The command line, for reading.
        line: String,
        /// The exit status; -1 when a signal ended it.
        code: i32,
        /// The end of what it wrote to its error output, or to its output when that is empty.
        said: String,
    },
    /// A program could not be started.
    #[error("cannot run `{program}`: is it installed?")]
    NotStarted {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {what} {}", path.display())]
    File {
        /// The attempt, as a verb.
        what: &'static str,
        /// The place.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A condition did not come true in time.
    #[error("waited {waited:?} in vain: {what}")]
    Deadline {
        /// The condition.
        what: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The caller asked for what the rig does not have.
    #[error("{0}")]
    Usage(String),
    /// A program answered something that the rig does not understand.
    #[error("cannot understand {what}: {text}")]
    Unreadable {
        /// Whose answer.
        what: &'static str,
        /// The answer, or its beginning.
        text: String,
    },
}

impl RigError {
    /// For `map_err` at file accesses.
    pub(super) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}
