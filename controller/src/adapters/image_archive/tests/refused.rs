//! Everything that can be wrong with an archive.

use omsctl_proto::{Digest, ErrorCode, ErrorReport};

use super::*;

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
            // Padding between members means nothing, and is not sent; nothing proves the names of the image.
            Ok(same) => {
                assert_eq!((&same.layers, &same.config), (&image.layers, &image.config), "{place}");
                let same_package = same.package.sections == image.package.sections;
                assert_eq!(same_package, same.references == image.references, "{place}");
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
    let cases: [(Vec<u8>, &str); 10] = [
        (vec![], "it is empty"),
        (b"short".to_vec(), "it is a text file"),
        (text.clone(), "it is a text file"),
        (gzip(&text), "compressed with gzip, and what is in it is a text file"),
        (zstd(b""), "compressed with zstd, and what is in it is empty"),
        ([b"\x7fELF".as_slice(), &[0; 600]].concat(), "it is a program"),
        (b"\xfd7zXZ\0garbage".to_vec(), "xz -d"),
        ((0u8..=255).cycle().take(2000).collect(), "neither tar nor gzip nor zstd"),
        (tar_of(&["etc/passwd", "usr/bin/env"]), "docker export"),
        (tar_of(&["notes.txt"]), "no manifest.json, no index.json and holds other files"),
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
