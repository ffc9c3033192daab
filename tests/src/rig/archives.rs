//! The archives of OMS images that an operator gives to omsctl: `docker save` of the stand-in's tags. They share their
//! lower layers. Each is made when somebody asks for it, and again only when its recipe changes.

use std::fs;
use std::path::{Path, PathBuf};

use super::RigError;
use super::engine::docker_ok;
use super::images::{self, Kind};
use super::layout::{Layout, read, write_private};
use super::oci_layout;
use super::process::Program;

/// A tag of the stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OmsImage {
    /// 4.2.2: initialised by `docker_init.sh`.
    Script,
    /// 4.2.2 too, with another top layer: "another image on one host".
    Patched,
    /// 4.2.11: initialises itself when its container starts.
    Itself,
}

impl OmsImage {
    /// All tags.
    pub const ALL: [Self; 3] = [Self::Script, Self::Patched, Self::Itself];

    /// The reference inside the archive, as OMS's own archives have it.
    pub fn reference(self) -> &'static str {
        match self {
            Self::Script => "reg.docker.alibaba-inc.com/oceanbase/oms:feature_4.2.2-ce",
            Self::Patched => "reg.docker.alibaba-inc.com/oceanbase/oms:feature_4.2.2-ce_bp1",
            Self::Itself => "reg.docker.alibaba-inc.com/oceanbase/oms-ce:feature_4.2.11_ce",
        }
    }

    fn version(self) -> &'static str {
        match self {
            Self::Script | Self::Patched => "4.2.2",
            Self::Itself => "4.2.11",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Script => "4.2.2-ce",
            Self::Patched => "4.2.2-ce_bp1",
            Self::Itself => "4.2.11-ce",
        }
    }

    /// Where the archive lies once it is made.
    pub fn path(self, layout: &Layout) -> PathBuf {
        layout.shared.join(format!("oms_{}.tar", self.label()))
    }
}

/// The archive of a tag, made when it is not there or older than its recipe.
pub(super) fn ensure(image: OmsImage, layout: &Layout, progress: fn(&str)) -> Result<PathBuf, RigError> {
    let path = image.path(layout);
    let digest = Kind::Standin.reference(layout)?;
    if is_current(&path, &digest) {
        return Ok(path);
    }
    let built = format!("{digest}-{}", image.label());
    if !images::exists(&built)? {
        let base = images::ensure_base(Kind::Standin, progress)?;
        progress(&format!("stand-in {}: building the image", image.label()));
        let itself = if image == OmsImage::Itself { "yes" } else { "no" };
        let arguments = [
            ("BASE", base.as_str()),
            ("VERSION", image.version()),
            ("INITIALISES_ITSELF", itself),
            ("SEED", image.label()),
        ];
        images::build(&layout.recipes.join(Kind::Standin.name()), &built, &arguments)?;
    }
    progress(&format!("stand-in {}: writing {}", image.label(), path.display()));
    save(&built, image.reference(), &path, &digest)?;
    Ok(path)
}

/// The name of the image of the time-series database.
pub const INFLUXDB: &str = "influxdb:1.6.7";

/// The archive of that image, made when it is not there or older than its recipe.
pub(super) fn ensure_influxdb(layout: &Layout, progress: fn(&str)) -> Result<PathBuf, RigError> {
    let path = layout.shared.join("influxdb.tar");
    let digest = Kind::Influxdb.reference(layout)?;
    if !is_current(&path, &digest) {
        let built = images::ensure(Kind::Influxdb, layout, progress)?;
        save(&built, INFLUXDB, &path, &digest)?;
    }
    Ok(path)
}

/// The documented name is for the hosts; on this machine it would hide which recipe it came from.
fn save(built: &str, reference: &str, path: &Path, digest: &str) -> Result<(), RigError> {
    docker_ok(["tag", built, reference])?;
    let partial = path.with_extension("tar.part");
    docker_ok(["save".as_ref(), "--output".as_ref(), partial.as_os_str(), reference.as_ref()])?;
    docker_ok(["rmi", reference])?;
    finish(&partial, path, digest)
}

/// The same archive, compressed with gzip.
pub(super) fn ensure_gzip(image: OmsImage, layout: &Layout, progress: fn(&str)) -> Result<PathBuf, RigError> {
    let plain = ensure(image, layout, progress)?;
    let path = plain.with_extension("tar.gz");
    let digest = Kind::Standin.reference(layout)?;
    if !is_current(&path, &digest) {
        progress(&format!("stand-in {}: compressing", image.label()));
        Program::new("gzip")
            .args(["-1".as_ref(), "--keep".as_ref(), "--force".as_ref(), plain.as_os_str()])
            .run()?;
        finish(&path, &path, &digest)?;
    }
    Ok(path)
}

/// The same image, in OCI layout and without `manifest.json`.
pub(super) fn ensure_oci(image: OmsImage, layout: &Layout, progress: fn(&str)) -> Result<PathBuf, RigError> {
    let saved = ensure(image, layout, progress)?;
    let path = saved.with_extension("oci.tar");
    let digest = Kind::Standin.reference(layout)?;
    if !is_current(&path, &digest) {
        progress(&format!("stand-in {}: writing it in OCI layout", image.label()));
        let partial = path.with_extension("part");
        oci_layout::write(&saved, image.reference(), &partial)?;
        finish(&partial, &path, &digest)?;
    }
    Ok(path)
}

fn note_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".recipe");
    PathBuf::from(name)
}

fn is_current(path: &Path, digest: &str) -> bool {
    path.is_file() && read(&note_of(path)).is_ok_and(|noted| noted == digest)
}

fn finish(partial: &Path, path: &Path, digest: &str) -> Result<(), RigError> {
    fs::rename(partial, path).map_err(RigError::file("move to", path))?;
    write_private(&note_of(path), digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_counts_only_with_the_note_of_its_recipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("oms.tar");
        assert!(!is_current(&path, "1"));
        fs::write(folder.path().join("part"), "x").unwrap();
        finish(&folder.path().join("part"), &path, "1").unwrap();
        assert!(is_current(&path, "1"));
        assert!(!is_current(&path, "2"));
    }
}
