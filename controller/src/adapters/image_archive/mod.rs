//! The image archive on the bastion: read once, checked against its own digests, its layers packed and kept as they
//! travel.
//!
//! Reads the archive, one cache file and one folder; talks to no host and to no Docker. What an archive may make this
//! allocate is bounded in `limits`.

mod cache;
mod decode;
mod error;
mod frames;
mod hashing;
mod layers;
mod limits;
mod manifest;
mod meter;
mod oci;
mod package;
mod packing;
mod port;
mod remaking;
mod scan;
mod sending;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use omsctl_proto::Digest;

use self::cache::Identity;
pub use self::error::ArchiveError;
use self::layers::Layers;
use self::manifest::ImageRecord;
use self::package::Package;
pub use self::port::FileArchives;
use self::remaking::Remaking;
use self::scan::{Member, Scan};

/// One image of an archive whose digests were all computed and found right.
#[derive(Debug, Clone)]
pub struct ImageArchive {
    /// As it was given.
    pub path: PathBuf,
    /// The names that `docker load` will give it; none when it was saved by ID.
    pub references: Vec<String>,
    /// SHA-256 of the image configuration.
    pub config: Digest,
    /// Diff IDs, lowest layer first.
    pub layers: Vec<Digest>,
    /// As in the image configuration: `amd64`, `arm64`.
    pub architecture: String,
    /// As in the image configuration: `linux`.
    pub os: String,
    /// Bytes of the file.
    pub compressed_size: u64,
    /// What is sent of it.
    package: Package,
    /// Where its layers are kept.
    layers_kept: Option<Layers>,
    identity: Identity,
}

impl ImageArchive {
    /// Reads the archive from its beginning to its end, or takes what the cache says of the same file.
    ///
    /// `cache_folder` is the state folder of the bastion; without one nothing is remembered. `progress` is told
    /// bytes of the file done and in total, about once a MiB, on another thread.
    pub async fn read(
        path: &Path,
        cache_folder: Option<&Path>,
        progress: impl Fn(u64, u64) + Send + 'static,
    ) -> Result<Self, ArchiveError> {
        // A blocking task outlives its future: this ends it.
        let cancelled = CancelOnDrop(Arc::new(AtomicBool::new(false)));
        let flag = Arc::clone(&cancelled.0);
        let (owned, folder) = (path.to_owned(), cache_folder.map(Path::to_owned));
        let task = tokio::task::spawn_blocking(move || contents(&owned, folder.as_deref(), &progress, &flag));
        let (identity, contents) =
            task.await.map_err(|error| ArchiveError::unreadable(path, std::io::Error::other(error)))??;
        let image = manifest::only(path, contents.images)?;
        let package = Package::of(&image).map_err(|error| ArchiveError::unreadable(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            references: image.references,
            config: image.config,
            layers: image.layers.into_iter().map(|layer| layer.diff_id).collect(),
            architecture: image.architecture,
            os: image.os,
            compressed_size: identity.size,
            package,
            layers_kept: cache_folder.map(Layers::below),
            identity,
        })
    }

    /// The layer that this file of the archive is, once more. An archive that is another file by now is refused.
    fn remake(&self, member: &str) -> Result<Remaking, ArchiveError> {
        let unreadable = |source| ArchiveError::unreadable(&self.path, source);
        let file = File::open(&self.path).map_err(unreadable)?;
        if Identity::of(&self.path)? != self.identity {
            return Err(self.changed());
        }
        Remaking::begin(file, &self.path, member.to_owned()).map_err(unreadable)
    }

    fn changed(&self) -> ArchiveError {
        ArchiveError::Changed { path: self.path.clone() }
    }
}

/// What is known of an archive after one pass; what the cache keeps.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Contents {
    images: Vec<ImageRecord>,
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn contents(
    path: &Path,
    cache_folder: Option<&Path>,
    progress: &dyn Fn(u64, u64),
    cancelled: &Arc<AtomicBool>,
) -> Result<(Identity, Contents), ArchiveError> {
    let identity = Identity::of(path)?;
    if let Some(contents) = cache_folder.and_then(|folder| cache::look_up(folder, &identity)) {
        progress(identity.size, identity.size);
        return Ok((identity, contents));
    }
    let layers = cache_folder.map(Layers::below);
    let scan = scan::scan(path, &identity, layers.as_ref(), progress, cancelled)?;
    let images = manifest::images(path, &scan)?;
    if Identity::of(path)? != identity {
        return Err(ArchiveError::Changed { path: path.to_owned() });
    }
    if let Some(layers) = &layers {
        keep(layers, &images, scan);
    }
    let contents = Contents { images };
    if let Some(folder) = cache_folder {
        cache::remember(folder, &identity, &contents);
    }
    Ok((identity, contents))
}

/// Files that are no layers go.
fn keep(layers: &Layers, images: &[ImageRecord], scan: Scan) {
    let is_layer =
        |digest: &Digest| images.iter().flat_map(|image| &image.layers).any(|layer| layer.diff_id == *digest);
    for member in scan.members.into_values() {
        if let Member::File(record) = member
            && let Some(content) = record.content
            && is_layer(&content.digest)
            && let Some(file) = content.file
            && let Err(error) = layers.keep(&content.digest, &content.packed, file)
        {
            packing::not_kept(&error);
        }
    }
}

#[cfg(test)]
mod tests;
