//! `known_hosts` files, read once into a map: what they say about a host and its keys.
//!
//! Plain names are looked up in a map; only hashed names and patterns are walked through. Decides nothing.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::key::parse_public_key;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, PublicKey};

use super::config::matches_list;

/// The largest file that is read.
const MAX_SIZE: u64 = 64 << 20;
/// The bytes of a salt, and of a hash.
const HASH: usize = 20;

/// What stands before the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Authority,
    Revoked,
}

/// One key with its place.
#[derive(Debug, Clone)]
struct Known {
    marker: Option<Marker>,
    key: PublicKey,
    line: usize,
}

/// One file.
#[derive(Debug, Default)]
pub struct KnownHosts {
    file: PathBuf,
    keys: Vec<Known>,
    /// Name in lower case, to places in `keys`.
    plain: HashMap<String, Vec<usize>>,
    hashed: Vec<([u8; HASH], [u8; HASH], usize)>,
    patterns: Vec<(Vec<String>, usize)>,
}

/// What the files say about a key of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Known,
    /// No key at all is recorded.
    Unknown,
    /// Other keys are recorded; the first of them.
    Changed {
        known_at: String,
    },
    Revoked {
        known_at: String,
    },
}

impl KnownHosts {
    /// A file that is not there is empty.
    pub(crate) fn load(file: &Path) -> io::Result<Self> {
        let size = match std::fs::metadata(file) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        if size > MAX_SIZE {
            return Err(io::Error::other("it is larger than 64 MiB"));
        }
        let bytes = if size == 0 { Vec::new() } else { std::fs::read(file)? };
        Ok(Self::parse(file, &String::from_utf8_lossy(&bytes)))
    }

    /// Lines that make no sense, or hold keys of unknown types, are passed over, as ssh does.
    pub fn parse(file: &Path, text: &str) -> Self {
        let mut known = Self { file: file.to_owned(), ..Self::default() };
        for (index, line) in text.split('\n').enumerate() {
            // ssh reads C strings: nothing after a NUL is seen.
            let line = line.split('\0').next().unwrap_or_default();
            let _no_key = known.add(line, index + 1);
        }
        known
    }

    /// The lines that list the name with a key that can be read, as `ssh-keygen -F` finds them.
    pub fn lines_of(&self, name: &str) -> Vec<usize> {
        let mut lines: Vec<usize> = self.of(&name.to_ascii_lowercase()).map(|known| known.line).collect();
        lines.sort_unstable();
        lines
    }

    /// `None`: there is nothing in the line.
    fn add(&mut self, text: &str, line: usize) -> Option<()> {
        let text = text.trim_start_matches(BLANK);
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        let (marker, text) = marker(text)?;
        let (names, text) = word(text);
        let (key_type, text) = word(text);
        let (encoded, _comment) = word(text);
        let key = key(key_type, encoded)?;
        let index = self.keys.len();
        if let Some(hashed) = names.strip_prefix('|') {
            let (salt, hash) = hashed.strip_prefix("1|")?.split_once('|')?;
            self.hashed.push((twenty(salt)?, twenty(hash)?, index));
        } else {
            let names = names.to_ascii_lowercase();
            let names: Vec<&str> = names.split(',').collect();
            if names.iter().any(|name| name.contains(['*', '?', '!'])) {
                self.patterns.push((names.iter().map(|name| (*name).to_owned()).collect(), index));
            } else {
                for name in names {
                    self.plain.entry(name.to_owned()).or_default().push(index);
                }
            }
        }
        self.keys.push(Known { marker, key, line });
        Some(())
    }

    /// All keys that are recorded for the name (`host` or `[host]:port`, in lower case), in the file's order.
    fn of<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Known> + use<'a> {
        let mut found: Vec<usize> = self.plain.get(name).cloned().unwrap_or_default();
        found.extend(
            self.hashed.iter().filter(|(salt, hash, _)| hashes_to(salt, name, hash)).map(|hashed| hashed.2),
        );
        let fits = |patterns: &[String]| matches_list(patterns.iter().map(String::as_str), name);
        found.extend(self.patterns.iter().filter(|(patterns, _)| fits(patterns)).map(|(_, index)| *index));
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|index| self.keys.get(index))
    }
}

const BLANK: [char; 2] = [' ', '\t'];

fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(BLANK).unwrap_or((text, ""));
    (word, rest.trim_start_matches(BLANK))
}

/// `None`: it is a marker, and none that there is.
fn marker(text: &str) -> Option<(Option<Marker>, &str)> {
    if !text.starts_with('@') {
        return Some((None, text));
    }
    // As ssh: up to the first space, wherever a tab stands.
    let (name, rest) = text.split_once(' ').or_else(|| text.split_once('\t'))?;
    let marker = match name {
        "@cert-authority" => Marker::Authority,
        "@revoked" => Marker::Revoked,
        _ => return None,
    };
    let rest = rest.trim_start_matches(BLANK);
    (!rest.starts_with('@')).then_some((Some(marker), rest))
}

