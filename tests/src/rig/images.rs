//! Builds the rig's images from Debian packages and a wheel of `PyPI`, without any image registry. An image is tagged by a digest of
//! what it is made of, so that it is built once on a machine and again only when its recipe changes.

use std::fs;
use std::path::{Path, PathBuf};

use super::engine::{docker, docker_ok};
use super::host_docker::HostDocker;
use super::layout::{Layout, digest};
use super::process::Program;
use super::{RigError, packages};
use crate::built::program_of;

/// Of everything that is no host.
const SUITE: &str = "bookworm";
const SEEKDB: &str = "pylibseekdb==1.4.0";

/// One image of the rig: a Debian root with packages, and a Dockerfile on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A host.
    Node(HostDocker),
    /// The databases and the virtual address.
    Services,
    /// The stand-in for OMS; its tags are built by `archives`.
    Standin,
    /// The time-series database.
    Influxdb,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Node(_) => "node",
            Self::Services => "services",
            Self::Standin => "standin",
            Self::Influxdb => "influxdb",
        }
    }

    fn suite(self) -> &'static str {
        match self {
            Self::Node(docker) => docker.suite(),
            Self::Services | Self::Standin | Self::Influxdb => SUITE,
        }
    }

    fn packages(self) -> String {
        let more = match self {
            Self::Node(docker) => docker.packages(),
            Self::Services | Self::Standin | Self::Influxdb => "",
        };
        let packages = match self {
            Self::Node(_) => {
                "openssh-server,docker.io,iptables,iproute2,iputils-ping,procps,python3,curl,sudo,ca-certificates,keepalived,\
                 tcsh,fish,busybox,dropbear-bin,tinysshd"
            }
            Self::Services => "mariadb-server,haproxy,iproute2,libaio1,procps",
            Self::Standin => {
                "openssh-server,supervisor,nginx-light,python3,python3-yaml,python3-pymysql,procps,curl,iproute2,\
                 mariadb-client"
            }
            Self::Influxdb => "influxdb,influxdb-client,ca-certificates",
        };
        format!("{packages}{more}")
    }

    /// Beside the base.
    fn build_arguments(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Node(docker) => vec![("DOCKER_CONFIGURATION", docker.configuration())],
            Self::Services | Self::Standin | Self::Influxdb => Vec::new(),
        }
    }

    /// What the Dockerfile copies but the recipe's folder does not have.
    fn extra_inputs(self, layout: &Layout) -> Vec<PathBuf> {
        match self {
            Self::Node(_) => vec![layout.repository.join("tests/src/bin/runc_shim.rs")],
            Self::Services | Self::Standin | Self::Influxdb => Vec::new(),
        }
    }

    fn digest(self, layout: &Layout) -> Result<String, RigError> {
        let recipe = layout.recipes.join(self.name());
        let extra = self.extra_inputs(layout);
        let paths: Vec<&Path> =
            std::iter::once(recipe.as_path()).chain(extra.iter().map(PathBuf::as_path)).collect();
        let packages = self.packages();
        let arguments = self.build_arguments().into_iter().map(|(_, value)| value);
        let texts: Vec<&str> = [self.suite(), &packages, SEEKDB].into_iter().chain(arguments).collect();
        digest(&texts, &paths)
    }

    /// The image's reference: present when its recipe has been built on this machine.
    pub(super) fn reference(self, layout: &Layout) -> Result<String, RigError> {
        Ok(format!("omsctl-rig/{}:{}", self.name(), self.digest(layout)?))
    }
}

pub(super) fn exists(reference: &str) -> Result<bool, RigError> {
    Ok(docker(["image", "inspect", "--format", "{{.Id}}", reference])?.success())
}

/// The reference of the Debian root under an image, made when it is not there.
pub(super) fn ensure_base(kind: Kind, progress: fn(&str)) -> Result<String, RigError> {
    let reference =
        format!("omsctl-rig/{}-base:{}", kind.name(), digest(&[kind.suite(), &kind.packages()], &[])?);
    if exists(&reference)? {
        return Ok(reference);
    }
    progress(&format!("{}: making a Debian root with mmdebstrap", kind.name()));
    let folder = tempfile::tempdir().map_err(RigError::file("create a folder in", &std::env::temp_dir()))?;
    let root = folder.path().join("root.tar");
    Program::new("mmdebstrap")
        .args(["--quiet", "--variant=minbase", "--dpkgopt=path-exclude=/usr/share/man/*"])
        .args(["--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*"])
        .args(["--dpkgopt=path-include=/usr/share/doc/*/copyright"])
        .args([&format!("--include={}", kind.packages()), kind.suite()])
        .args([&root])
        .run()?;
    docker_ok(["import".as_ref(), root.as_os_str(), reference.as_ref()])?;
    Ok(reference)
}

