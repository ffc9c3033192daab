//! One simulated host: Docker, kernel, disk (a folder of the test) and the daemons that live on it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::docker::FakeDocker;
use super::host::FakeHost;
use super::judge::Judge;
use crate::door::{Daemons, TaskDaemons};
use crate::world::{Places, World};

/// Any number of them live side by side; give each a folder of its own.
#[derive(Debug, Clone)]
pub struct FakeMachine {
    pub docker: Arc<FakeDocker>,
    pub host: Arc<FakeHost>,
    pub daemons: Arc<TaskDaemons>,
    folder: PathBuf,
}

impl FakeMachine {
    /// A fresh machine; the judge is shared by the machines of one cluster.
    pub fn new(name: &str, address: IpAddr, folder: &Path, judge: &Judge) -> Self {
        let docker = Arc::new(FakeDocker::new(name, folder.join("root"), judge.clone()));
        let host = Arc::new(FakeHost::new(name, address, Arc::clone(&docker)));
        Self { docker, host, daemons: Arc::default(), folder: folder.to_owned() }
    }

    /// For [`crate::session`], [`crate::connect`] and [`crate::receive`].
    pub fn world(&self) -> World {
        World {
            docker: self.docker.clone(),
            host: self.host.clone(),
            places: Places {
                state: self.folder.join("state"),
                runtime: self.folder.join("runtime"),
                root: self.folder.join("root"),
            },
            daemons: Daemons::Tasks(Arc::clone(&self.daemons)),
        }
    }

    /// Where the host's file of this absolute path lies.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.join("root").join(path.trim_start_matches('/'))
    }

    /// Daemons die, containers stop, what was in memory is gone.
    pub fn reboot(&self) {
        self.daemons.kill();
        self.docker.stop_all();
        self.host.boot();
        // A machine that never ran anything has no such folder.
        let _ = std::fs::remove_dir_all(self.folder.join("runtime"));
    }
}
