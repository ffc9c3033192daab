//! The image archive that an operator gives, whoever made it. A broken promise ends in a panic.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use omsctl_controller::adapters::image_archive::FileArchives;
use omsctl_controller::ports::{Archive, ImageArchives};
use omsctl_proto::{Digest, ErrorReport};
use tokio::io::AsyncReadExt;

/// Whether the archive is taken, or why not. What is taken comes out as the image that it claims to be.
pub(crate) fn image_archive(bytes: &[u8]) -> Result<(), ErrorReport> {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    let path = folder.path().join("oms.tar");
    std::fs::write(&path, bytes).expect("a file");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let read = runtime.block_on(async {
        // Nothing is kept, and kept in a folder: both ways are the operator's.
        let state = folder.path().join("state");
        let archives = FileArchives::new(bytes.len().is_multiple_of(2).then(|| state.clone()));
        let archive = archives.read(&path, Box::new(|_, _| {})).await?;
        let mut sent = Vec::new();
        let whole = archive.identity.parcel(0).ranges;
        // Small inputs only: what comes out of them is held.
        if archive.identity.unpacked() < 64 << 20 {
            let mut stream = archive.source.open(whole).await.expect("it was read before");
            stream.read_to_end(&mut sent).await.expect("it was read before");
        }
        Ok((archive, sent))
    });
    let (archive, sent) = read.inspect_err(|error: &ErrorReport| {
        assert!(error.message.contains("oms.tar") && error.hint.is_some(), "{error:?}");
    })?;
    assert!(folder.path().read_dir().expect("a folder").count() <= 2);
    if !sent.is_empty() {
        assert_is_the_image(&archive, &sent);
    }
    Ok(())
}

fn assert_is_the_image(archive: &Archive, sent: &[u8]) {
    let tar = zstd::decode_all(sent).expect("frames");
    assert_eq!(tar.len() as u64, archive.identity.unpacked());
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar.as_slice()).entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("its content");
        files.insert(entry.path().expect("a name").display().to_string(), Digest::of(&content));
    }
    let config = &archive.identity.config;
    assert_eq!(files.get(&format!("{config}.json")), Some(config));
    for layer in &archive.identity.layers {
        assert_eq!(files.get(&format!("{layer}.tar")), Some(layer));
    }
}

/// The same image in every form.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let legacy = saved(&layer(b"some text of a layer"));
    let oci = oci_layout(&gzip(&layer(b"some text of a layer")));
    vec![gzip(&legacy), zstd::encode_all(legacy.as_slice(), 1).expect("memory"), gzip(&oci), legacy, oci]
}

/// `docker save` of an image of one layer, whose text is the zeros of a bomb: little goes in, so much comes out.
pub(crate) fn bomb(megabytes: usize) -> Vec<u8> {
    gzip(&saved(&layer(&vec![0; megabytes << 20])))
}

fn layer(content: &[u8]) -> Vec<u8> {
    tar_of(&[("text".to_owned(), content.to_vec())])
}

fn saved(layer: &[u8]) -> Vec<u8> {
    let manifest = br#"[{"Config":"config.json","RepoTags":["oms:1"],"Layers":["layer.tar"]}]"#;
    tar_of(&[
        ("layer.tar".to_owned(), layer.to_vec()),
        ("config.json".to_owned(), config(layer).into_bytes()),
        ("manifest.json".to_owned(), manifest.to_vec()),
    ])
}

fn oci_layout(compressed: &[u8]) -> Vec<u8> {
    let mut layer = Vec::new();
    flate2::read::GzDecoder::new(compressed).read_to_end(&mut layer).expect("it was compressed here");
    let config = config(&layer);
    let refer = |content: &[u8]| format!(r#"{{"digest":"sha256:{}"}}"#, Digest::of(content));
    let image = format!(r#"{{"config":{},"layers":[{}]}}"#, refer(config.as_bytes()), refer(compressed));
    let index = format!(r#"{{"manifests":[{}]}}"#, refer(image.as_bytes()));
    let blob = |content: &[u8]| (format!("blobs/sha256/{}", Digest::of(content)), content.to_vec());
    tar_of(&[
        blob(compressed),
        blob(config.as_bytes()),
        blob(image.as_bytes()),
        ("index.json".to_owned(), index.into_bytes()),
    ])
}

fn config(layer: &[u8]) -> String {
    let diff_id = Digest::of(layer);
    format!(r#"{{"architecture":"amd64","os":"linux","rootfs":{{"diff_ids":["sha256:{diff_id}"]}}}}"#)
}

fn tar_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content.as_slice()).expect("memory");
    }
    builder.into_inner().expect("memory")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}
