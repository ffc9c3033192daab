//! Archives as Docker writes them, made here, and everything that can be wrong with one.

use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use omsctl_proto::{Digest, ErrorCode, ErrorReport};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use super::{ArchiveError, FileArchives, ImageArchive};
use crate::ports::ImageArchives;

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
    member(&mut builder, "index.json", b"{}");
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

#[tokio::test]
async fn every_layout_in_every_compression_is_the_same_image() {
    let layers = layers();
    for layout in [Layout::Legacy, Layout::Oci, Layout::OciGzip] {
        let raw = archive(layout);
        for file in [raw.clone(), gzip(&raw), zstd(&raw), [gzip(&raw[..5000]), gzip(&raw[5000..])].concat()] {
            let folder = tempfile::tempdir().unwrap();
            let image = read(&write(&folder, &file)).await.unwrap();
            assert_eq!(image.references, ["oms:1"]);
            assert_eq!(image.config, Digest::of(&config(&layers)));
            assert_eq!(image.layers, layers.iter().map(|layer| Digest::of(layer)).collect::<Vec<_>>());
            assert_eq!((image.architecture.as_str(), image.os.as_str()), ("amd64", "linux"));
            assert_eq!(image.compressed_size, file.len() as u64);
            let size = raw.len() as u64;
            for ranges in [vec![0..size], vec![1..size], vec![5..5000, 9000..size - 1], vec![]] {
                let mut sent = Vec::new();
                image.open_raw(ranges.clone()).await.unwrap().read_to_end(&mut sent).await.unwrap();
                assert!(sent == parts(&raw, &ranges), "{layout:?} {ranges:?}");
            }
        }
    }
}

/// Layers 0 and 2 are one file, which the legacy layout has a link to.
#[tokio::test]
async fn what_a_host_lacks_is_an_archive_without_the_files_of_the_layers_that_it_has() {
    for layout in [Layout::Legacy, Layout::Oci, Layout::OciGzip] {
        let raw = archive(layout);
        let folder = tempfile::tempdir().unwrap();
        let archives = FileArchives::new(None);
        let archive = archives.read(&write(&folder, &zstd(&raw)), Box::new(|_, _| {})).await.unwrap();
        let all = names(&raw);
        let mut lacking = Vec::new();
        for parcel in archive.identity.parcels() {
            let mut sent = Vec::new();
            let mut stream = archive.source.open(parcel.ranges.clone()).await.unwrap();
            stream.read_to_end(&mut sent).await.unwrap();
            assert_eq!(sent.len() as u64, parcel.size());
            let mut rest = sent.as_slice();
            for piece in &parcel.pieces {
                let (bytes, after) = rest.split_at(piece.size as usize);
                assert_eq!(Digest::of(bytes), piece.digest);
                rest = after;
            }
            let there = names(&sent);
            lacking.push(all.iter().filter(|name| !there.contains(name)).count());
        }
        assert_eq!(lacking, [0, 0, 1, 2], "{layout:?}");
    }
}

fn names(archive: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(archive);
    let names = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
    names.collect()
}

fn parts(raw: &[u8], ranges: &[Range<u64>]) -> Vec<u8> {
    let part = |range: &Range<u64>| {
        let [start, end] = [range.start, range.end].map(|place| usize::try_from(place).unwrap());
        &raw[start..end]
    };
    ranges.iter().map(part).collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn progress_ends_at_the_size_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &zstd(&archive(Layout::Oci)));
    let (send, receive) = mpsc::channel();
    let image = ImageArchive::read(&path, None, move |done, total| send.send((done, total)).unwrap());
    let size = image.await.unwrap().compressed_size;
    assert_eq!(receive.iter().last(), Some((size, size)));
}

#[tokio::test]
async fn a_truncated_archive_is_refused_wherever_it_ends() {
    let raw = archive(Layout::Legacy);
    for file in [raw.clone(), gzip(&raw), zstd(&raw)] {
        let step = file.len() / 60;
        for length in (0..file.len()).step_by(step).chain([file.len() - 1, file.len() - 1024]) {
            let error = read_bytes(&file[..length]).await.unwrap_err();
            let expected = matches!(error, ArchiveError::Truncated { .. })
                || length < 512 && matches!(error, ArchiveError::NotATar { .. });
            assert!(expected, "{length} of {}: {error}", file.len());
        }
    }
}

