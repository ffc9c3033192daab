//! Image archives on the bastion: what they hold, and their bytes.

use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use omsctl_proto::{Digest, ErrorReport};
use tokio::io::AsyncRead;

/// Something that can be read from its beginning, as often as hosts ask for it.
pub trait ContentSource: Send + Sync {
    /// The uncompressed bytes, `size` of them in all.
    fn open(&self) -> BoxFuture<'_, std::io::Result<Box<dyn AsyncRead + Send + Unpin>>>;
}

/// What one image archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveIdentity {
    /// Names in the archive; empty when it was saved by ID.
    pub references: Vec<String>,
    /// SHA-256 of the image configuration.
    pub config: Digest,
    /// Diff IDs, lowest first.
    pub layers: Vec<Digest>,
    /// As in the image configuration (`amd64`, `arm64`).
    pub architecture: String,
    /// Bytes of the uncompressed archive, which is what travels.
    pub raw_size: u64,
    /// SHA-256 of the uncompressed archive.
    pub raw_content: Digest,
}

/// An archive that was read and found whole.
pub struct Archive {
    pub identity: ArchiveIdentity,
    pub source: Arc<dyn ContentSource>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Archive").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Bytes read so far, and how many there are.
pub type ReadProgress = Box<dyn Fn(u64, u64) + Send + Sync>;

/// Reads archives, and remembers what it read.
pub trait ImageArchives: Send + Sync {
    /// The error says what is wrong with the file and what to do.
    fn read<'a>(
        &'a self,
        path: &'a Path,
        progress: ReadProgress,
    ) -> BoxFuture<'a, Result<Archive, ErrorReport>>;
}
