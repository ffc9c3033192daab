//! Archives as Docker and the OCI tools write them, made here.

mod kept;
mod oci;
mod refused;
mod sending;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use omsctl_proto::Digest;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use super::{ArchiveError, ImageArchive};
use crate::ports::ContentSource;

/// How the archive is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    /// `docker save` before 25: `ID/layer.tar`, the second layer of equal content a link.
    Legacy,
    /// Since 25: blobs and `manifest.json`.
    Oci,
    /// The same from a containerd store: the blobs are compressed.
    OciGzip,
    /// No `manifest.json`.
    PureOci,
}

const LAYOUTS: [Layout; 4] = [Layout::Legacy, Layout::Oci, Layout::OciGzip, Layout::PureOci];

fn member(builder: &mut tar::Builder<Vec<u8>>, name: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, name, content).unwrap();
}

fn link(builder: &mut tar::Builder<Vec<u8>>, name: &str, target: &str) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, name, target).unwrap();
}

fn finished(builder: tar::Builder<Vec<u8>>) -> Vec<u8> {
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// The uncompressed tars of three layers, the first and the last alike.
fn layers() -> [Vec<u8>; 3] {
    let layer = |name: &str, size: u32| {
        let mut builder = tar::Builder::new(Vec::new());
        let content: Vec<u8> = (0..size).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        member(&mut builder, name, &content);
        finished(builder)
    };
    [layer("a", 3000), layer("b", 500), layer("a", 3000)]
}

fn config(layers: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", Digest::of(layer))).collect();
    serde_json::to_vec(&serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}
    }))
    .unwrap()
}

fn manifest(config: &str, layers: &[String]) -> Vec<u8> {
    serde_json::to_vec(&serde_json::json!([{"Config": config, "RepoTags": ["oms:1"], "Layers": layers}]))
        .unwrap()
}

fn archive(layout: Layout) -> Vec<u8> {
    let layers = layers();
    let config = config(&layers);
    let mut builder = tar::Builder::new(Vec::new());
    if layout == Layout::Legacy {
        let name = format!("{}.json", Digest::of(&config));
        member(&mut builder, &name, &config);
        member(&mut builder, "one/layer.tar", &layers[0]);
        member(&mut builder, "two/layer.tar", &layers[1]);
        link(&mut builder, "three/layer.tar", "../one/layer.tar");
        let names = ["one", "two", "three"].map(|name| format!("{name}/layer.tar"));
        member(&mut builder, "manifest.json", &manifest(&name, &names));
        return finished(builder);
    }
    let blob = |content: &[u8]| format!("blobs/sha256/{}", Digest::of(content));
    let layers = layers.map(|layer| if layout == Layout::OciGzip { gzip(&layer) } else { layer });
    for content in layers[..2].iter().chain([&config]) {
        member(&mut builder, &blob(content), content);
    }
    let refer = |content: &[u8]| serde_json::json!({"digest": format!("sha256:{}", Digest::of(content))});
    let layers_there: Vec<_> = layers.iter().map(|layer| refer(layer)).collect();
    let image = serde_json::json!({"config": refer(&config), "layers": layers_there}).to_string();
    member(&mut builder, &blob(image.as_bytes()), image.as_bytes());
    let mut listed = refer(image.as_bytes());
    listed["annotations"] = serde_json::json!({"org.opencontainers.image.ref.name": "oms:1"});
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [listed]}).to_string();
    member(&mut builder, "index.json", index.as_bytes());
    if layout != Layout::PureOci {
        let names: Vec<String> = layers.iter().map(|layer| blob(layer)).collect();
        member(&mut builder, "manifest.json", &manifest(&blob(&config), &names));
    }
    member(&mut builder, "oci-layout", b"{}");
    finished(builder)
}

fn write(folder: &TempDir, content: &[u8]) -> PathBuf {
    let path = folder.path().join("oms.img");
    std::fs::write(&path, content).unwrap();
    path
}

async fn read(path: &Path) -> Result<ImageArchive, ArchiveError> {
    ImageArchive::read(path, None, |_, _| {}).await
}

async fn read_bytes(content: &[u8]) -> Result<ImageArchive, ArchiveError> {
    let folder = tempfile::tempdir().unwrap();
    read(&write(&folder, content)).await
}

async fn sent(image: &dyn ContentSource, ranges: Vec<Range<u64>>) -> Vec<u8> {
    let mut sent = Vec::new();
    image.open(ranges).await.unwrap().read_to_end(&mut sent).await.unwrap();
    sent
}

/// Of `docker save`, whatever was read: the layers uncompressed, one for each diff ID.
fn assert_package(sent: &[u8]) {
    let tar = zstd::decode_all(sent).unwrap();
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let name = entry.path().unwrap().display().to_string();
        assert_eq!(files.insert(name, content), None);
    }
    let layers = layers();
    let names = layers.each_ref().map(|layer| format!("{}.tar", Digest::of(layer)));
    let config_name = format!("{}.json", Digest::of(&config(&layers)));
    assert_eq!(files.len(), 4, "{:?}", files.keys());
    assert!(names.iter().zip(&layers).all(|(name, layer)| files[name] == *layer));
    assert_eq!(files[&config_name], config(&layers));
    let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let expected = serde_json::json!([{"Config": config_name, "RepoTags": ["oms:1"], "Layers": names}]);
    assert_eq!(manifest, expected);
}
