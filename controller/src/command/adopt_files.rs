//! The files that `adopt` writes: named before anything is contacted, written together or not at all.

use std::path::{Path, PathBuf};

use omsctl_proto::{NodeName, Secret};

use super::World;
use super::init::write_new;
use crate::plan::{Adopted, certificate_file};

const INVENTORY: &str = "inventory.ini";
const CONFIG: &str = "config.yaml";

/// Where the files go.
pub(super) struct Folder {
    /// Absolute.
    pub(super) path: PathBuf,
}

impl Folder {
    pub(super) fn of(world: &World, output: &Path) -> Self {
        // `./a` and `a` are one folder.
        Self { path: world.working_directory.join(output).components().collect() }
    }

    pub(super) fn inventory(&self) -> PathBuf {
        self.path.join(INVENTORY)
    }

    pub(super) fn config(&self) -> PathBuf {
        self.path.join(CONFIG)
    }

    /// Files that are there and might have to be written; what to say then.
    pub(super) fn is_taken(&self, nodes: &[NodeName]) -> Option<String> {
        let certificates = std::iter::once(None).chain(nodes.iter().map(Some));
        let certificates =
            certificates.flat_map(|node| ["crt", "key"].map(|kind| certificate_file(node, kind)));
        let names = [INVENTORY, CONFIG].map(str::to_owned).into_iter().chain(certificates);
        let there: Vec<String> =
            names.filter(|name| self.path.join(name).symlink_metadata().is_ok()).collect();
        (!there.is_empty()).then(|| {
            format!(
                "error: {} is there already in {} and is left as it is; nothing was contacted\n  \
                 -> name another folder with --output DIR, or move it away",
                there.join(" and "),
                self.path.display()
            )
        })
    }
}

/// Writes everything; what was written by this is taken away again when something cannot be.
pub(super) fn write(folder: &Folder, adopted: &Adopted) -> Result<Vec<PathBuf>, String> {
    std::fs::create_dir_all(&folder.path)
        .map_err(|error| format!("the folder {} cannot be made: {error}", folder.path.display()))?;
    let certificates = adopted.certificates.iter().map(|(name, text)| (folder.path.join(name), text));
    let files = [(folder.inventory(), &adopted.inventory), (folder.config(), &adopted.config)];
    let files: Vec<(PathBuf, &Secret)> = files.into_iter().chain(certificates).collect();
    let mut written: Vec<PathBuf> = Vec::new();
    for (path, text) in files {
        if let Err(error) = write_new(&path, text.expose()) {
            // They are of this very moment and nobody has seen them.
            for path in &written {
                drop(std::fs::remove_file(path));
            }
            return Err(format!("{} cannot be written: {error}", path.display()));
        }
        written.push(path);
    }
    Ok(written)
}
