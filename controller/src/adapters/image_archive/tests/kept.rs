//! What is remembered of archives, and kept of their layers.

use std::os::unix::fs::PermissionsExt;

use super::*;

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

/// The files of both layers, and their lists.
fn kept(state: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(state.join("layers")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn layers_are_kept_as_they_travel_and_made_again_when_they_are_not_right_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let path = write(&folder, &gzip(&archive(Layout::Oci)));
    let image = ImageArchive::read(&path, Some(&state), |_, _| {}).await.unwrap();
    let files = kept(&state);
    assert_eq!(files.len(), 4, "{files:?}");
    assert_eq!(std::fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let layer = files.iter().find(|file| std::fs::metadata(file).unwrap().len() > 5000).unwrap();
    let right = std::fs::read(layer).unwrap();
    let mut wrong = right.clone();
    wrong[2000] ^= 1;
    for damage in [&wrong[..], &right[..3000], b""] {
        std::fs::write(layer, damage).unwrap();
        assert_package(&sent(&image, vec![0..u64::MAX]).await);
    }
    std::fs::remove_file(layer).unwrap();
    assert_package(&sent(&image, vec![0..u64::MAX]).await);

    // With all of them there the archive itself is not read any more.
    std::fs::write(layer, right).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_package(&sent(&image, vec![0..u64::MAX]).await);
}

#[tokio::test]
async fn a_layer_that_is_kept_is_taken_by_the_next_archive_and_goes_with_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let read = async |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        ImageArchive::read(&path, Some(&state), |_, _| {}).await.unwrap()
    };
    let first = read("first", &archive(Layout::Oci)).await;
    let before = kept(&state);
    let list = before.iter().find(|file| file.extension().is_some()).unwrap();
    // A size that only somebody can know who took it from there.
    let text = std::fs::read_to_string(list).unwrap();
    let marked = text.replacen("\"size\":", "\"size\":1", 1);
    std::fs::write(list, marked).unwrap();
    let second = read("second", &zstd(&archive(Layout::Oci))).await;
    assert_ne!(first.package.sections, second.package.sections, "not made again");
    assert_eq!(kept(&state), before);

    let other = {
        let layer = layers()[1].clone();
        let config = config(std::slice::from_ref(&layer));
        let mut builder = tar::Builder::new(Vec::new());
        member(&mut builder, "manifest.json", &manifest("c", &["l".to_owned()]));
        member(&mut builder, "l", &layer);
        member(&mut builder, "c", &config);
        finished(builder)
    };
    read("third", &other).await;
    assert_eq!(kept(&state), before, "the second one still has them");
    read("fourth", &zstd(&other)).await;
    assert_eq!(kept(&state).len(), 2, "only one layer is of the last two archives");
}

#[tokio::test]
async fn nothing_is_kept_where_there_is_no_room_and_the_archive_is_sent_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::write(&state, "no folder").unwrap();
    let image = ImageArchive::read(&write(&folder, &archive(Layout::PureOci)), Some(&state), |_, _| {}).await;
    assert_package(&sent(&image.unwrap(), vec![0..u64::MAX]).await);
}
