//! The archives of a bastion as the port wants them: read once, remembered in the state folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use omsctl_proto::{ErrorCode, ErrorReport};
use tokio::io::AsyncRead;

use super::ImageArchive;
use crate::ports::{Archive, ArchiveIdentity, ContentSource, ImageArchives, ReadProgress};

/// Reads archives; without a folder nothing is remembered.
#[derive(Debug)]
pub struct ArchiveReader {
    pub cache_folder: Option<PathBuf>,
}

impl ImageArchives for ArchiveReader {
    fn read<'a>(
        &'a self,
        path: &'a Path,
        progress: ReadProgress,
    ) -> BoxFuture<'a, Result<Archive, ErrorReport>> {
        Box::pin(async move {
            let read = ImageArchive::read(path, None, self.cache_folder.as_deref(), progress).await;
            let image = read.map_err(|error| ErrorReport::from_error(ErrorCode::Image, &error))?;
            let identity = ArchiveIdentity {
                references: image.references.clone(),
                config: image.config.clone(),
                layers: image.layers.clone(),
                architecture: image.architecture.clone(),
                raw_size: image.raw_size,
                raw_content: image.raw_digest.clone(),
            };
            Ok(Archive { identity, source: Arc::new(image) })
        })
    }
}

impl ContentSource for ImageArchive {
    fn open(&self) -> BoxFuture<'_, std::io::Result<Box<dyn AsyncRead + Send + Unpin>>> {
        Box::pin(async move { self.open_raw(0).await.map_err(std::io::Error::other) })
    }
}
