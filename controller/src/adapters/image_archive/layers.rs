//! Layers of archives that were read, as they travel: one file for each, named by its diff ID, with the list of its pieces
//! beside it. A cache: what is not there, or not right any more, is made again of the archive.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use omsctl_proto::{Digest, Piece, content_size};
use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempPath};

use super::frames;

/// Bytes of a list; a layer of 100 GiB has 3 MiB of it.
const LARGEST_LIST: u64 = 16 * 1024 * 1024;

/// Bytes of the disk that are left to everything else: a cache must not cost a rollout its history.
const RESERVE: u64 = 1 << 30;

/// What a process that was killed left behind is as old.
const ABANDONED: Duration = Duration::from_hours(24);

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    folder: PathBuf,
}

/// A layer as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Packed {
    /// Uncompressed, in bytes.
    pub(super) size: u64,
    /// Frames, in order.
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug, Serialize, Deserialize)]
struct List {
    recipe: String,
    packed: Packed,
}

impl Layers {
    /// Below the state folder of the bastion.
    pub(super) fn below(state: &Path) -> Self {
        Self { folder: state.join("layers") }
    }

    /// A layer that is kept, made as it would be made today. Its bytes are compared when they are read.
    pub(super) fn find(&self, layer: &Digest) -> Option<Packed> {
        let list = self.list_of(layer);
        if fs::metadata(&list).ok()?.len() > LARGEST_LIST {
            return None;
        }
        let list: List = serde_json::from_slice(&fs::read(list).ok()?).ok()?;
        let size = fs::metadata(self.file_of(layer)).ok()?.len();
        let fits = list.recipe == frames::recipe() && size == content_size(&list.packed.pieces);
        fits.then_some(list.packed)
    }

    /// For a layer whose diff ID is not known yet. Others cannot read it.
    pub(super) fn begin(&self) -> io::Result<NamedTempFile> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let file = NamedTempFile::new_in(&self.folder)?;
        needs_room(file.as_file())?;
        Ok(file)
    }

    /// The file has become this layer.
    pub(super) fn keep(&self, layer: &Digest, packed: &Packed, file: TempPath) -> io::Result<()> {
        let list = List { recipe: frames::recipe(), packed: packed.clone() };
        let mut beside = self.begin()?;
        beside.write_all(&serde_json::to_vec(&list)?)?;
        file.persist(self.file_of(layer)).map_err(|error| error.error)?;
        beside.persist(self.list_of(layer)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Forgets every layer but these.
    pub(super) fn forget_all_but(&self, layers: &[Digest]) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let stays = match Digest::new(name.split('.').next().unwrap_or_default()) {
                Ok(layer) => layers.contains(&layer),
                // Another process may be about to write it.
                Err(_) => entry.metadata()?.modified()?.elapsed().is_ok_and(|age| age < ABANDONED),
            };
            if !stays {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn open(&self, layer: &Digest) -> io::Result<File> {
        File::open(self.file_of(layer))
    }

    fn file_of(&self, layer: &Digest) -> PathBuf {
        self.folder.join(layer.as_str())
    }

    fn list_of(&self, layer: &Digest) -> PathBuf {
        self.folder.join(format!("{}.pieces", layer.as_str()))
    }
}

/// An error where the disk of the file is too full for a cache.
pub(super) fn needs_room(file: &File) -> io::Result<()> {
    let disk = rustix::fs::fstatvfs(file)?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < RESERVE {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "the last GiB of the disk is left to others"));
    }
    Ok(())
}

/// The bytes of the piece, when they are there and right.
pub(super) fn right_bytes(file: &File, position: u64, piece: &Piece) -> Option<Vec<u8>> {
    let mut bytes = vec![0; piece.size as usize];
    file.read_exact_at(&mut bytes, position).ok()?;
    (Piece::of(&bytes) == *piece).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(layers: &Layers, text: &[u8]) -> (Digest, Packed) {
        let mut file = layers.begin().unwrap();
        file.write_all(text).unwrap();
        let packed = Packed { size: 99, pieces: vec![Piece::of(text)] };
        let layer = Digest::of(text);
        layers.keep(&layer, &packed, file.into_temp_path()).unwrap();
        (layer, packed)
    }

    #[test]
    fn a_layer_is_found_as_long_as_its_file_and_its_list_fit() {
        let folder = tempfile::tempdir().unwrap();
        let layers = Layers::below(folder.path());
        let (layer, packed) = kept(&layers, b"bytes");
        assert_eq!(layers.find(&layer), Some(packed.clone()));
        assert_eq!(layers.find(&Digest::of(b"other")), None);
        let right = right_bytes(&layers.open(&layer).unwrap(), 0, &packed.pieces[0]);
        assert_eq!(right.as_deref(), Some(&b"bytes"[..]));

        fs::write(layers.file_of(&layer), b"bytEs").unwrap();
        assert_eq!(right_bytes(&layers.open(&layer).unwrap(), 0, &packed.pieces[0]), None);
        fs::write(layers.file_of(&layer), b"byte").unwrap();
        assert_eq!(layers.find(&layer), None, "it was cut off");

        let (layer, _) = kept(&layers, b"others");
        let text = fs::read_to_string(layers.list_of(&layer)).unwrap();
        fs::write(layers.list_of(&layer), text.replace("level", "other level")).unwrap();
        assert_eq!(layers.find(&layer), None, "it would be made otherwise today");
    }

    #[test]
    fn what_no_archive_needs_any_more_goes_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let layers = Layers::below(folder.path());
        let (one, _) = kept(&layers, b"one");
        let (two, _) = kept(&layers, b"two");
        let begun = layers.begin().unwrap();
        let abandoned = layers.begin().unwrap();
        let long_ago = std::time::SystemTime::now().checked_sub(ABANDONED * 2).unwrap();
        abandoned.as_file().set_modified(long_ago).unwrap();
        layers.forget_all_but(std::slice::from_ref(&two)).unwrap();
        assert_eq!((layers.find(&one), layers.find(&two).is_some()), (None, true));
        assert!(begun.path().exists() && !abandoned.path().exists());
        assert_eq!(fs::read_dir(&layers.folder).unwrap().count(), 3);
    }
}
