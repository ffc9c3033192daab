//! An archive in OCI layout without `manifest.json` (OCI image-spec 1.1, `image-layout.md`): which images it holds, as
//! `docker save` would list them. Decides only: no file is read here.

use omsctl_proto::Digest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::manifest::{Contents, ManifestItem};
use super::{ArchiveError, limits};

/// Indexes inside of indexes; buildx writes one.
const DEPTH: usize = 4;

/// An index (`index.json` is one) or the manifest of an image, whichever it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    /// Of an index.
    #[serde(default)]
    manifests: Vec<Descriptor>,
    /// Of a manifest.
    config: Option<Descriptor>,
    /// Of a manifest, lowest first.
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Debug, Clone, Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default)]
    annotations: Annotations,
    platform: Option<Platform>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Annotations {
    /// Written by containerd and buildx: a whole name.
    #[serde(rename = "io.containerd.image.name")]
    image_name: Option<String>,
    /// A tag, or with some tools a whole name.
    #[serde(rename = "org.opencontainers.image.ref.name")]
    reference_name: Option<String>,
    /// Of what buildx adds beside an image: where it comes from.
    #[serde(rename = "vnd.docker.reference.type")]
    reference_type: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
}

/// Every image; of an index the platforms that the archive holds.
pub(super) fn images(contents: &Contents<'_>) -> Result<Vec<ManifestItem>, ArchiveError> {
    let mut images = Images { contents, found: Vec::new(), missing: None };
    images.document("index.json", None, 0)?;
    match images.missing {
        Some(missing) if images.found.is_empty() => Err(missing),
        _ => Ok(images.found),
    }
}

struct Images<'a> {
    contents: &'a Contents<'a>,
    found: Vec<ManifestItem>,
    /// The first file that is named and not there.
    missing: Option<ArchiveError>,
}

impl Images<'_> {
    fn document(&mut self, file: &str, name: Option<&str>, depth: usize) -> Result<(), ArchiveError> {
        let document: Document = match self.parse(file) {
            Err(missing @ ArchiveError::Missing { .. }) => {
                self.missing.get_or_insert(missing);
                return Ok(());
            }
            other => other?,
        };
        if let Some(config) = document.config {
            let layers = document.layers.iter().map(|layer| self.blob(file, layer));
            self.found.push(ManifestItem {
                config: self.blob(file, &config)?,
                repo_tags: name.map(|name| vec![name.to_owned()]),
                layers: Some(layers.collect::<Result<_, _>>()?),
            });
            return Ok(());
        }
        if depth >= DEPTH || document.manifests.len() + self.found.len() > limits::LISTED {
            return Err(self.contents.not_understood(file, "it lists too much".to_owned()));
        }
        for descriptor in document.manifests.iter().filter(|descriptor| is_image(descriptor)) {
            let blob = self.blob(file, descriptor)?;
            let own = descriptor.annotations.reference();
            self.document(&blob, own.as_deref().or(name), depth + 1)?;
        }
        Ok(())
    }

    fn parse<T: DeserializeOwned>(&self, file: &str) -> Result<T, ArchiveError> {
        let (_, record) = self.contents.named(file)?;
        self.contents.parse(file, record)
    }

    fn blob(&self, file: &str, descriptor: &Descriptor) -> Result<String, ArchiveError> {
        let digest = Digest::parse(&descriptor.digest);
        let digest = digest.map_err(|error| self.contents.not_understood(file, error.to_string()))?;
        Ok(format!("blobs/sha256/{}", digest.as_str()))
    }
}

fn is_image(descriptor: &Descriptor) -> bool {
    let unknown = descriptor.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
    descriptor.annotations.reference_type.is_none() && !unknown
}

impl Annotations {
    /// A name that Docker takes.
    fn reference(&self) -> Option<String> {
        if let Some(name) = &self.image_name {
            return Some(name.clone());
        }
        let name = self.reference_name.as_ref()?;
        let whole = name.contains(['/', ':']);
        Some(if whole { name.clone() } else { format!("oms-image:{name}") })
    }
}
