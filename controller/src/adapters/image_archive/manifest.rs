//! What the archive says of itself, held against what was found in it. Pure: no file is read here.

use std::path::Path;

use omsctl_proto::Digest;
use serde::Deserialize;

use super::ArchiveError;
use super::limits;
use super::scan::{FileRecord, Member, Scan};

/// Links that are followed before a chain of them counts as broken.
const MAX_LINKS: usize = 8;

/// One image of the archive; its digests were computed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct ImageRecord {
    pub(super) references: Vec<String>,
    pub(super) config: Digest,
    pub(super) layers: Vec<Digest>,
    /// Where the file of each layer is; equal layers may share one.
    pub(super) layer_sections: Vec<usize>,
    pub(super) architecture: String,
    pub(super) os: String,
}

/// One item of `manifest.json`, as `docker save` writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ManifestItem {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
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
    let Some(manifest) = contents.find("manifest.json") else { return Err(contents.no_manifest()) };
    let items: Vec<ManifestItem> = contents.parse("manifest.json", manifest)?;
    if items.is_empty() || items.len() > limits::LISTED {
        let reason = format!("it lists {} images", items.len());
        return Err(contents.not_understood("manifest.json", reason));
    }
    items.into_iter().map(|item| contents.image(item)).collect()
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

struct Contents<'a> {
    path: &'a Path,
    scan: &'a Scan,
}

impl Contents<'_> {
    fn image(&self, item: ManifestItem) -> Result<ImageRecord, ArchiveError> {
        let record = self.get(&item.config)?;
        self.check_name(&item.config, record)?;
        let config: ImageConfig = self.parse(&item.config, record)?;
        let diff_ids = config.rootfs.diff_ids.unwrap_or_default();
        let layers = item.layers.unwrap_or_default();
        if layers.is_empty() || layers.len() != diff_ids.len() || layers.len() > limits::LISTED {
            let reason = format!("it lists {} layers and its configuration {}", layers.len(), diff_ids.len());
            return Err(self.not_understood("manifest.json", reason));
        }
        let pairs = layers.iter().zip(&diff_ids);
        let layers = pairs.map(|(file, diff_id)| self.layer(file, diff_id, &item.config));
        let (layers, layer_sections) = layers.collect::<Result<_, _>>()?;
        Ok(ImageRecord {
            references: item.repo_tags.unwrap_or_default(),
            config: record.digest.clone(),
            layers,
            layer_sections,
            architecture: config.architecture,
            os: config.os,
        })
    }

    /// Its diff ID, when it is the one that the configuration names, and where its file is.
    fn layer(&self, file: &str, diff_id: &str, config: &str) -> Result<(Digest, usize), ArchiveError> {
        let expected =
            Digest::parse(diff_id).map_err(|error| self.not_understood(config, error.to_string()))?;
        let record = self.get(file)?;
        self.check_name(file, record)?;
        let Some(found) = &record.content else {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "it cannot be decompressed");
            let place = format!("in its layer {file}");
            return Err(ArchiveError::Damaged { path: self.path.to_owned(), place, source });
        };
        self.check(&format!("the layer {file}"), &expected, found)?;
        Ok((expected, record.section))
    }

    /// A name that is a digest is a promise: `blobs/sha256/DIGEST`, `DIGEST.json`.
    fn check_name(&self, file: &str, record: &FileRecord) -> Result<(), ArchiveError> {
        let name = file.rsplit('/').next().unwrap_or(file);
        let name = name.strip_suffix(".json").unwrap_or(name);
        match Digest::new(name) {
            Ok(expected) => self.check(file, &expected, &record.digest),
            Err(_) => Ok(()),
        }
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

    fn find(&self, name: &str) -> Option<&FileRecord> {
        let mut name = name.strip_prefix("./").unwrap_or(name);
        for _ in 0..=MAX_LINKS {
            match self.scan.members.get(name)? {
                Member::File(record) => return Some(record),
                Member::Link(target) => name = target.as_deref()?,
            }
        }
        None
    }

    fn get(&self, name: &str) -> Result<&FileRecord, ArchiveError> {
        let missing = || ArchiveError::Missing { path: self.path.to_owned(), file: name.to_owned() };
        self.find(name).ok_or_else(missing)
    }

    fn parse<T: serde::de::DeserializeOwned>(
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
        let has = |name: &str| self.scan.members.contains_key(name);
        if has("oci-layout") || has("index.json") {
            return ArchiveError::UnsupportedOci { path };
        }
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

    fn not_understood(&self, file: &str, reason: String) -> ArchiveError {
        ArchiveError::NotUnderstood { path: self.path.to_owned(), file: file.to_owned(), reason }
    }
}
