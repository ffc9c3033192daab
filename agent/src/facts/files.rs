//! Paths, compared files, OMS's `config.yaml`, and the file systems they lie on.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use omsctl_proto::{DiskFacts, FileFacts, FingerprintKey, PathState, Secret, WireSecret};

use crate::private_file;
use crate::world::{Places, World};

/// Configuration and certificates are a few KiB.
const LARGEST: u64 = 1024 * 1024;
/// Several of them have to fit in one answer.
const LARGEST_TEXT: u64 = 128 * 1024;

pub(super) fn paths(places: &Places, paths: &[String]) -> BTreeMap<String, PathState> {
    paths.iter().map(|path| (path.clone(), state(&places.on_host(path)))).collect()
}

/// The directories that hold something.
pub(super) fn filled(places: &Places, paths: &[String]) -> Vec<String> {
    let is_filled = |path: &&String| {
        std::fs::read_dir(places.on_host(path)).is_ok_and(|mut entries| entries.next().is_some())
    };
    paths.iter().filter(is_filled).cloned().collect()
}

fn state(path: &Path) -> PathState {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => PathState::Directory,
        Ok(metadata) if metadata.is_file() => PathState::File,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => PathState::Absent,
        Ok(_) | Err(_) => PathState::Other,
    }
}

/// Those that are there and can be read.
pub(super) fn files(places: &Places, files: &[String], key: &FingerprintKey) -> BTreeMap<String, FileFacts> {
    files.iter().filter_map(|path| Some((path.clone(), file(&places.on_host(path), key)?))).collect()
}

fn file(path: &Path, key: &FingerprintKey) -> Option<FileFacts> {
    let bytes = private_file::read(path, LARGEST).ok()?;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    Some(FileFacts { fingerprint: key.of(&bytes), mode })
}

pub(super) fn config(places: &Places, path: &str) -> Option<WireSecret> {
    text(places, path, LARGEST)
}

/// Those that are there, can be read and are text.
pub(super) fn texts(places: &Places, paths: &[String]) -> BTreeMap<String, WireSecret> {
    paths.iter().filter_map(|path| Some((path.clone(), text(places, path, LARGEST_TEXT)?))).collect()
}

fn text(places: &Places, path: &str, limit: u64) -> Option<WireSecret> {
    let bytes = private_file::read(&places.on_host(path), limit).ok()?;
    String::from_utf8(bytes).ok().map(|text| WireSecret(Secret::new(text)))
}

pub(super) fn disks(world: &World, paths: &[String]) -> BTreeMap<String, DiskFacts> {
    paths.iter().filter_map(|path| Some((path.clone(), disk(world, path)?))).collect()
}

/// The file system of the path's nearest parent that is there.
pub(crate) fn disk(world: &World, path: &str) -> Option<DiskFacts> {
    let wanted = world.places.on_host(path);
    let existing = wanted.ancestors().find(|ancestor| ancestor.exists())?;
    let found = world.host.file_system(existing)?;
    Some(DiskFacts { mount_point: world.places.as_named(Path::new(&found.mount_point)), ..found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { root: folder.path().to_owned(), ..Places::default() };
        std::fs::write(folder.path().join("short"), "-----BEGIN").unwrap();
        std::fs::write(folder.path().join("long"), "x".repeat(128 * 1024 + 1)).unwrap();
        std::fs::write(folder.path().join("bytes"), [0xff]).unwrap();
        let wanted = ["/short", "/long", "/bytes", "/absent", "/"].map(str::to_owned);
        let found = texts(&places, &wanted);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["/short"]);
        assert_eq!(found["/short"].0.expose(), "-----BEGIN");
    }
}
