//! Everything that an agent touches, in one value: several worlds live side by side in one process of a test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::door::Daemons;
use crate::ports::{ContainerRuntime, Host};

/// One host as its agent sees it.
#[derive(Clone)]
pub struct World {
    pub docker: Arc<dyn ContainerRuntime>,
    pub host: Arc<dyn Host>,
    pub places: Places,
    pub daemons: Daemons,
}

impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("World").field("places", &self.places).finish_non_exhaustive()
    }
}

/// Where an agent keeps its own things and where the host's files begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Runs and the host id; survives a reboot.
    pub state: PathBuf,
    /// Sockets, secrets and the lock; does not survive a reboot.
    pub runtime: PathBuf,
    /// `/`, or the folder that stands for it in a test.
    pub root: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self { state: "/var/lib/omsctl".into(), runtime: "/run/omsctl".into(), root: "/".into() }
    }
}

impl Places {
    /// Where the host's file of this absolute path lies.
    pub(crate) fn on_host(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The path as the host names it.
    pub(crate) fn as_named(&self, path: &Path) -> String {
        match path.strip_prefix(&self.root) {
            Ok(rest) => format!("/{}", rest.display()),
            Err(_) => path.display().to_string(),
        }
    }
}
