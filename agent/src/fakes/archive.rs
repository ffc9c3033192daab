//! An image archive for tests: bytes that the fake Docker knows, and the frames in which they travel.

/// Frames of it that are not bytes of the archive begin like this, then comes their length (RFC 8878, 3.1.2).
const SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// What is around the bytes in a frame of 100 MB, at most.
const AROUND: usize = 4096;

/// The same for the same size.
#[derive(Debug, Clone)]
pub struct FakeArchive {
    /// What comes out of the frames.
    pub tar: Vec<u8>,
    /// As many bytes as were asked for.
    pub frames: Vec<u8>,
}

impl FakeArchive {
    /// # Panics
    /// The size is below 100 bytes.
    pub fn of(size: usize) -> Self {
        // Nothing can be made smaller that looks random.
        let random = (1_u64..).flat_map(|number| mixed(number).to_le_bytes());
        let tar: Vec<u8> = random.take(size - AROUND.min(size / 2)).collect();
        let mut frames = zstd::bulk::compress(&tar, 1).unwrap_or_default();
        let rest = size - frames.len() - SKIPPABLE.len() - size_of::<u32>();
        frames.extend(SKIPPABLE);
        frames.extend(u32::try_from(rest).unwrap_or(0).to_le_bytes());
        frames.resize(size, 0);
        Self { tar, frames }
    }
}

/// splitmix64.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_large_as_asked_for_and_comes_out_whole() {
        for size in [100, 1000, 900_000] {
            let FakeArchive { tar, frames } = FakeArchive::of(size);
            assert_eq!(frames.len(), size);
            assert!(tar.len() * 2 >= size);
            assert!(zstd::decode_all(frames.as_slice()).unwrap() == tar);
        }
    }
}
