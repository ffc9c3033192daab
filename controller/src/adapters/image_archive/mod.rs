//! The image archive on the bastion: read once, checked against its own digests, sent uncompressed.
//!
//! Reads the archive and one cache file; talks to no host and to no Docker. What an archive may make this allocate
//! is bounded in `limits`.

mod cache;
mod cutting;
mod decode;
mod error;
mod hashing;
mod limits;
mod manifest;
mod meter;
mod port;
mod raw_stream;
mod scan;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use omsctl_proto::{Digest, Piece};
use tokio::io::AsyncRead;

use self::cache::Identity;
use self::decode::Compression;
pub use self::error::ArchiveError;
use self::manifest::ImageRecord;
pub use self::port::FileArchives;
use crate::ports::Section;

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
    /// All of the tar in it, in order.
    pub sections: Arc<[Section]>,
    compression: Compression,
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
        Ok(Self {
            path: path.to_owned(),
            references: image.references,
            config: image.config,
            layers: image.layers,
            architecture: image.architecture,
            os: image.os,
            compressed_size: identity.size,
            sections: sections(contents.sections, &image.layer_sections),
            compression: contents.compression,
            identity,
        })
    }

    /// These bytes of the uncompressed tar, in rising order. An archive that is another file by now is refused.
    pub async fn open_raw(
        &self,
        ranges: Vec<Range<u64>>,
    ) -> Result<Box<dyn AsyncRead + Send + Unpin>, ArchiveError> {
        raw_stream::open(&self.path, self.compression, &self.identity, ranges).await
    }
}

/// Each with the layers whose file it is.
fn sections(pieces: Vec<Vec<Piece>>, layer_sections: &[usize]) -> Arc<[Section]> {
    let layers_of = |number: usize| {
        let layers = layer_sections.iter().enumerate().filter(|(_, section)| **section == number);
        layers.map(|(layer, _)| layer).collect()
    };
    let sections = pieces.into_iter().enumerate();
    sections.map(|(number, pieces)| Section { pieces, layers: layers_of(number) }).collect()
}

/// What is known of an archive after one pass; what the cache keeps.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Contents {
    compression: Compression,
    sections: Vec<Vec<Piece>>,
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
    let scan = scan::scan(path, &identity, progress, cancelled)?;
    let images = manifest::images(path, &scan)?;
    if Identity::of(path)? != identity {
        return Err(ArchiveError::Changed { path: path.to_owned() });
    }
    let contents = Contents { compression: scan.compression, sections: scan.sections, images };
    if let Some(folder) = cache_folder {
        cache::remember(folder, &identity, &contents);
    }
    Ok((identity, contents))
}

#[cfg(test)]
mod tests;
