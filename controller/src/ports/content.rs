//! Bytes that hosts ask for: image archives on the bastion.

use futures::future::BoxFuture;
use tokio::io::AsyncRead;

/// Something that can be read from its beginning, as often as hosts ask for it.
pub trait ContentSource: Send + Sync {
    /// The uncompressed bytes, `size` of them in all.
    fn open(&self) -> BoxFuture<'_, std::io::Result<Box<dyn AsyncRead + Send + Unpin>>>;
}
