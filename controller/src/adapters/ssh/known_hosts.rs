//! known_hosts files, read once into a map: what they say about a host and its key.
//!
//! Plain names are looked up in a map; only hashed names and patterns are walked through. Decides nothing.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::PublicKey;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};

use super::config::matches_list;

/// The largest file that is read.
const MAX_SIZE: u64 = 64 << 20;

/// One key with its place.
#[derive(Debug, Clone)]
struct Known {
    marker: Option<Marker>,
    key: PublicKey,
    line: usize,
}

/// One file.
#[derive(Debug, Default)]
pub(crate) struct KnownHosts {
    file: PathBuf,
    keys: Vec<Known>,
    /// Name as it is written, to places in `keys`.
    plain: HashMap<String, Vec<usize>>,
    hashed: Vec<(Vec<u8>, [u8; 20], usize)>,
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
    /// Only a certificate authority is recorded.
    Authority {
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
    pub(crate) fn parse(file: &Path, text: &str) -> Self {
        let mut known = Self { file: file.to_owned(), ..Self::default() };
        for (index, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.first().is_none_or(|word| word.starts_with('#')) {
                continue;
            }
            if let Ok(entry) = words.join(" ").parse::<Entry>() {
                known.add(&entry, index + 1);
            }
        }
        known
    }

    fn add(&mut self, entry: &Entry, line: usize) {
        let index = self.keys.len();
        self.keys.push(Known { marker: entry.marker().copied(), key: entry.public_key().clone(), line });
        match entry.host_patterns() {
            HostPatterns::HashedName { salt, hash } => self.hashed.push((salt.clone(), *hash, index)),
            HostPatterns::Patterns(names) if names.iter().any(|name| name.contains(['*', '?', '!'])) => {
                self.patterns.push((names.iter().map(|name| name.to_ascii_lowercase()).collect(), index));
            }
            HostPatterns::Patterns(names) => {
                for name in names {
                    self.plain.entry(name.to_ascii_lowercase()).or_default().push(index);
                }
            }
        }
    }

    /// All keys that are recorded for the name (`host` or `[host]:port`, in lower case).
    fn of<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Known> {
        let mut found: Vec<usize> = self.plain.get(name).cloned().unwrap_or_default();
        found.extend(
            self.hashed.iter().filter(|(salt, hash, _)| hashes_to(salt, name, hash)).map(|hashed| hashed.2),
        );
        let fits = |patterns: &[String]| matches_list(patterns.iter().map(String::as_str), name);
        found.extend(self.patterns.iter().filter(|(patterns, _)| fits(patterns)).map(|(_, index)| *index));
        found.into_iter().filter_map(|index| self.keys.get(index))
    }
}

fn hashes_to(salt: &[u8], name: &str, hash: &[u8; 20]) -> bool {
    let Ok(mut mac) = Hmac::<sha1::Sha1>::new_from_slice(salt) else { return false };
    mac.update(name.as_bytes());
    mac.verify_slice(hash).is_ok()
}

/// What all files together say. A revoked key is revoked whatever else is said.
pub(crate) fn judge<'a>(
    files: impl Iterator<Item = &'a KnownHosts> + Clone,
    name: &str,
    key: &PublicKey,
) -> Verdict {
    let recorded = || {
        let files = files.clone();
        files.flat_map(|file| {
            file.of(name).map(move |known| (format!("{}:{}", file.file.display(), known.line), known))
        })
    };
    let same = |known: &Known| known.key.key_data() == key.key_data();
    if let Some((known_at, _)) =
        recorded().find(|(_, known)| known.marker == Some(Marker::Revoked) && same(known))
    {
        return Verdict::Revoked { known_at };
    }
    if recorded().any(|(_, known)| known.marker.is_none() && same(known)) {
        return Verdict::Known;
    }
    if let Some((known_at, _)) = recorded().find(|(_, known)| known.marker.is_none()) {
        return Verdict::Changed { known_at };
    }
    match recorded().find(|(_, known)| known.marker == Some(Marker::CertAuthority)) {
        Some((known_at, _)) => Verdict::Authority { known_at },
        None => Verdict::Unknown,
    }
}

