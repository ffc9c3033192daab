//! omsctl's own keepalived: its files, and what is there of it. Never touches one that somebody else runs.

use std::fs;
use std::io;
use std::path::PathBuf;

use omsctl_proto::{Digest, VirtualIpFacts, VirtualIpSpec};

use crate::keepalived_conf;
use crate::private_file;
use crate::world::World;

/// Hosts times some lines.
const LARGEST: u64 = 256 * 1024;

/// Where omsctl's keepalived has its things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    folder: PathBuf,
    pub(crate) config: PathBuf,
    /// The digest of the text that keepalived was last told to load: the file alone does not show that.
    loaded: PathBuf,
    /// The agent under a name that newer agents do not change; keepalived runs it each second. Not named like omsctl:
    /// nothing of omsctl's own runs on a host when no command does.
    pub(crate) probe: PathBuf,
}

impl Files {
    pub(crate) fn of(world: &World) -> Self {
        let folder = world.places.state.join("keepalived");
        // Beside the agent: where that may run, this may.
        let beside = world.daemons.program().and_then(|program| program.parent().map(PathBuf::from));
        Self {
            config: folder.join("keepalived.conf"),
            loaded: folder.join("loaded"),
            probe: beside.unwrap_or_else(|| world.places.state.join("bin")).join("oms-probe"),
            folder,
        }
    }

    pub(crate) fn text_of(&self, spec: &VirtualIpSpec) -> String {
        keepalived_conf::render(spec, &self.probe.to_string_lossy())
    }

    /// What keepalived was told last, when everything that this takes is in place.
    fn serving(&self) -> Option<VirtualIpSpec> {
        let text = private_file::read(&self.config, LARGEST).ok()?;
        let loaded = private_file::read(&self.loaded, 64).ok()?;
        let whole = Digest::of(&text).as_str().as_bytes() == loaded && self.probe.is_file();
        let text = String::from_utf8(text).ok().filter(|_| whole)?;
        keepalived_conf::read(&text, &self.probe.to_string_lossy())
    }

    /// Puts text and probe in place; from here on until [`Self::note_loaded`] nothing counts as served.
    pub(crate) fn write(&self, text: &str, world: &World) -> io::Result<()> {
        private_file::make_folder(&self.folder)?;
        remove(&self.loaded)?;
        self.place_probe(world)?;
        private_file::write(&self.config, text.as_bytes())
    }

    pub(crate) fn note_loaded(&self, text: &str) -> io::Result<()> {
        private_file::write(&self.loaded, Digest::of(text.as_bytes()).as_str().as_bytes())
    }

    /// A link costs no room; the copy is for file systems without them.
    fn place_probe(&self, world: &World) -> io::Result<()> {
        let Some(program) = world.daemons.program() else {
            // Agents that are tasks of a test have no program.
            self.probe.parent().map_or(Ok(()), fs::create_dir_all)?;
            return fs::write(&self.probe, b"");
        };
        let new = self.probe.with_extension("new");
        remove(&new)?;
        if fs::hard_link(program, &new).is_err() {
            fs::copy(program, &new)?;
        }
        fs::rename(&new, &self.probe)?;
        // Two links to one file stay two: renaming them does nothing.
        remove(&new)
    }

    pub(crate) fn forget(&self) -> io::Result<()> {
        remove(&self.probe)?;
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            ended => ended,
        }
    }
}

fn remove(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        ended => ended,
    }
}

/// What is there now.
pub(crate) fn look(world: &World) -> VirtualIpFacts {
    let files = Files::of(world);
    let seen = world.host.keepalived(&files.config);
    VirtualIpFacts {
        program: seen.program,
        begun: files.config.exists() || seen.processes > 0,
        serving: files.serving(),
        running: seen.running,
        others: seen.others,
        interfaces: world.host.interfaces(),
    }
}
