//! The one pass over an archive: every member hashed as it goes by, small JSON files held, everything else packed as it
//! would travel.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use omsctl_proto::Digest;
use tar::Entry;

use super::ArchiveError;
use super::cache::Identity;
use super::decode::{self, BUFFER, Compression, HEAD, Peeked};
use super::hashing::{Hashing, drain};
use super::layers::Layers;
use super::limits;
use super::meter::{Excess, Gauge, Metered, Source};
use super::packing::{Content, Packing};

/// What the pass found.
#[derive(Debug)]
pub(super) struct Scan {
    /// By path inside the archive, without `./`.
    pub(super) members: BTreeMap<String, Member>,
}

#[derive(Debug)]
pub(super) enum Member {
    File(FileRecord),
    /// Where it leads, as a path inside the archive; `None` when it leads out of it.
    Link(Option<String>),
}

#[derive(Debug)]
pub(super) struct FileRecord {
    pub(super) size: u64,
    /// As it is.
    pub(super) digest: Digest,
    /// What is in it, decompressed; `None` when that is not possible, and for a small JSON file.
    pub(super) content: Option<Content>,
    /// The text of a small JSON file.
    pub(super) document: Option<Vec<u8>>,
}

/// Reads the archive to its end, or says why that is not possible.
pub(super) fn scan(
    path: &Path,
    identity: &Identity,
    layers: Option<&Layers>,
    progress: &dyn Fn(u64, u64),
    cancelled: &Arc<AtomicBool>,
) -> Result<Scan, ArchiveError> {
    let file = File::open(path).map_err(|source| ArchiveError::unreadable(path, source))?;
    let read = Rc::new(Cell::new(0));
    let source = Source {
        inner: file,
        read: Rc::clone(&read),
        told: 0,
        total: identity.size,
        progress,
        cancelled: Arc::clone(cancelled),
    };
    let gauge = Rc::new(Gauge::default());
    let pass = Pass::new(path, layers, Rc::clone(&gauge));
    let (head, source) = decode::peek(source).map_err(|error| pass.failed(error))?;
    let compression = Compression::of(&head);
    let decoded = compression.decode(decode::buffered(source)).map_err(|error| pass.failed(error))?;
    let allowed: Box<dyn Fn() -> u64> = match compression {
        Compression::None => Box::new(|| u64::MAX),
        Compression::Gzip | Compression::Zstd => Box::new(move || limits::decompressed(read.get())),
    };
    let metered = Metered { inner: decoded, gauge, allowed };
    let (head, tar) = decode::peek(metered).map_err(|error| pass.failed(error))?;
    if !decode::is_tar(&head) {
        return Err(pass.not_a_tar(&head, compression));
    }
    pass.members(tar)
}

type Tar<'a> = Peeked<Metered<Box<dyn Read + 'a>>>;

/// Where the pass is, and what it may still take.
struct Pass<'a> {
    path: &'a Path,
    layers: Option<&'a Layers>,
    gauge: Rc<Gauge>,
    /// For messages: `in its member x`.
    place: String,
    documents_left: u64,
    decompressed_left: u64,
}

impl<'a> Pass<'a> {
    fn new(path: &'a Path, layers: Option<&'a Layers>, gauge: Rc<Gauge>) -> Self {
        Self {
            path,
            layers,
            gauge,
            place: "at its beginning".to_owned(),
            documents_left: limits::DOCUMENTS,
            decompressed_left: limits::DECOMPRESSED,
        }
    }

