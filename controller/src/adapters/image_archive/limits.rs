//! What an archive may make us read, hold and hash. Numbers only.

/// Members of an archive; OMS's have a few hundred, and [`LISTED`] layers have four each.
pub(super) const ENTRIES: usize = 10_000;

/// Bytes of `manifest.json` or of an image configuration.
pub(super) const DOCUMENT: u64 = 8 * 1024 * 1024;

/// Bytes of all small JSON files together that are held until the manifest says which of them matter.
pub(super) const DOCUMENTS: u64 = 64 * 1024 * 1024;

/// Bytes between two members: header, long names, extensions.
pub(super) const HEADERS: u64 = 1024 * 1024;

/// Bytes of what comes out of a decompressor.
pub(super) const DECOMPRESSED: u64 = 200 * 1024 * 1024 * 1024;

/// Bytes out for each byte in. gzip cannot do more than 1032.
const RATIO: u64 = 1100;

/// Bytes that may come out whatever went in.
const FLOOR: u64 = 1024 * 1024 * 1024;

/// Images, and layers of one image.
pub(super) const LISTED: usize = 1000;

/// Bytes that may come out of a decompressor that has read `read` bytes.
pub(super) fn decompressed(read: u64) -> u64 {
    DECOMPRESSED.min(read.saturating_mul(RATIO).saturating_add(FLOOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_archive_may_hold_a_lot_and_none_may_hold_everything() {
        assert_eq!(decompressed(0), FLOOR);
        assert_eq!(decompressed(1024 * 1024), FLOOR + RATIO * 1024 * 1024);
        assert_eq!(decompressed(u64::MAX), DECOMPRESSED);
    }
}