/// The types of the keys that are recorded for the name, so that they can be asked for first.
pub(crate) fn known_types<'a>(
    files: impl Iterator<Item = &'a KnownHosts>,
    name: &str,
) -> Vec<russh::keys::Algorithm> {
    let known = files.flat_map(|file| {
        file.of(name).filter(|known| known.marker.is_none()).map(|known| known.key.algorithm())
    });
    known.collect()
}

/// Adds a line to the file (made with mode 0600, its folder with 0700).
pub(crate) fn append(file: &Path, name: &str, key: &PublicKey) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.exists()) {
        std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700)
            .create(folder)?;
    }
    let bare = PublicKey::new(key.key_data().clone(), "");
    let encoded = bare.to_openssh().map_err(io::Error::other)?;
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
mod tests {
    use super::*;

    const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHBirolUY4z/3JLVaNqyM8Db8mKw2BwMZli/rdsTn1vv";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDlPm5BYW+DRBHw9voLX03zbfGf+YRfq+7x5KF/k7Bi/GO4ie7aT+RQkhGrT5Z6uxhk8lHh1TfMeHB79KOZnlVg=";

    fn check(text: &str, name: &str, expected: &Verdict) {
        let known = KnownHosts::parse(Path::new("k"), text);
        let key: PublicKey = ONE.parse().unwrap();
        assert_eq!(judge([&known].into_iter(), name, &key), *expected, "{name} in {text}");
    }

    #[test]
    fn what_the_file_says_about_a_key() {
        let changed = |line: usize| Verdict::Changed { known_at: format!("k:{line}") };
        check("", "h", &Verdict::Unknown);
        check(&format!("# c\n\nh,10.0.0.1 {ONE} comment"), "10.0.0.1", &Verdict::Known);
        check(&format!("h {ONE}"), "other", &Verdict::Unknown);
        check(&format!("H\t{ONE}"), "h", &Verdict::Known);
        check(&format!("x {ONE}\nh {TWO}"), "h", &changed(2));
        check(&format!("h {TWO}\nh {ONE}"), "h", &Verdict::Known);
        // Recorded with a key of another type only: not new.
        check(&format!("h {ECDSA}"), "h", &changed(1));
        check(&format!("[h]:2222 {ONE}"), "[h]:2222", &Verdict::Known);
        check(&format!("[h]:2222 {ONE}"), "h", &Verdict::Unknown);
        check(&format!("*.example.net,!bad.example.net {ONE}"), "n1.example.net", &Verdict::Known);
        check(&format!("*.example.net,!bad.example.net {ONE}"), "bad.example.net", &Verdict::Unknown);
        check(&format!("h {ONE}\n@revoked * {ONE}"), "h", &Verdict::Revoked { known_at: "k:2".to_owned() });
        check(&format!("@revoked * {TWO}\nh {ONE}"), "h", &Verdict::Known);
        check(&format!("@cert-authority * {TWO}"), "h", &Verdict::Authority { known_at: "k:1".to_owned() });
        check("h ssh-nonsense AAAA\nnonsense", "h", &Verdict::Unknown);
    }

    #[test]
    fn hashed_names_are_recognised() {
        use russh::keys::ssh_key::known_hosts::HostPatterns;
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(b"12345678901234567890").unwrap();
        mac.update(b"[h]:2222");
        let hash: [u8; 20] = mac.finalize().into_bytes().into();
        let name = HostPatterns::HashedName { salt: b"12345678901234567890".to_vec(), hash }.to_string();
        check(&format!("{name} {ONE}"), "[h]:2222", &Verdict::Known);
        check(&format!("{name} {ONE}"), "h", &Verdict::Unknown);
        // Made by ssh-keygen -H of example.com.
        let real = "|1|RrOwvzdrvGJL+Sczq+PXsdo0GxE=|vo+kt7wIFrQh4o5EH24gtTJuKGk=";
        check(&format!("{real} {ONE}"), "example.com", &Verdict::Known);
    }

    #[test]
    fn a_new_key_is_appended_on_a_line_of_its_own() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ssh/known_hosts");
        let key: PublicKey = ONE.parse().unwrap();
        append(&file, "[h]:22", &key).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&file, "# no new line at the end").unwrap();
        append(&file, "h", &key).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("# no new line at the end\nh {ONE}\n"));
        assert_eq!(judge([&KnownHosts::load(&file).unwrap()].into_iter(), "h", &key), Verdict::Known);
    }
}
