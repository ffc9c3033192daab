//! The folders that are mounted into the container.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use omsctl_proto::{ErrorCode, ErrorReport};

use super::{Context, Done, Stop};
use crate::made::Made;

const MODE: u32 = 0o755;

/// Makes what is missing, with its parents, and marks it as omsctl's. What is there already is left as it is.
pub(crate) fn make_directories(context: &Context<'_>, paths: &[String]) -> Result<Done, Stop> {
    let mut made = Vec::new();
    let mut marker = Made::read(&context.world.places).map_err(|error| unmarked(&error))?;
    for path in paths {
        let folder = context.world.places.on_host(path);
        make(&folder, &mut marker, &mut made).map_err(|error| {
            ErrorReport::new(ErrorCode::File, format!("The folder {path} cannot be made."))
                .cause(error.to_string())
                .hint(
                    "See what is at that path and at its parents, and whether their file system is writable.",
                )
        })?;
    }
    if made.is_empty() {
        return Ok(Done::unchanged());
    }
    let names: Vec<String> = made.iter().map(|path| context.world.places.as_named(path)).collect();
    Ok(Done::changed().with("created", names.join(" ")))
}

fn make(folder: &Path, marker: &mut Made, made: &mut Vec<std::path::PathBuf>) -> io::Result<()> {
    match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => return Err(io::Error::new(io::ErrorKind::NotADirectory, "something else is there already")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Some(parent) = folder.parent() {
        make(parent, marker, made)?;
    }
    DirBuilder::new().mode(MODE).create(folder)?;
    // Whatever the umask of this process says: OMS runs as several users.
    std::fs::set_permissions(folder, Permissions::from_mode(MODE))?;
    marker.add(folder)?;
    made.push(folder.to_owned());
    Ok(())
}

fn unmarked(error: &io::Error) -> ErrorReport {
    ErrorReport::new(ErrorCode::File, "omsctl's marker of what it made on this host cannot be read.")
        .cause(error.to_string())
        .hint("Look at /var/lib/omsctl/made.json: move it away when it is broken. What it knew is never removed then.")
}
