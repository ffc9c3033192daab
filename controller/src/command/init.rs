//! `omsctl init`: two commented files to start from. Never overwrites.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use omsctl_inventory::templates;

use super::World;
use crate::cli::InitRequest;
use crate::exit::Exit;

/// Writes both files, or neither.
pub fn init(world: &World, request: &InitRequest) -> Exit {
    let files = [
        ("inventory.ini", templates::inventory_ini(&request.hosts)),
        ("config.yaml", templates::config_yaml()),
    ];
    let there: Vec<_> = files
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| world.working_directory.join(name).exists())
        .collect();
    if !there.is_empty() {
        let list = there.join(" and ");
        world
            .out
            .message(&format!("error: {list} is there already and is left as it is; nothing was written"));
        return Exit::Usage;
    }
    for (name, text) in files {
        if let Err(error) = write_new(&world.working_directory.join(name), &text) {
            world.out.message(&format!("error: {name} cannot be written: {error}"));
            return Exit::Failed;
        }
    }
    let next = "wrote inventory.ini and config.yaml\n\
                next: fill in what stands in <angle brackets>, then `omsctl check`\n";
    match world.out.result(next) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}

/// `config.yaml` will hold a password: for the owner only.
pub(super) fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
