//! Writing a file in place: the inode stays, since the file is mounted singly into the container.
//!
//! The former text lies beside it until [`Placed::keep`], [`Placed::restore`] or [`remove_former`].

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use omsctl_proto::{DiskFacts, ErrorCode, ErrorReport, SecretFile, former_path};

use super::{Context, Stop};
use crate::made::Made;
use crate::world::World;
use crate::{facts, private_file};

/// Certificates and `config.yaml` are a few KiB.
const LARGEST: u64 = 8 * 1024 * 1024;

/// A file that was written and is not proved yet.
#[derive(Debug)]
pub(crate) struct Placed {
    path: PathBuf,
    former: Option<PathBuf>,
}

/// Writes the file when its content or mode differs; `None` when it does not.
pub(crate) async fn place(context: &Context<'_>, file: &SecretFile) -> Result<Option<Placed>, Stop> {
    let path = context.world.places.on_host(&file.path);
    let key = context.key()?;
    let failed = |error: io::Error| report(context.world, &file.path, &error);
    let existing = match private_file::read(&path, LARGEST) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error).into()),
    };
    if existing.as_ref().is_some_and(|bytes| key.of(bytes) == file.fingerprint) {
        if mode(&path).map_err(failed)? == file.mode {
            return Ok(None);
        }
        std::fs::set_permissions(&path, Permissions::from_mode(file.mode)).map_err(failed)?;
        return Ok(Some(Placed { path, former: None }));
    }
    let text = context.secret(&file.content).await?;
    if key.of(text.expose().as_bytes()) != file.fingerprint {
        return Err(ErrorReport::new(
            ErrorCode::Internal,
            format!("The content for {} is not the planned one.", file.path),
        )
        .into());
    }
    let former = existing.map(|bytes| keep_former(&path, &bytes)).transpose().map_err(failed)?;
    let target = Placed { path, former };
    let written = write(&target.path, text.expose().as_bytes(), file.mode);
    let written = written.and_then(|()| mark(context, &target));
    match written.and_then(|()| private_file::read(&target.path, LARGEST)) {
        Ok(bytes) if key.of(&bytes) == file.fingerprint => Ok(Some(target)),
        Ok(_) => {
            target.restore().map_err(failed)?;
            Err(failed(io::Error::other("it reads back otherwise than it was written")).into())
        }
        Err(error) => {
            // The reason of the failure says more than that of the attempt to undo it.
            let _ = target.restore();
            Err(failed(error).into())
        }
    }
}

/// A file that was not there before is omsctl's.
fn mark(context: &Context<'_>, target: &Placed) -> io::Result<()> {
    match target.former {
        Some(_) => Ok(()),
        None => Made::read(&context.world.places)?.add(&target.path),
    }
}

impl Placed {
    /// The new text is proved: the former one goes.
    pub(crate) fn keep(self) -> io::Result<()> {
        remove_former(&self.path).map(drop)
    }

    /// The new text is proved, and what runs has not read it yet: the former one stays as the sign of that, an empty
    /// one when there was none.
    pub(crate) fn keep_with_former(self) -> io::Result<()> {
        match self.former {
            Some(_) => Ok(()),
            None => keep_former(&self.path, &[]).map(drop),
        }
    }

    /// Puts the former text back, in place; a file that was not there before goes.
    pub(crate) fn restore(self) -> io::Result<()> {
        match self.former {
            Some(former) => {
                let bytes = private_file::read(&former, LARGEST)?;
                write(&self.path, &bytes, mode(&self.path)?)?;
                std::fs::remove_file(former)
            }
            None => std::fs::remove_file(&self.path),
        }
    }
}

/// Removes the former text beside this file; false when there is none.
pub(crate) fn remove_former(path: &Path) -> io::Result<bool> {
    match std::fs::remove_file(former_of(path)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn former_of(path: &Path) -> PathBuf {
    PathBuf::from(former_path(&path.to_string_lossy()))
}

/// One that an interrupted run left holds the last text that was proved: it is not overwritten.
fn keep_former(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let former = former_of(path);
    if !former.exists() {
        private_file::write(&former, bytes)?;
    }
    Ok(former)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.set_len(0)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn mode(path: &Path) -> io::Result<u32> {
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o7777)
}

fn report(world: &World, path: &str, error: &io::Error) -> ErrorReport {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let code = if full { ErrorCode::Disk } else { ErrorCode::File };
    let report = ErrorReport::new(code, format!("{path} cannot be written.")).cause(error.to_string());
    if error.kind() == io::ErrorKind::IsADirectory {
        return report.hint(
            "A folder is at that path; Docker makes one when a container is started before the file is there. \
             Remove it when it is empty.",
        );
    }
    if !full {
        return report;
    }
    let free = |disk: DiskFacts| format!("{} bytes free on {}", disk.free_bytes, disk.mount_point);
    let report = match facts::disk(world, path).map(free) {
        Some(free) => report.cause(free),
        None => report,
    };
    report.hint("Make room on that file system and run the command again.")
}
