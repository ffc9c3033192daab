//! Files and folders that omsctl made go, and nothing else: what its marker does not know, what something is mounted in
//! and what another container may use stays.

use std::io;
use std::path::{Path, PathBuf};

use omsctl_proto::{ErrorCode, ErrorReport};

use super::place_file::remove_former;
use super::{Context, Done, Stop};
use crate::made::{Made, Mark};

/// Each path with all that is in it; then the folders above that omsctl made, when they are empty.
pub(crate) async fn remove_data(context: &Context<'_>, paths: &[String]) -> Result<Done, Stop> {
    nobody_uses_it(context).await?;
    let places = &context.world.places;
    let mut made = Made::read(places).map_err(|error| unread(&error))?;
    let mut removed = Vec::new();
    for path in paths {
        let place = places.on_host(path);
        match made.mark(&place).map_err(|error| failed(path, &error))? {
            Mark::Absent => made.forget(&place).map_err(|error| unread(&error))?,
            Mark::Foreign => return Err(foreign(path).into()),
            Mark::Ours => {
                nothing_is_mounted(context, path, &place)?;
                remove(place.clone()).await.map_err(|error| failed(path, &error))?;
                made.forget(&place).map_err(|error| unread(&error))?;
                removed.push(path.clone());
            }
        }
        for folder in place.ancestors().skip(1) {
            if !remove_when_empty(&mut made, folder).map_err(|error| failed(path, &error))? {
                break;
            }
            removed.push(places.as_named(folder));
        }
    }
    let done = if removed.is_empty() { Done::unchanged() } else { Done::changed() };
    Ok(if removed.is_empty() { done } else { done.with("removed", removed.join(" ")) })
}

async fn nobody_uses_it(context: &Context<'_>) -> Result<(), Stop> {
    let others = context.world.docker.containers_like_oms().await.map_err(|error| {
        error.report(ErrorCode::Docker, "It cannot be told whether a container uses OMS's folders.")
    })?;
    let Some(other) = others.first() else { return Ok(()) };
    Err(ErrorReport::new(ErrorCode::Container, format!("OMS's folders stay: {} may use them.", other.name))
        .hint("It came since the plan was made: look whose it is, and run the command again.")
        .into())
}

/// Removing would go into what is mounted there.
fn nothing_is_mounted(context: &Context<'_>, path: &str, place: &Path) -> Result<(), Stop> {
    let place = place.canonicalize().map_err(|error| failed(path, &error))?;
    let mounted = context.world.host.mounted_below(&place).map_err(|error| failed(path, &error))?;
    match mounted.first() {
        None => Ok(()),
        Some(mount) => Err(ErrorReport::new(
            ErrorCode::File,
            format!("{path} stays: something is mounted in it."),
        )
        .cause(format!("mounted at {mount}"))
        .hint("Unmount it when nothing needs it, and run the command again; or remove what is left by hand.")
        .into()),
    }
}

/// Gigabytes take their time, and orders have to be heard meanwhile. Links are removed and never followed.
async fn remove(place: PathBuf) -> io::Result<()> {
    let removing = move || {
        if std::fs::symlink_metadata(&place)?.is_dir() {
            std::fs::remove_dir_all(&place)
        } else {
            std::fs::remove_file(&place)?;
            // Of omsctl's own name, and of use only beside the file.
            remove_former(&place).map(drop)
        }
    };
    tokio::task::spawn_blocking(removing).await.map_err(io::Error::other)?
}

/// Whether it was omsctl's and is gone now.
fn remove_when_empty(made: &mut Made, folder: &Path) -> io::Result<bool> {
    if made.mark(folder)? != Mark::Ours {
        return Ok(false);
    }
    match std::fs::remove_dir(folder) {
        Ok(()) => made.forget(folder).map(|()| true),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::ResourceBusy) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn foreign(path: &str) -> ErrorReport {
    ErrorReport::new(ErrorCode::File, format!("{path} is not what omsctl made there any more: it stays."))
        .hint("Somebody put something else there since the plan was made: run the command again.")
}

fn failed(path: &str, error: &io::Error) -> ErrorReport {
    ErrorReport::new(ErrorCode::File, format!("{path} cannot be removed."))
        .cause(error.to_string())
        .hint("See what holds it, and run the command again: it goes on where it was.")
}

fn unread(error: &io::Error) -> ErrorReport {
    ErrorReport::new(
        ErrorCode::File,
        "omsctl's marker of what it made on this host cannot be read or written.",
    )
    .cause(error.to_string())
    .hint("Without it nothing is removed: see /var/lib/omsctl/made.json.")
}