    fn members(mut self, tar: Tar<'_>) -> Result<Scan, ArchiveError> {
        let mut archive = tar::Archive::new(tar);
        let mut members = BTreeMap::new();
        let mut end = 0;
        let mut buffer = vec![0; BUFFER];
        self.gauge.headers_left.set(Some(limits::HEADERS));
        for (count, entry) in archive.entries().map_err(|error| self.failed(error))?.enumerate() {
            let mut entry = entry.map_err(|error| self.failed(error))?;
            self.gauge.headers_left.set(None);
            if count >= limits::ENTRIES {
                return Err(self.too_large("the number of its members", limits::ENTRIES.to_string()));
            }
            let size = entry.size();
            end = entry.raw_file_position() + size.next_multiple_of(HEAD as u64);
            let name = self.name(&entry)?;
            self.place = format!("in its member {name}");
            let member = self.member(&name, &mut entry, &mut buffer)?;
            if let Some(member) = member
                && let Some(before) = members.insert(name.clone(), member)
                && !same(&before, members.get(&name))
            {
                return Err(self.refused(name, "is there twice, with different content"));
            }
            self.gauge.headers_left.set(Some(limits::HEADERS));
        }
        self.place = String::from("behind its last member");
        self.gauge.headers_left.set(None);
        self.rest(archive.into_inner(), end, &mut buffer)?;
        Ok(Scan { members })
    }

    /// Two empty blocks, and nothing but zeros after them.
    fn rest(&self, mut tar: Tar<'_>, end: u64, buffer: &mut [u8]) -> Result<(), ArchiveError> {
        drain(&mut tar, buffer).map_err(|error| self.failed(error))?;
        let size = self.gauge.out.get();
        let behind = size.saturating_sub(end);
        if behind < 2 * HEAD as u64 {
            let place = "behind its last member: the mark of its end is missing".to_owned();
            return Err(ArchiveError::Truncated { path: self.path.to_owned(), place });
        }
        if self.gauge.zeros.get() < behind {
            return Err(self.failed(io::Error::new(ErrorKind::InvalidData, "other bytes follow its end")));
        }
        Ok(())
    }

    /// A path that stays inside the archive, without `./`.
    fn name(&self, entry: &Entry<'_, impl Read>) -> Result<String, ArchiveError> {
        let bytes = entry.path_bytes();
        let name = String::from_utf8_lossy(&bytes);
        if name.starts_with('/') || name.split('/').any(|part| part == "..") {
            return Err(self.refused(name.into_owned(), "leads out of the archive"));
        }
        Ok(inside("", &name).unwrap_or_default())
    }

    fn member(
        &mut self,
        name: &str,
        entry: &mut Entry<'_, impl Read>,
        buffer: &mut [u8],
    ) -> Result<Option<Member>, ArchiveError> {
        let size = entry.size();
        let kind = entry.header().entry_type();
        let target = entry.link_name_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if kind.is_file() || kind.is_contiguous() {
            return self.file(name, entry, size, buffer).map(|file| Some(Member::File(file)));
        }
        if kind.is_gnu_sparse() {
            // The tar reader would make up its holes without end.
            return Err(self.refused(name.to_owned(), "is a sparse file"));
        }
        // Directories, devices, attributes: an image archive needs none of them.
        let member = if kind.is_symlink() {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            Some(Member::Link(target.and_then(|target| inside(folder, &target))))
        } else if kind.is_hard_link() {
            Some(Member::Link(target.and_then(|target| inside("", &target))))
        } else {
            None
        };
        drain(entry, buffer).map_err(|error| self.failed(error))?;
        Ok(member)
    }

    fn file(
        &mut self,
        name: &str,
        entry: &mut impl Read,
        size: u64,
        buffer: &mut [u8],
    ) -> Result<FileRecord, ArchiveError> {
        let mut raw = Hashing::new(entry);
        let (head, mut whole) = decode::peek(&mut raw).map_err(|error| self.failed(error))?;
        let compression = Compression::of(&head);
        let mut document = None;
        let mut content = None;
        let mut packing = None;
        if compression != Compression::None {
            content = self.decompressed(compression, &mut whole, size, buffer)?;
        } else if self.is_document(&head, size) {
            self.documents_left -= size;
            let mut text = Vec::new();
            whole.by_ref().take(size).read_to_end(&mut text).map_err(|error| self.failed(error))?;
            document = Some(text);
        } else {
            packing = Some(Packing::begin(self.layers, digest_in(name).as_ref()));
        }
        match &mut packing {
            Some(packing) => packing.take(&mut whole, buffer),
            None => drain(&mut whole, buffer).map(|_| ()),
        }
        .map_err(|error| self.failed(error))?;
        if raw.bytes < size {
            return Err(self.failed(ErrorKind::UnexpectedEof.into()));
        }
        let digest = raw.digest();
        if let Some(packing) = packing {
            content = Some(packing.finish(digest.clone()).map_err(|error| self.failed(error))?);
        }
        Ok(FileRecord { size, digest, content, document })
    }

