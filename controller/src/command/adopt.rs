//! `omsctl adopt`: hosts on which OMS was set up by hand, or by another tool, become an inventory and a config.yaml.
//! Changes nothing on the hosts, and never overwrites a file.

use std::path::{Path, PathBuf};

use omsctl_proto::{ErrorReport, FingerprintKey, NodeName};

use super::adopt_files::{self, Folder};
use super::adopt_look::{self, Looked};
use super::interrupt::{interrupted, or_interrupted};
use super::telling::{Kind, Telling};
use super::{World, adopt_proof, apply, reach};
use crate::cli::{AdoptRequest, Format};
use crate::exit::Exit;
use crate::plan::{Adopted, Reading};
use crate::report::{AdoptDocument, AdoptView, adopt_text};

/// Writes both files, or neither.
pub async fn adopt(world: &World, request: &AdoptRequest, typed: &str) -> Exit {
    let hosts = match adopt_look::hosts(world, request) {
        Ok(hosts) => hosts,
        Err(exit) => return exit,
    };
    let folder = Folder::of(world, &request.output);
    let names: Vec<NodeName> = reach::names(&hosts.connections);
    if let Some(there) = folder.is_taken(&names) {
        world.out.message(&there);
        return Exit::Usage;
    }
    let key = world.new_key();
    let mut telling = Telling::begin(world, world.new_run(), typed, Kind::Observe, names).await;
    let looked = adopt_look::look(world, request, hosts, &key, &mut telling.emitter).await;
    telling.end_looking();
    let Some(looked) = looked else { return interrupted(world) };
    let exit = go_on(world, request, &folder, &looked, &key).await;
    looked.survey.close().await;
    exit
}

async fn go_on(
    world: &World,
    request: &AdoptRequest,
    folder: &Folder,
    looked: &Looked,
    key: &FingerprintKey,
) -> Exit {
    if !looked.failed.is_empty() {
        for (node, error) in &looked.failed {
            let hint = error.hint.as_ref().map(|hint| format!("\n  -> {hint}")).unwrap_or_default();
            world.out.message(&format!("{node} is unreachable: {}{hint}", error.one_line()));
        }
        world.out.message("nothing was written: every host of the cluster has to answer");
        return Exit::Unreachable;
    }
    let adopted = match or_interrupted(world, understand(world, request, looked, folder)).await {
        Some(Ok(adopted)) => adopted,
        Some(Err(refusals)) => return refuse(world, &refusals),
        None => return interrupted(world),
    };
    let files = match adopt_files::write(folder, &adopted) {
        Ok(files) => files,
        Err(why) => {
            world.out.message(&format!("error: {why}; nothing was written"));
            return Exit::Failed;
        }
    };
    let proof = or_interrupted(world, adopt_proof::plan(world, folder, looked, &adopted, key)).await;
    tell(world, request, folder, &AdoptView { adopted, files, proof })
}

/// The hosts as one cluster, with what its MetaDB says of it.
async fn understand(
    world: &World,
    request: &AdoptRequest,
    looked: &Looked,
    folder: &Folder,
) -> Result<Adopted, Vec<ErrorReport>> {
    if !looked.refused.is_empty() {
        return Err(looked.refused.clone());
    }
    let reading = Reading::of(looked.seen.clone())?;
    let metadb = adopt_look::metadb(world, looked, &reading).await;
    reading.adopt(metadb.as_ref(), &request.gone, &folder.path.display().to_string())
}

fn refuse(world: &World, refusals: &[ErrorReport]) -> Exit {
    for report in refusals {
        world.out.message(&apply::report_text(report));
    }
    world.out.message("nothing was written");
    let document = AdoptDocument::refused(refusals);
    let written = match world.globals.format {
        Format::Human => Ok(()),
        Format::Json => world.out.document(&document),
        Format::Jsonl => world.out.line(&document),
    };
    if written.is_ok() { Exit::Refused } else { Exit::Failed }
}

fn tell(world: &World, request: &AdoptRequest, folder: &Folder, view: &AdoptView) -> Exit {
    let written = match world.globals.format {
        Format::Human => {
            for warning in &view.adopted.warnings {
                world.out.message(&format!("warning: {warning}"));
            }
            let next = next(world, request, folder);
            world.out.result(&adopt_text(view, &next, world.out.style()))
        }
        Format::Json => world.out.document(&AdoptDocument::of(view)),
        Format::Jsonl => world.out.line(&AdoptDocument::of(view)),
    };
    if written.is_ok() { Exit::Done } else { Exit::Failed }
}

/// The command that is typed next, with the files that were written.
fn next(world: &World, request: &AdoptRequest, folder: &Folder) -> String {
    let given = &world.globals.inventories;
    let shown = |path: &Path| path.display().to_string();
    let ssh = world.globals.ssh_config.as_ref().map(|path| format!(" --ssh-config {}", shown(path)));
    let ssh = ssh.unwrap_or_default();
    if given.is_empty() && folder.path == world.working_directory {
        return format!("omsctl plan{ssh}");
    }
    let inventories = given.iter().cloned().chain([in_folder(&request.output, "inventory.ini")]);
    let inventories: Vec<String> = inventories.map(|path| format!("-i {}", shown(&path))).collect();
    let config = shown(&in_folder(&request.output, "config.yaml"));
    format!("omsctl plan {} -c {config}{ssh}", inventories.join(" "))
}

fn in_folder(folder: &Path, name: &str) -> PathBuf {
    if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) }
}