/// The reference of an image, built when it is not there.
pub(super) fn ensure(kind: Kind, layout: &Layout, progress: fn(&str)) -> Result<String, RigError> {
    let reference = kind.reference(layout)?;
    if exists(&reference)? {
        return Ok(reference);
    }
    let base = ensure_base(kind, progress)?;
    progress(&format!("{}: building the image", kind.name()));
    let context = tempfile::tempdir().map_err(RigError::file("create a folder in", &std::env::temp_dir()))?;
    let recipe = layout.recipes.join(kind.name()).join(".");
    Program::new("cp").args(["-a".as_ref(), recipe.as_os_str(), context.path().as_os_str()]).run()?;
    match kind {
        Kind::Node(_) => add_shim(layout, context.path())?,
        Kind::Services => add_seekdb(layout, context.path(), progress)?,
        Kind::Standin | Kind::Influxdb => {}
    }
    let arguments = [vec![("BASE", base.as_str())], kind.build_arguments()].concat();
    build(context.path(), &reference, &arguments)?;
    Ok(reference)
}

/// Runs the classic builder: it is there with every engine, and needs no plug-in.
pub(super) fn build(context: &Path, reference: &str, arguments: &[(&str, &str)]) -> Result<(), RigError> {
    let given =
        arguments.iter().flat_map(|(name, value)| ["--build-arg".to_owned(), format!("{name}={value}")]);
    Program::new("docker")
        .env("DOCKER_BUILDKIT", "0")
        .args(["build", "--quiet", "--tag", reference])
        .args(given)
        .args([context])
        .run()
        .map(drop)
}

fn add_shim(layout: &Layout, context: &Path) -> Result<(), RigError> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Program::new(&cargo)
        .folder(&layout.repository)
        .args(["build", "--quiet", "--package", "system-tests", "--bin", "runc_shim"])
        .args(["--message-format=json-render-diagnostics"])
        .run()?;
    let built = program_of(&output.stdout, "runc_shim").ok_or_else(|| RigError::Unreadable {
        what: "cargo's list of what it built",
        text: output.stdout.chars().take(400).collect(),
    })?;
    let place = context.join("files/usr/local/bin/runc-shim");
    fs::create_dir_all(context.join("files/usr/local/bin")).map_err(RigError::file("create", context))?;
    fs::copy(&built, &place).map(drop).map_err(RigError::file("copy to", &place))
}

/// The OceanBase server is inside a Python wheel; its interpreter need not be this machine's.
fn add_seekdb(layout: &Layout, context: &Path, progress: fn(&str)) -> Result<(), RigError> {
    let wheels = layout.shared.join("wheels");
    let wheel = || -> Option<PathBuf> {
        let mut entries = fs::read_dir(&wheels).ok()?.flatten().map(|entry| entry.path());
        entries.find(|path| path.extension().is_some_and(|extension| extension == "whl"))
    };
    if wheel().is_none() {
        progress("services: fetching seekdb (an OceanBase server) from PyPI");
        packages::ensure_pip(progress)?;
        Program::new("python3")
            .args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary=:all:",
                "--python-version=3.11",
            ])
            .args([
                "--implementation=cp",
                "--abi=cp311",
                "--platform=manylinux_2_28_x86_64",
                SEEKDB,
                "--dest",
            ])
            .args([&wheels])
            .run()?;
    }
    let wheel =
        wheel().ok_or_else(|| RigError::Usage(format!("no wheel of {SEEKDB} in {}", wheels.display())))?;
    let unpacked = context.join("wheel");
    Program::new("python3")
        .args(["-m".as_ref(), "zipfile".as_ref(), "-e".as_ref(), wheel.as_os_str(), unpacked.as_os_str()])
        .run()?;
    let place = context.join("seekdb");
    fs::create_dir_all(&place).map_err(RigError::file("create", &place))?;
    for name in ["seekdb", "libaio.so.1"] {
        let from = unpacked.join("pylibseekdb").join(name);
        fs::rename(&from, place.join(name)).map_err(RigError::file("move", &from))?;
    }
    Program::new("chmod").args(["0755".as_ref(), place.join("seekdb").as_os_str()]).run()?;
    fs::remove_dir_all(&unpacked).map_err(RigError::file("remove", &unpacked))
}
