//! The port [`ImageArchives`] on files. Translation only.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_proto::ErrorReport;
use tokio::io::AsyncRead;

use super::{ImageArchive, sending};
use crate::ports::{Archive, ArchiveIdentity, ContentSource, ImageArchives, ReadProgress};

/// Archives that are files on the bastion.
#[derive(Debug, Clone)]
pub struct FileArchives {
    cache_folder: Option<PathBuf>,
}

impl FileArchives {
    /// What was found in an archive is remembered in that folder; without one nothing is.
    pub fn new(cache_folder: Option<PathBuf>) -> Self {
        Self { cache_folder }
    }
}

impl ImageArchives for FileArchives {
    fn read<'a>(
        &'a self,
        path: &'a Path,
        progress: ReadProgress,
    ) -> BoxFuture<'a, Result<Archive, ErrorReport>> {
        async move {
            let image = ImageArchive::read(path, self.cache_folder.as_deref(), progress).await;
            let image = image.map_err(|error| error.report())?;
            let identity = ArchiveIdentity {
                references: image.references.clone(),
                config: image.config.clone(),
                layers: image.layers.clone(),
                architecture: image.architecture.clone(),
                sections: Arc::clone(&image.package.sections),
            };
            Ok(Archive { identity, source: Arc::new(image) })
        }
        .boxed()
    }
}

impl ContentSource for ImageArchive {
    fn open(&self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, io::Result<Box<dyn AsyncRead + Send + Unpin>>> {
        let stream = sending::open(self, ranges);
        async { Ok(stream) }.boxed()
    }
}