#[tokio::test]
async fn an_altered_archive_is_refused_or_the_same_image() {
    let raw = archive(Layout::Oci);
    let image = read_bytes(&raw).await.unwrap();
    let mut refused = 0;
    for place in (0..raw.len()).step_by(211) {
        let mut altered = raw.clone();
        altered[place] ^= 0x20;
        match read_bytes(&altered).await {
            // Padding between members means nothing; what is sent is hashed as it is.
            Ok(same) => {
                assert_eq!((&same.layers, &same.config), (&image.layers, &image.config), "{place}");
                assert_ne!(same.sections, image.sections, "{place}");
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > raw.len() / 211 / 2, "{refused}");

    let mut altered = raw;
    altered[512 + 512 + 4000] ^= 1;
    let error = read_bytes(&altered).await.unwrap_err();
    assert!(matches!(error, ArchiveError::DigestMismatch { .. }), "{error}");
    assert!(error.to_string().contains("blobs/sha256/"), "{error}");
}

#[tokio::test]
async fn what_is_no_image_archive_is_named() {
    let tar_of = |names: &[&str]| {
        let mut builder = tar::Builder::new(Vec::new());
        for name in names {
            member(&mut builder, name, b"x");
        }
        finished(builder)
    };
    let text = "Schöne Grüße, this is no image. ".repeat(40).into_bytes();
    let cases: [(Vec<u8>, &str); 11] = [
        (vec![], "it is empty"),
        (b"short".to_vec(), "it is a text file"),
        (text.clone(), "it is a text file"),
        (gzip(&text), "compressed with gzip, and what is in it is a text file"),
        (zstd(b""), "compressed with zstd, and what is in it is empty"),
        ([b"\x7fELF".as_slice(), &[0; 600]].concat(), "it is a program"),
        (b"\xfd7zXZ\0garbage".to_vec(), "xz -d"),
        ((0u8..=255).cycle().take(2000).collect(), "neither tar nor gzip nor zstd"),
        (tar_of(&["etc/passwd", "usr/bin/env"]), "docker export"),
        (tar_of(&["notes.txt"]), "no manifest.json and holds other files"),
        (archive(Layout::PureOci), "OCI layout without manifest.json"),
    ];
    for (content, expected) in cases {
        let message = read_bytes(&content).await.unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("oms.img"), "{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let message = read(folder.path()).await.unwrap_err().to_string();
    assert!(message.contains("it is a directory"), "{message}");
    let error = read(&folder.path().join("none")).await.unwrap_err();
    assert!(matches!(error, ArchiveError::NotFound { .. }), "{error}");
}

/// A header that says whatever it is told to, with a right checksum.
fn header(kind: tar::EntryType, name: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.as_gnu_mut().unwrap().set_real_size(size);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[tokio::test]
async fn headers_that_lie_are_refused() {
    use tar::EntryType::{GNULongName, GNUSparse, Regular, Symlink};
    let end = [0; 1024];
    let long_name = [header(GNULongName, "././@LongLink", 3_000_000), vec![b'x'; 3_000_000]].concat();
    let cases: [(Vec<u8>, &str); 8] = [
        (header(Regular, "manifest.json", u64::MAX), "size overflow"),
        (header(Regular, "manifest.json", 1 << 60), "truncated in its member manifest.json"),
        (header(GNULongName, "././@LongLink", 1 << 60), "truncated"),
        (long_name, "a member's header"),
        ([header(GNUSparse, "manifest.json", 0), end.to_vec()].concat(), "sparse file"),
        ([header(Regular, "a/../../x", 0), end.to_vec()].concat(), "leads out of the archive"),
        ([header(Regular, "/etc/passwd", 0), end.to_vec()].concat(), "leads out of the archive"),
        ([header(Symlink, "manifest.json", 0), end.to_vec()].concat(), "no manifest.json"),
    ];
    for (content, expected) in cases {
        let error = read_bytes(&content).await.unwrap_err();
        let text = ErrorReport::from_error(ErrorCode::Image, &error).one_line();
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn a_manifest_that_lies_is_refused() {
    let layer = layers()[1].clone();
    let good = config(std::slice::from_ref(&layer));
    let check = async |members: &[(&str, &[u8])], expected: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in members {
            member(&mut builder, name, content);
        }
        let message = read_bytes(&finished(builder)).await.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    let names =
        |layers: &[&str]| manifest("c", &layers.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let one = names(&["l"]);
    check(&[("manifest.json", &one), ("c", &good)], "lacks l, which its manifest names").await;
    check(&[("manifest.json", &one), ("l", &layer)], "lacks c, which its manifest names").await;
    check(&[("manifest.json", &one), ("l", b"other"), ("c", &good)], "the layer l should have").await;
    check(&[("manifest.json", &names(&["l", "l"])), ("l", &layer), ("c", &good)], "lists 2 layers").await;
    check(&[("manifest.json", b"[]"), ("c", &good)], "it lists 0 images").await;
    check(&[("manifest.json", b"{\"a\""), ("c", &good)], "manifest.json of the image archive").await;
    check(&[("manifest.json", &one), ("l", &layer), ("c", b"{}")], "missing field `architecture`").await;
    check(&[("manifest.json", &one), ("l", b"\x1f\x8bbroken"), ("c", &good)], "damaged in its layer l").await;
    check(&[("manifest.json", &one), ("l", &layer), ("l", b"x"), ("c", &good)], "is there twice").await;
    let huge = vec![b'['; 9 * 1024 * 1024];
    check(&[("manifest.json", &huge)], "above the limit of 8388608 bytes").await;
    let false_name = format!("{}.json", Digest::of(b"other"));
    let lies = manifest(&false_name, &["l".to_owned()]);
    check(&[("manifest.json", &lies), ("l", &layer), (&false_name, &good)], "should have the SHA-256").await;
}

#[tokio::test]
async fn of_several_images_none_is_guessed() {
    let layer = layers()[1].clone();
    let config = config(std::slice::from_ref(&layer));
    let item = |tags: &[&str]| serde_json::json!({"Config": "c", "RepoTags": tags, "Layers": ["l"]});
    let manifest = serde_json::to_vec(&serde_json::json!([item(&["hub/oms:1"]), item(&[])])).unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    member(&mut builder, "manifest.json", &manifest);
    member(&mut builder, "l", &layer);
    member(&mut builder, "c", &config);
    let several = read_bytes(&finished(builder)).await.unwrap_err().to_string();
    assert!(several.contains("several images: hub/oms:1, sha256:"), "{several}");
}

#[tokio::test]
async fn the_port_gives_the_same_and_tells_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let raw = archive(Layout::Oci);
    let path = write(&folder, &zstd(&raw));
    let archives = FileArchives::new(None);
    let archive = archives.read(&path, Box::new(|_, _| {})).await.unwrap();
    let size = archive.identity.size();
    assert_eq!(size, raw.len() as u64);
    let mut sent = Vec::new();
    archive.source.open(vec![0..size]).await.unwrap().read_to_end(&mut sent).await.unwrap();
    assert!(sent == raw);

    std::fs::write(&path, &raw[..9000]).unwrap();
    let report = archives.read(&path, Box::new(|_, _| {})).await.unwrap_err();
    assert_eq!(report.code, ErrorCode::Image);
    assert!(report.message.contains("is truncated in its member blobs/sha256/"), "{report:?}");
    assert!(report.hint.unwrap().contains("copy it again"));
    assert!(archive.source.open(Vec::new()).await.err().unwrap().to_string().contains("was changed"));
}

#[tokio::test]
async fn the_second_read_takes_what_the_first_one_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &archive(Layout::Oci));
    let state = folder.path().join("state");
    let read = async || ImageArchive::read(&path, Some(&state), |_, _| {}).await.unwrap().references;
    assert_eq!(read().await, ["oms:1"]);
    let cache = state.join("image-archives.json");
    assert_eq!(std::fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o600);

    let text = std::fs::read_to_string(&cache).unwrap();
    std::fs::write(&cache, text.replace("oms:1", "from-the-cache")).unwrap();
    assert_eq!(read().await, ["from-the-cache"]);
    std::fs::write(&path, archive(Layout::Legacy)).unwrap();
    assert_eq!(read().await, ["oms:1"], "another file");
    for broken in ["", "{", "{\"version\":99,\"archives\":[]}"] {
        std::fs::write(&cache, broken).unwrap();
        assert_eq!(read().await, ["oms:1"], "{broken}");
    }
}

#[tokio::test]
async fn an_archive_that_was_changed_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &archive(Layout::Oci));
    let image = read(&path).await.unwrap();
    std::fs::write(&path, archive(Layout::Legacy)).unwrap();
    let error = image.open_raw(Vec::new()).await.err().unwrap();
    assert!(matches!(error, ArchiveError::Changed { .. }), "{error}");
}