/// A plain key whose type is the one that stands before it.
pub(super) fn key(key_type: &str, encoded: &str) -> Option<PublicKey> {
    let encoded: String = encoded.split_ascii_whitespace().collect();
    let key = parse_public_key(&STANDARD.decode(encoded).ok()?).ok()?;
    (key.algorithm().as_str() == key_type && !matches!(key.key_data(), KeyData::Other(_))).then_some(key)
}

fn twenty(encoded: &str) -> Option<[u8; HASH]> {
    STANDARD.decode(encoded).ok()?.try_into().ok()
}

fn mac(salt: &[u8; HASH], name: &str) -> Option<Hmac<sha1::Sha1>> {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(salt).ok()?;
    mac.update(name.as_bytes());
    Some(mac)
}

fn hashes_to(salt: &[u8; HASH], name: &str, hash: &[u8; HASH]) -> bool {
    mac(salt, name).is_some_and(|mac| mac.verify_slice(hash).is_ok())
}

fn recorded<'a>(
    files: &'a [Arc<KnownHosts>],
    name: &str,
) -> impl Iterator<Item = (String, &'a Known)> + use<'a> {
    let place = |file: &KnownHosts, known: &Known| format!("{}:{}", file.file.display(), known.line);
    let name = name.to_owned();
    files.iter().flat_map(move |file| file.of(&name).map(move |known| (place(file, known), known)))
}

/// Where one of the keys is revoked, whatever else is said of it.
pub(crate) fn revoked(files: &[Arc<KnownHosts>], name: &str, keys: &[&KeyData]) -> Option<String> {
    let revoked =
        |known: &Known| known.marker == Some(Marker::Revoked) && keys.contains(&known.key.key_data());
    recorded(files, name).find(|(_, known)| revoked(known)).map(|(known_at, _)| known_at)
}

/// What all files together say about a plain key.
pub(crate) fn judge(files: &[Arc<KnownHosts>], name: &str, key: &KeyData) -> Verdict {
    if let Some(known_at) = revoked(files, name, &[key]) {
        return Verdict::Revoked { known_at };
    }
    let mut plain = recorded(files, name).filter(|(_, known)| known.marker.is_none()).peekable();
    let first = plain.peek().map(|(known_at, _)| known_at.clone());
    match first {
        _ if plain.any(|(_, known)| known.key.key_data() == key) => Verdict::Known,
        Some(known_at) => Verdict::Changed { known_at },
        None => Verdict::Unknown,
    }
}

/// Whether the key is a certificate authority's for the name.
pub(crate) fn is_authority(files: &[Arc<KnownHosts>], name: &str, key: &KeyData) -> bool {
    recorded(files, name)
        .any(|(_, known)| known.marker == Some(Marker::Authority) && known.key.key_data() == key)
}

/// Whether there is any certificate authority for the name.
pub(crate) fn has_authority(files: &[Arc<KnownHosts>], name: &str) -> bool {
    recorded(files, name).any(|(_, known)| known.marker == Some(Marker::Authority))
}

/// The types of the keys that are recorded for the name, so that they can be asked for first.
pub(crate) fn known_types(files: &[Arc<KnownHosts>], name: &str) -> Vec<Algorithm> {
    let plain = recorded(files, name).filter(|(_, known)| known.marker.is_none());
    plain.map(|(_, known)| known.key.algorithm()).collect()
}

/// The name under a new hash, as `HashKnownHosts` records it. `None`: the system gives no randomness.
fn hashed_name(name: &str) -> Option<String> {
    let mut salt = [0; HASH];
    getrandom::fill(&mut salt).ok()?;
    let hash = mac(&salt, name)?.finalize().into_bytes();
    Some(format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hash)))
}

/// Adds a line to the file (made with mode 0600, its folder with 0700).
pub(crate) fn append(file: &Path, name: &str, hash: bool, key: &PublicKey) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let bare = PublicKey::new(key.key_data().clone(), "");
    let encoded = bare.to_openssh().map_err(io::Error::other)?;
    let name = if hash {
        hashed_name(name).ok_or_else(|| io::Error::other("the system gives no randomness"))?
    } else {
        name.to_owned()
    };
    let before = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let separator = if before.last().is_none_or(|byte| *byte == b'\n') { "" } else { "\n" };
    let mut opened = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    opened.write_all(format!("{separator}{name} {}\n", encoded.trim()).as_bytes())
}

#[cfg(test)]
#[path = "known_hosts_tests.rs"]
mod tests;
