//! OCI layouts without `manifest.json`.

use omsctl_proto::Digest;

use super::*;

const REFERENCE: &str = "org.opencontainers.image.ref.name";

/// As buildx writes it: an index in the index, with what tells where the image comes from beside it.
#[tokio::test]
async fn of_an_index_the_platform_that_is_there_is_taken() {
    let layer = layers()[1].clone();
    let config = config(std::slice::from_ref(&layer));
    let blob = |content: &[u8]| format!("blobs/sha256/{}", Digest::of(content));
    let refer = |content: &[u8]| serde_json::json!({"digest": format!("sha256:{}", Digest::of(content))});
    let image = serde_json::json!({"config": refer(&config), "layers": [refer(&layer)]}).to_string();
    let with = |mut value: serde_json::Value, key: &str, what: serde_json::Value| {
        value[key] = what;
        value
    };
    let listed = serde_json::json!({"manifests": [
        with(refer(image.as_bytes()), "platform", serde_json::json!({"os": "linux", "architecture": "amd64"})),
        with(refer(b"another platform"), "platform", serde_json::json!({"os": "linux", "architecture": "arm64"})),
        with(refer(b"origin"), "platform", serde_json::json!({"os": "unknown", "architecture": "unknown"})),
    ]})
    .to_string();
    let read = async |index: &serde_json::Value, image: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        for content in [&layer, &config, image.as_bytes(), listed.as_bytes()] {
            member(&mut builder, &blob(content), content);
        }
        member(&mut builder, "index.json", index.to_string().as_bytes());
        member(&mut builder, "oci-layout", b"{}");
        read_bytes(&finished(builder)).await
    };
    let named = |key: &str, name: &str| {
        let descriptor = refer(listed.as_bytes());
        serde_json::json!({"manifests": [with(descriptor, "annotations", serde_json::json!({key: name}))]})
    };

    for (key, name, expected) in [
        ("io.containerd.image.name", "hub/oms:4.2.7", "hub/oms:4.2.7"),
        (REFERENCE, "hub/oms:4.2.7", "hub/oms:4.2.7"),
        (REFERENCE, "feature_4.2.7_ce", "oms-image:feature_4.2.7_ce"),
    ] {
        let image = read(&named(key, name), &image).await.unwrap();
        assert_eq!(image.references, [expected]);
        assert_eq!((image.layers, image.config), (vec![Digest::of(&layer)], Digest::of(&config)));
    }
    let index = named(REFERENCE, "oms:1");
    let error = read(&index, "{}").await.unwrap_err();
    assert!(matches!(error, ArchiveError::Missing { .. }), "{error}");
    let error = read(&serde_json::json!({"manifests": []}), &image).await.unwrap_err().to_string();
    assert!(error.contains("index.json") && error.contains("it lists 0 images"), "{error}");
    let twice = serde_json::json!({"manifests": [refer(image.as_bytes()), refer(image.as_bytes())]});
    let error = read(&twice, &image).await.unwrap_err();
    assert!(matches!(error, ArchiveError::SeveralImages { .. }), "{error}");
    let mut deep = refer(listed.as_bytes());
    deep["digest"] = "md5:00".into();
    let error = read(&serde_json::json!({"manifests": [deep]}), &image).await.unwrap_err();
    assert!(matches!(error, ArchiveError::NotUnderstood { .. }), "{error}");
}
