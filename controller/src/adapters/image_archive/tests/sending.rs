//! What is sent of an archive.

use std::ops::Range;
use std::sync::mpsc;

use omsctl_proto::{Digest, ErrorCode};
use tokio::io::AsyncReadExt;

use super::*;
use crate::adapters::image_archive::FileArchives;
use crate::ports::ImageArchives;

#[tokio::test]
async fn every_layout_in_every_compression_is_the_same_image() {
    let layers = layers();
    for layout in LAYOUTS {
        let raw = archive(layout);
        for file in [raw.clone(), gzip(&raw), zstd(&raw), [gzip(&raw[..5000]), gzip(&raw[5000..])].concat()] {
            let folder = tempfile::tempdir().unwrap();
            let image = read(&write(&folder, &file)).await.unwrap();
            assert_eq!(image.references, ["oms:1"]);
            assert_eq!(image.config, Digest::of(&config(&layers)));
            assert_eq!(image.layers, layers.iter().map(|layer| Digest::of(layer)).collect::<Vec<_>>());
            assert_eq!((image.architecture.as_str(), image.os.as_str()), ("amd64", "linux"));
            assert_eq!(image.compressed_size, file.len() as u64);
            let whole = sent(&image, vec![0..u64::MAX]).await;
            assert_package(&whole);
            let size = whole.len() as u64;
            for ranges in [vec![1..size], vec![5..5000, 9000..size - 1], vec![]] {
                let expected = parts(&whole, &ranges);
                assert!(sent(&image, ranges.clone()).await == expected, "{layout:?} {ranges:?}");
            }
        }
    }
}

/// Layers 0 and 2 are one file.
#[tokio::test]
async fn what_a_host_lacks_is_an_archive_without_the_files_of_the_layers_that_it_has() {
    for layout in LAYOUTS {
        let folder = tempfile::tempdir().unwrap();
        let archives = FileArchives::new(None);
        let path = write(&folder, &zstd(&archive(layout)));
        let archive = archives.read(&path, Box::new(|_, _| {})).await.unwrap();
        let all = names(&sent(archive.source.as_ref(), vec![0..u64::MAX]).await);
        let mut lacking = Vec::new();
        for parcel in archive.identity.parcels() {
            let sent = sent(archive.source.as_ref(), parcel.ranges.clone()).await;
            assert_eq!(zstd::decode_all(sent.as_slice()).unwrap().len() as u64, parcel.unpacked);
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

fn names(sent: &[u8]) -> Vec<String> {
    let tar = zstd::decode_all(sent).unwrap();
    let mut archive = tar::Archive::new(tar.as_slice());
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
async fn the_port_gives_the_same_and_tells_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let raw = archive(Layout::Oci);
    let path = write(&folder, &zstd(&raw));
    let archives = FileArchives::new(None);
    let archive = archives.read(&path, Box::new(|_, _| {})).await.unwrap();
    assert_package(&sent(archive.source.as_ref(), vec![0..archive.identity.parcel(0).size()]).await);

    std::fs::write(&path, &raw[..9000]).unwrap();
    let report = archives.read(&path, Box::new(|_, _| {})).await.unwrap_err();
    assert_eq!(report.code, ErrorCode::Image);
    assert!(report.message.contains("is truncated in its member blobs/sha256/"), "{report:?}");
    assert!(report.hint.unwrap().contains("copy it again"));
}

#[tokio::test]
async fn an_archive_that_was_changed_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &archive(Layout::Oci));
    let image = read(&path).await.unwrap();
    std::fs::write(&path, archive(Layout::Legacy)).unwrap();
    let mut sent = Vec::new();
    let error = image.open(vec![0..u64::MAX]).await.unwrap().read_to_end(&mut sent).await.unwrap_err();
    assert!(error.to_string().contains("was changed while it was in use"), "{error}");
}
