//! When two images are the same: by the digest of the configuration or by the list of layers, since image IDs differ
//! between Docker's two stores.

use omsctl_inventory::ImageSource;
use omsctl_proto::{ContainerFacts, Digest, DockerFacts, ImageFacts, ImageOrigin, WantedImage};

use super::input::Observed;
use super::refusal::Refusal;
use super::version::OmsVersion;
use crate::ports::ArchiveIdentity;

/// The image that the source stands for, and the archive when it is one.
pub(super) fn wanted<'a>(
    source: &ImageSource,
    observed: &'a Observed,
) -> Result<(WantedImage, Option<&'a ArchiveIdentity>), Refusal> {
    match source {
        ImageSource::Reference(reference) => {
            let image = WantedImage {
                reference: reference.clone(),
                config: None,
                layers: Vec::new(),
                architecture: None,
            };
            Ok((image, None))
        }
        ImageSource::Archive(path) => {
            let archive =
                observed.archives.get(path).ok_or_else(|| Refusal::ArchiveUnread { path: path.clone() })?;
            Ok((from_archive(archive), Some(archive)))
        }
    }
}

/// Where a host without the image gets it from. Of an archive it gets what it lacks.
pub(super) fn origin(archive: Option<&ArchiveIdentity>, docker: &DockerFacts) -> ImageOrigin {
    let Some(archive) = archive else { return ImageOrigin::Pull { credentials: None } };
    let parcel = archive.parcel(present_layers(archive, docker));
    ImageOrigin::Archive {
        content: parcel.content(),
        size: parcel.size(),
        unpacked: parcel.unpacked,
        whole: archive.unpacked(),
        door: None,
    }
}

/// How many of the lowest layers the host's Docker has, each on top of the same others: only those it takes without
/// their files (`research/performance.md` 2). containerd's store wants every file that the archive lists.
pub(super) fn present_layers(archive: &ArchiveIdentity, docker: &DockerFacts) -> usize {
    if matches!(docker, DockerFacts::Answers { containerd_store: true, .. }) {
        return 0;
    }
    let alike = |image: &ImageFacts| {
        archive.layers.iter().zip(&image.layers).take_while(|(wanted, there)| wanted == there).count()
    };
    images_of(docker).iter().map(alike).max().unwrap_or(0)
}

fn from_archive(archive: &ArchiveIdentity) -> WantedImage {
    // Of several names the one that tells a version is the most useful.
    let reference = archive
        .references
        .iter()
        .find(|reference| OmsVersion::of_reference(reference).is_some())
        .or_else(|| archive.references.first())
        .cloned()
        // Saved by ID alone: the host gives it this name.
        .unwrap_or_else(|| format!("oms-image:{}", archive.config.short()));
    WantedImage {
        reference,
        config: Some(archive.config.clone()),
        layers: archive.layers.clone(),
        architecture: Some(archive.architecture.clone()),
    }
}

/// The wanted image among those of the host.
pub(super) fn find<'a>(wanted: &WantedImage, images: &'a [ImageFacts]) -> Option<&'a ImageFacts> {
    images.iter().find(|image| is_same(wanted, image))
}

/// The image has the wanted name, by which a container is created.
pub(super) fn is_named(wanted: &WantedImage, image: &ImageFacts) -> bool {
    let name = normal_reference(&wanted.reference);
    image.references.iter().any(|reference| normal_reference(reference) == name)
}

fn is_same(wanted: &WantedImage, image: &ImageFacts) -> bool {
    if wanted.config.is_none() && wanted.layers.is_empty() {
        return is_named(wanted, image);
    }
    wanted.config.as_ref() == Some(&image.id) || has_layers(wanted, &image.layers)
}

fn has_layers(wanted: &WantedImage, layers: &[Digest]) -> bool {
    !wanted.layers.is_empty() && wanted.layers == layers
}

/// The container was created from the wanted image.
pub(super) fn runs_in(wanted: &WantedImage, container: &ContainerFacts, images: &[ImageFacts]) -> bool {
    if wanted.config.as_ref() == Some(&container.image_id) {
        return true;
    }
    match images.iter().find(|image| image.id == container.image_id) {
        Some(image) => is_same(wanted, image),
        // Its image lost its name. Without an identity to compare, the name it was created from has to do.
        None => {
            wanted.config.is_none()
                && normal_reference(&container.image_reference) == normal_reference(&wanted.reference)
        }
    }
}

