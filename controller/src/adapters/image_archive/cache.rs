//! What was found in archives before, so that the next run starts at once. A cache: whatever is wrong with it, the
//! archive is read again.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::layers::Layers;
use super::packing::not_kept;
use super::{ArchiveError, Contents, frames};

const FILE: &str = "image-archives.json";

/// Archives that are remembered, newest first.
const ENTRIES: usize = 20;

/// Archives whose layers are kept, newest first: each takes about as much room as the archive itself.
const KEPT: usize = 2;

/// Bytes of the cache file.
const MAX_SIZE: u64 = 16 * 1024 * 1024;

/// The layout of the file; another one is ignored.
const VERSION: u32 = 3;

/// One state of one file: another content has another one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Without links.
    path: PathBuf,
    pub(super) size: u64,
    device: u64,
    inode: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    /// The same of the inode; unlike `modified` nobody can set it back.
    changed: (i64, i64),
}

impl Identity {
    /// Of the file as it is now.
    pub(super) fn of(path: &Path) -> Result<Self, ArchiveError> {
        let failed = |source| ArchiveError::unreadable(path, source);
        let canonical = fs::canonicalize(path).map_err(failed)?;
        let metadata = fs::metadata(&canonical).map_err(failed)?;
        if !metadata.is_file() {
            let looks_like = if metadata.is_dir() { "a directory" } else { "no regular file" };
            return Err(ArchiveError::NotATar { path: path.to_owned(), looks_like: looks_like.to_owned() });
        }
        Ok(Self {
            path: canonical,
            size: metadata.len(),
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Cache {
    version: u32,
    recipe: String,
    archives: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    identity: Identity,
    contents: Contents,
}

/// What was remembered of exactly this state of the file.
pub(super) fn look_up(folder: &Path, identity: &Identity) -> Option<Contents> {
    let found = load(folder).into_iter().find(|entry| entry.identity == *identity);
    found.map(|entry| entry.contents)
}

/// Replaces what was known of the same path. That it cannot be kept costs the next run its time, and nothing else.
pub(super) fn remember(folder: &Path, identity: &Identity, contents: &Contents) {
    let mut archives = load(folder);
    archives.retain(|entry| entry.identity.path != identity.path);
    archives.insert(0, Entry { identity: identity.clone(), contents: contents.clone() });
    archives.truncate(ENTRIES);
    let images = archives.iter().take(KEPT).flat_map(|entry| &entry.contents.images);
    let layers: Vec<_> = images.flat_map(|image| &image.layers).map(|layer| layer.diff_id.clone()).collect();
    if let Err(error) = Layers::below(folder).forget_all_but(&layers) {
        not_kept(&error);
    }
    if let Err(error) = save(folder, &Cache { version: VERSION, recipe: frames::recipe(), archives }) {
        tracing::debug!(%error, "what was found in the image archive is not remembered");
    }
}

fn load(folder: &Path) -> Vec<Entry> {
    let mut text = Vec::new();
    let read = fs::File::open(folder.join(FILE)).and_then(|file| file.take(MAX_SIZE).read_to_end(&mut text));
    let cache: Option<Cache> = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
    let usable = |cache: &Cache| cache.version == VERSION && cache.recipe == frames::recipe();
    cache.filter(usable).map(|cache| cache.archives).unwrap_or_default()
}

/// Written beside and renamed: a reader sees the old one or the new one. Temporary files are made with mode 0600.
fn save(folder: &Path, cache: &Cache) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec(cache)?)?;
    file.persist(folder.join(FILE))?;
    Ok(())
}
