//! What the archive says of itself, held against what was found in it. Decides only: no file is read here.

use std::path::Path;

use omsctl_proto::Digest;
use serde::Deserialize;

use super::layers::Packed;
use super::scan::{FileRecord, Member, Scan, digest_in};
use super::{ArchiveError, limits, oci};

/// Links that are followed before a chain of them counts as broken.
const MAX_LINKS: usize = 8;

/// One image of the archive; its digests were computed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct ImageRecord {
    pub(super) references: Vec<String>,
    pub(super) config: Digest,
    /// The text of the configuration.
    pub(super) document: String,
    /// Lowest first.
    pub(super) layers: Vec<LayerRecord>,
    pub(super) architecture: String,
    pub(super) os: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct LayerRecord {
    pub(super) diff_id: Digest,
    /// Its file in the archive; equal layers may share one.
    pub(super) member: String,
    pub(super) packed: Packed,
}

/// One item of `manifest.json`, as `docker save` writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ManifestItem {
    pub(super) config: String,
    #[serde(default)]
    pub(super) repo_tags: Option<Vec<String>>,
    #[serde(default)]
    pub(super) layers: Option<Vec<String>>,
}

/// The part of an image configuration that says what the image is.
#[derive(Debug, Deserialize)]
struct ImageConfig {
    architecture: String,
    os: String,
    rootfs: RootFs,
}

#[derive(Debug, Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Option<Vec<String>>,
}

/// Every image of the archive, each proved whole.
pub(super) fn images(path: &Path, scan: &Scan) -> Result<Vec<ImageRecord>, ArchiveError> {
    let contents = Contents { path, scan };
    let (file, items) = match contents.find("manifest.json") {
        Some((_, manifest)) => ("manifest.json", contents.parse("manifest.json", manifest)?),
        None if contents.find("index.json").is_some() => ("index.json", oci::images(&contents)?),
        None => return Err(contents.no_manifest()),
    };
    if items.is_empty() || items.len() > limits::LISTED {
        return Err(contents.not_understood(file, format!("it lists {} images", items.len())));
    }
    items.into_iter().map(|item| contents.image(file, item)).collect()
}

/// The one image: of several nobody has said which is meant.
pub(super) fn only(path: &Path, mut images: Vec<ImageRecord>) -> Result<ImageRecord, ArchiveError> {
    match images.pop() {
        Some(image) if images.is_empty() => Ok(image),
        last => {
            images.extend(last);
            Err(ArchiveError::SeveralImages { path: path.to_owned(), references: names(&images) })
        }
    }
}

fn names(images: &[ImageRecord]) -> String {
    let names = images.iter().map(|image| match &image.references[..] {
        [] => format!("sha256:{} without a name", image.config.short()),
        names => names.join(", "),
    });
    names.collect::<Vec<_>>().join(", ")
}

pub(super) struct Contents<'a> {
    path: &'a Path,
    scan: &'a Scan,
}

impl Contents<'_> {
    fn image(&self, listed_in: &str, item: ManifestItem) -> Result<ImageRecord, ArchiveError> {
        let (_, record) = self.named(&item.config)?;
        let config: ImageConfig = self.parse(&item.config, record)?;
        let diff_ids = config.rootfs.diff_ids.unwrap_or_default();
        let layers = item.layers.unwrap_or_default();
        if layers.is_empty() || layers.len() != diff_ids.len() || layers.len() > limits::LISTED {
            let reason = format!("it lists {} layers and its configuration {}", layers.len(), diff_ids.len());
            return Err(self.not_understood(listed_in, reason));
        }
        let pairs = layers.iter().zip(&diff_ids);
        let layers = pairs.map(|(file, diff_id)| self.layer(file, diff_id, &item.config));
        Ok(ImageRecord {
            references: item.repo_tags.unwrap_or_default(),
            config: record.digest.clone(),
            // It was read as JSON, which is UTF-8.
            document: String::from_utf8_lossy(record.document.as_deref().unwrap_or_default()).into_owned(),
            layers: layers.collect::<Result<_, _>>()?,
            architecture: config.architecture,
            os: config.os,
        })
    }

    /// When its content has the diff ID that the configuration names.
    fn layer(&self, file: &str, diff_id: &str, config: &str) -> Result<LayerRecord, ArchiveError> {
        let expected =
            Digest::parse(diff_id).map_err(|error| self.not_understood(config, error.to_string()))?;
        let (member, record) = self.named(file)?;
        let Some(found) = &record.content else {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "it cannot be decompressed");
            let place = format!("in its layer {file}");
            return Err(ArchiveError::Damaged { path: self.path.to_owned(), place, source });
        };
        self.check(&format!("the layer {file}"), &expected, &found.digest)?;
        Ok(LayerRecord { diff_id: expected, member: member.to_owned(), packed: found.packed.clone() })
    }

    /// The file; a name that is a digest is a promise.
    pub(super) fn named<'s>(&'s self, file: &'s str) -> Result<(&'s str, &'s FileRecord), ArchiveError> {
        let missing = || ArchiveError::Missing { path: self.path.to_owned(), file: file.to_owned() };
        let (member, record) = self.find(file).ok_or_else(missing)?;
        if let Some(expected) = digest_in(file) {
            self.check(file, &expected, &record.digest)?;
        }
        Ok((member, record))
    }

    fn check(&self, what: &str, expected: &Digest, found: &Digest) -> Result<(), ArchiveError> {
        if expected == found {
            return Ok(());
        }
        Err(ArchiveError::DigestMismatch {
            path: self.path.to_owned(),
            what: what.to_owned(),
            expected: expected.clone(),
            found: found.clone(),
        })
    }

    /// The file behind all links, and its path.
    pub(super) fn find<'s>(&'s self, name: &'s str) -> Option<(&'s str, &'s FileRecord)> {
        let mut name = name.strip_prefix("./").unwrap_or(name);
        for _ in 0..=MAX_LINKS {
            match self.scan.members.get(name)? {
                Member::File(record) => return Some((name, record)),
                Member::Link(target) => name = target.as_deref()?,
            }
        }
        None
    }

    pub(super) fn parse<T: serde::de::DeserializeOwned>(
        &self,
        file: &str,
        record: &FileRecord,
    ) -> Result<T, ArchiveError> {
        if record.size > limits::DOCUMENT {
            let limit = format!("{} bytes", limits::DOCUMENT);
            return Err(ArchiveError::TooLarge { path: self.path.to_owned(), what: file.to_owned(), limit });
        }
        let text = record.document.as_deref();
        let text = text.ok_or_else(|| self.not_understood(file, "it is no JSON".to_owned()))?;
        serde_json::from_slice(text).map_err(|error| self.not_understood(file, error.to_string()))
    }

    fn no_manifest(&self) -> ArchiveError {
        let path = self.path.to_owned();
        let below = |folder: &str| self.scan.members.keys().any(|name| name.starts_with(folder));
        let looks_like = if self.scan.members.is_empty() {
            "is empty"
        } else if below("etc/") && (below("usr/") || below("bin/")) {
            "looks like the file system of a container (`docker export`)"
        } else {
            "holds other files"
        };
        ArchiveError::NoManifest { path, looks_like: looks_like.to_owned() }
    }

    pub(super) fn not_understood(&self, file: &str, reason: String) -> ArchiveError {
        ArchiveError::NotUnderstood { path: self.path.to_owned(), file: file.to_owned(), reason }
    }
}