/// The images of a host whose Docker answers.
pub(super) fn images_of(docker: &DockerFacts) -> &[ImageFacts] {
    match docker {
        DockerFacts::Answers { images, .. } => images,
        DockerFacts::Missing { .. } | DockerFacts::Silent { .. } => &[],
    }
}

/// `docker.io/library/oms` and `oms:latest` are one name.
fn normal_reference(reference: &str) -> String {
    let name = reference.strip_prefix("docker.io/").unwrap_or(reference);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let tagged = name.contains('@') || name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if tagged { name.to_owned() } else { format!("{name}:latest") }
}

/// `0c1f… (oms:4.2.7)`: an image as people recognise it.
pub(super) fn in_words(id: &Digest, reference: &str) -> String {
    if reference.is_empty() || reference.contains(id.as_str()) {
        id.short().to_owned()
    } else {
        format!("{} ({reference})", id.short())
    }
}

/// The wanted image as people recognise it.
pub(super) fn wanted_in_words(wanted: &WantedImage) -> String {
    match &wanted.config {
        Some(config) => in_words(config, &wanted.reference),
        None => wanted.reference.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, reference: &str, layers: &[&str]) -> ImageFacts {
        ImageFacts {
            id: Digest::of(id.as_bytes()),
            references: vec![reference.to_owned()],
            layers: layers.iter().map(|layer| Digest::of(layer.as_bytes())).collect(),
            architecture: "amd64".to_owned(),
        }
    }

    fn archive(config: &str, layers: &[&str]) -> WantedImage {
        WantedImage {
            reference: "oms:4.2.7".to_owned(),
            config: Some(Digest::of(config.as_bytes())),
            layers: layers.iter().map(|layer| Digest::of(layer.as_bytes())).collect(),
            architecture: Some("amd64".to_owned()),
        }
    }

    fn archive_of(layers: &[&str]) -> ArchiveIdentity {
        let WantedImage { reference, layers, .. } = archive("config", layers);
        ArchiveIdentity {
            references: vec![reference],
            config: Digest::of(b"config"),
            layers,
            architecture: "amd64".to_owned(),
            sections: [].into(),
        }
    }

    #[track_caller]
    fn check(wanted: &WantedImage, images: &[ImageFacts], expected: Option<usize>) {
        assert_eq!(find(wanted, images), expected.map(|index| &images[index]));
    }

    #[test]
    fn config_digest_or_layers_make_an_image_the_same() {
        let there = [image("other", "oms:4.2.7", &["a", "x"]), image("config", "z:1", &["a"])];
        check(&archive("config", &["a", "b"]), &there, Some(1));
        check(&archive("elsewhere", &["a", "x"]), &there, Some(0));
        check(&archive("elsewhere", &["a"]), &there, Some(1));
        check(&archive("elsewhere", &["a", "b"]), &there, None);
        check(&archive("elsewhere", &[]), &there, None);
    }

    #[test]
    fn the_lowest_layers_that_are_there_in_one_image_do_not_travel() {
        let archive = archive_of(&["a", "b", "c"]);
        let docker = |images: &[&[&str]], containerd_store| DockerFacts::Answers {
            server_version: String::new(),
            root_directory: String::new(),
            root_free_bytes: None,
            storage_driver: String::new(),
            containerd_store,
            images: images.iter().map(|layers| image("i", "i:1", layers)).collect(),
        };
        let present = |images: &[&[&str]]| present_layers(&archive, &docker(images, false));
        assert_eq!(present(&[]), 0);
        assert_eq!(present(&[&["a", "x", "c"], &["a", "b", "y", "z"], &["b"]]), 2);
        assert_eq!(present(&[&["b", "c"]]), 0, "they lie on something else");
        assert_eq!(present(&[&["a", "b", "c", "d"]]), 3);
        assert_eq!(present_layers(&archive, &docker(&[&["a", "b"]], true)), 0);
    }

    #[test]
    fn a_pulled_image_is_found_by_any_form_of_its_name() {
        let wanted = |reference: &str| WantedImage {
            reference: reference.to_owned(),
            config: None,
            layers: Vec::new(),
            architecture: None,
        };
        let there = [image("i", "oms:latest", &[]), image("j", "registry:5000/oms:1", &[])];
        check(&wanted("docker.io/library/oms"), &there, Some(0));
        check(&wanted("registry:5000/oms:1"), &there, Some(1));
        check(&wanted("registry:5000/oms"), &there, None);
    }
}
