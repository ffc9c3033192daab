//! Everything that the operator wrote, read and checked before any host is contacted. Every problem is told at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use omsctl_inventory::{Deployment, Host, ImageSource, Problems, Severity, Sources};
use omsctl_proto::{Digest, Secret};

use super::World;
use super::interrupt::{interrupted, or_interrupted};
use crate::exit::Exit;
use crate::ports::{Archive, Content};

/// The largest certificate or key file, in bytes.
const CERTIFICATE_LIMIT: u64 = 1024 * 1024;

/// What should be.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) deployment: Deployment,
    pub(super) archives: BTreeMap<PathBuf, Archive>,
    pub(super) certificates: BTreeMap<PathBuf, Secret>,
}

/// Whether image archives and certificates are needed: reading an archive takes a second per gigabyte the first time, and
/// what only looks or stops shall not depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Images {
    Read,
    Leave,
}

pub(super) fn sources(world: &World) -> Sources {
    Sources {
        inventories: world.globals.inventories.clone(),
        config: world.globals.config.clone().unwrap_or_else(|| PathBuf::from("config.yaml")),
        env_file: world.globals.env_file.clone(),
        environment: world.environment.clone(),
        limit: world.globals.limit.clone(),
        vault_passwords: world.passwords.vault.clone(),
        working_directory: world.working_directory.clone(),
    }
}

/// Reads inventory, config.yaml, certificates and archives; tells every problem and gives exit 2 when one forbids to
/// go on.
pub(super) async fn load(world: &World, images: Images) -> Result<Inputs, Exit> {
    let loaded = omsctl_inventory::load(&sources(world)).map_err(|problems| refuse(world, &problems))?;
    for warning in &loaded.warnings {
        world.out.message(&warning.to_string());
    }
    let deployment = loaded.deployment;
    let mut inputs = Inputs { deployment, archives: BTreeMap::new(), certificates: BTreeMap::new() };
    let certificates = images == Images::Leave || inputs.read_certificates(world);
    let archives = match images {
        Images::Read => {
            let read = or_interrupted(world, inputs.read_archives(world)).await;
            read.ok_or_else(|| interrupted(world))?
        }
        Images::Leave => true,
    };
    if certificates && archives {
        return Ok(inputs);
    }
    world.out.message("refused: no host was contacted");
    Err(Exit::Usage)
}

/// All problems, and what that means.
pub(super) fn refuse(world: &World, problems: &Problems) -> Exit {
    let errors = problems.0.iter().filter(|problem| problem.severity == Severity::Error).count();
    let plural = if errors == 1 { "" } else { "s" };
    world.out.message(&problems.to_string());
    world.out.message(&format!("refused: {errors} error{plural} in the input; no host was contacted"));
    Exit::Usage
}

impl Inputs {
    /// The hosts of `--limit`.
    pub(super) fn selected(&self) -> impl Iterator<Item = &Host> {
        self.deployment.hosts.iter().filter(|host| host.selected)
    }

    /// What hosts may ask for.
    pub(super) fn contents(&self) -> BTreeMap<Digest, Content> {
        self.archives.values().flat_map(Archive::contents).collect()
    }

    fn read_certificates(&mut self, world: &World) -> bool {
        let files = self.deployment.hosts.iter().filter_map(|host| host.settings.https.as_ref());
        let files: BTreeSet<PathBuf> =
            files.flat_map(|https| [https.cert.clone(), https.key.clone()]).collect();
        let mut good = true;
        for path in files {
            match read_certificate(&path) {
                Ok(text) => {
                    self.certificates.insert(path, text);
                }
                Err(why) => {
                    world.out.message(&format!("error: {} cannot be used: {why}", path.display()));
                    good = false;
                }
            }
        }
        good
    }

    async fn read_archives(&mut self, world: &World) -> bool {
        let selected = self.deployment.hosts.iter().filter(|host| host.selected);
        let paths: BTreeSet<PathBuf> = selected
            .filter_map(|host| match &host.settings.image {
                ImageSource::Archive(path) => Some(path.clone()),
                ImageSource::Reference(_) => None,
            })
            .chain(self.deployment.tsdb.iter().filter(|tsdb| tsdb.selected).map(|tsdb| tsdb.archive.clone()))
            .collect();
        let mut good = true;
        for path in paths {
            match world.archives.read(&path, Box::new(|_, _| {})).await {
                Ok(archive) => {
                    self.archives.insert(path, archive);
                }
                Err(error) => {
                    let mut lines = vec![format!("error: {}", error.one_line())];
                    lines.extend(error.hint.map(|hint| format!("  {hint}")));
                    world.out.message(&lines.join("\n"));
                    good = false;
                }
            }
        }
        good
    }
}

fn read_certificate(path: &Path) -> Result<Secret, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > CERTIFICATE_LIMIT {
        return Err(format!("it has {size} bytes; at most {CERTIFICATE_LIMIT} are read"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    if text.contains("-----BEGIN ") {
        Ok(Secret::new(text))
    } else {
        Err("it is not in PEM format".to_owned())
    }
}