    fn is_document(&self, head: &[u8], size: u64) -> bool {
        matches!(head, [b'{' | b'[', ..]) && size <= limits::DOCUMENT && size <= self.documents_left
    }

    /// Of what is in a compressed member; `None` when it cannot be decompressed, which matters only for a layer.
    fn decompressed(
        &mut self,
        compression: Compression,
        whole: &mut impl Read,
        size: u64,
        buffer: &mut [u8],
    ) -> Result<Option<Content>, ArchiveError> {
        let allowed = limits::decompressed(size).min(self.decompressed_left);
        let decoder = compression.decode(decode::buffered(whole)).map_err(|error| self.failed(error))?;
        let mut content = Hashing::new(decoder.take(allowed + 1));
        let mut packing = Packing::begin(self.layers, None);
        let result = packing.take(&mut content, buffer);
        if content.bytes > allowed {
            let limit = format!("{allowed} bytes");
            return Err(self.too_large(&format!("what comes out {}", self.place), limit));
        }
        self.decompressed_left -= content.bytes;
        match result {
            Ok(()) => packing.finish(content.digest()).map(Some).map_err(|error| self.failed(error)),
            // The archive itself ends or cannot be read.
            Err(error) if self.gauge.ended.get() || self.gauge.failure.get().is_some() => {
                Err(self.failed(error))
            }
            Err(_) => Ok(None),
        }
    }

    fn failed(&self, source: io::Error) -> ArchiveError {
        match self.gauge.excess.get() {
            Some(Excess::Headers) => {
                return self.too_large(
                    &format!("a member's header {}", self.place),
                    format!("{} bytes", limits::HEADERS),
                );
            }
            Some(Excess::Decompressed) => {
                return self.too_large("what comes out of it", "1100 times its own size".to_owned());
            }
            None => {}
        }
        let path = self.path.to_owned();
        let kind = self.gauge.failure.get().unwrap_or_else(|| source.kind());
        if kind == ErrorKind::UnexpectedEof || self.gauge.ended.get() {
            return ArchiveError::Truncated { path, place: self.place.clone() };
        }
        if source.raw_os_error().is_some() {
            return ArchiveError::Unreadable { path, source };
        }
        ArchiveError::Damaged { path, place: self.place.clone(), source }
    }

    fn not_a_tar(&self, head: &[u8], compression: Compression) -> ArchiveError {
        let looks_like = match compression {
            Compression::None => decode::looks_like(head).to_owned(),
            Compression::Gzip => {
                format!("compressed with gzip, and what is in it is {}", decode::looks_like(head))
            }
            Compression::Zstd => {
                format!("compressed with zstd, and what is in it is {}", decode::looks_like(head))
            }
        };
        ArchiveError::NotATar { path: self.path.to_owned(), looks_like }
    }

    fn refused(&self, member: String, why: &'static str) -> ArchiveError {
        ArchiveError::Unsafe { path: self.path.to_owned(), member, why }
    }

    fn too_large(&self, what: &str, limit: String) -> ArchiveError {
        ArchiveError::TooLarge { path: self.path.to_owned(), what: what.to_owned(), limit }
    }
}

/// `blobs/sha256/DIGEST`, `DIGEST.tar`: what its content should be.
pub(super) fn digest_in(name: &str) -> Option<Digest> {
    let name = name.rsplit('/').next().unwrap_or(name);
    Digest::new(name.split_once('.').map_or(name, |(name, _)| name)).ok()
}

/// The path as seen from the top of the archive; `None` when it leads out of it.
pub(super) fn inside(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn same(one: &Member, other: Option<&Member>) -> bool {
    match (one, other) {
        (Member::File(one), Some(Member::File(other))) => one.digest == other.digest,
        (Member::Link(one), Some(Member::Link(other))) => one == other,
        _ => false,
    }
}
