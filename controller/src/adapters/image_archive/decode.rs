//! Compressed or not, told by the first bytes and never by the name; and what a file is that is neither.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// Bytes of a tar header, which is enough to tell what a file is.
pub(super) const HEAD: usize = 512;

/// Bytes read from a file at once.
pub(super) const BUFFER: usize = 256 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// What comes out of the reader when it is decompressed. zstd's windows are bounded by its own default of
    /// 128 MiB.
    pub(super) fn decode<'a, R: BufRead + 'a>(self, reader: R) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::None => Box::new(reader),
            Self::Gzip => Box::new(MultiGzDecoder::new(reader)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(reader)?),
        })
    }
}

/// A reader that gives once more what was looked at.
pub(super) type Peeked<R> = io::Chain<io::Cursor<Vec<u8>>, R>;

/// The first bytes of the reader, at most [`HEAD`], and the reader as it was before.
pub(super) fn peek<R: Read>(mut reader: R) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut head = Vec::with_capacity(HEAD);
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let whole = io::Cursor::new(head.clone()).chain(reader);
    Ok((head, whole))
}

/// For large reads in a row.
pub(super) fn buffered<R: Read>(reader: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER, reader)
}

/// Whether a tar may begin like this: the sum over the header is the one that is written in it.
pub(super) fn is_tar(head: &[u8]) -> bool {
    let Some(head) = head.get(..HEAD) else { return false };
    if head.iter().all(|byte| *byte == 0) {
        return true;
    }
    let sum = head.iter().enumerate().map(|(index, byte)| {
        // The field itself counts as spaces.
        if (148..156).contains(&index) { u32::from(b' ') } else { u32::from(*byte) }
    });
    let written = String::from_utf8_lossy(&head[148..156]);
    let written = written.trim_matches(['\0', ' ']);
    u32::from_str_radix(written, 8).is_ok_and(|written| written == sum.sum::<u32>())
}

/// In words, for somebody who gave the wrong file.
pub(super) fn looks_like(head: &[u8]) -> &'static str {
    const KNOWN: [(&[u8], &str); 8] = [
        (b"\xfd7zXZ\0", "compressed with xz; unpack it with `xz -d` first"),
        (b"BZh", "compressed with bzip2; unpack it with `bunzip2` first"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x7fELF", "a program"),
        (b"7z\xbc\xaf", "a 7-Zip archive"),
        (b"\xed\xab\xee\xdb", "an RPM package"),
        (b"!<arch>", "a Debian package or a static library"),
        (b"hsqs", "a squashfs image"),
    ];
    if head.is_empty() {
        return "empty";
    }
    if let Some((_, words)) = KNOWN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return words;
    }
    let printable = head.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..));
    // A head may end inside of a character.
    let text = std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    if printable && text { "a text file" } else { "neither tar nor gzip nor zstd" }
}
