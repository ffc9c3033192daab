//! An archive of `docker save` as the OCI tools would have written it: an image layout without `manifest.json`, its top
//! layer compressed, the others as they are (OCI image-spec 1.1, `image-layout.md`).

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::RigError;
use super::layout::read;
use super::process::Program;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Reads the archive `saved` of one image and writes the other one.
pub(super) fn write(saved: &Path, reference: &str, into: &Path) -> Result<(), RigError> {
    let work = tempfile::tempdir().map_err(RigError::file("create a folder for", into))?;
    let [from, layout] = ["saved", "layout"].map(|name| work.path().join(name));
    let blobs = Blobs { folder: layout.join("blobs/sha256") };
    for folder in [&from, &blobs.folder] {
        fs::create_dir_all(folder).map_err(RigError::file("create", folder))?;
    }
    Program::new("tar").args(["-xf".as_ref(), saved.as_os_str(), "-C".as_ref(), from.as_os_str()]).run()?;
    let listed = json_of(&from.join("manifest.json"))?;
    let file = |name: &Value| from.join(name.as_str().unwrap_or_default());
    let config = blobs.take(&file(&listed[0]["Config"]), CONFIG)?;
    let files: Vec<PathBuf> = listed[0]["Layers"].as_array().into_iter().flatten().map(file).collect();
    let mut layers = Vec::new();
    for (number, layer) in files.iter().enumerate() {
        layers.push(if number + 1 == files.len() {
            Program::new("gzip").args(["-1n".as_ref(), layer.as_os_str()]).run()?;
            blobs.take(&layer.with_added_extension("gz"), &format!("{LAYER}+gzip"))?
        } else {
            blobs.take(layer, LAYER)?
        });
    }
    let image = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
    let manifest = work.path().join("manifest");
    write_json(&manifest, &image)?;
    let mut image = blobs.take(&manifest, MANIFEST)?;
    image["annotations"] = json!({"org.opencontainers.image.ref.name": reference});
    write_json(
        &layout.join("index.json"),
        &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image]}),
    )?;
    write_json(&layout.join("oci-layout"), &json!({"imageLayoutVersion": "1.0.0"}))?;
    let packing = ["-cf".as_ref(), into.as_os_str(), "-C".as_ref(), layout.as_os_str(), ".".as_ref()];
    Program::new("tar").args(packing).run().map(|_| ())
}

struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    /// Copies the file under its digest; returns its descriptor. Equal files are one blob.
    fn take(&self, file: &Path, media_type: &str) -> Result<Value, RigError> {
        let content = fs::read(file).map_err(RigError::file("read", file))?;
        let mut digest = String::new();
        for byte in Sha256::digest(&content) {
            // Writing to a String does not fail.
            let _ = write!(digest, "{byte:02x}");
        }
        let blob = self.folder.join(&digest);
        fs::write(&blob, &content).map_err(RigError::file("write", &blob))?;
        Ok(json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": content.len()}))
    }
}

fn json_of(path: &Path) -> Result<Value, RigError> {
    serde_json::from_str(&read(path)?).map_err(|error| RigError::file("understand", path)(error.into()))
}

fn write_json(path: &Path, value: &Value) -> Result<(), RigError> {
    fs::write(path, value.to_string()).map_err(RigError::file("write", path))
}
