//! The bastion of a sweep: an operator's folder on a small disk of its own, so that the disk can be full.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::SweepError;
use super::applying::{Applying, Told};
use crate::bastion;
use crate::rig::Rig;

/// Room for history, log and cache of a few runs.
const DISK: &str = "size=8m,mode=0700";
/// What takes the room away.
const BALLAST: &str = "ballast";
/// The bastion remembers what it found in an archive, so that no case reads it again.
const CACHE: &str = "home/state/omsctl/image-archives.json";

/// The mounted folder; the disk is gone when this value is.
#[derive(Debug)]
pub(super) struct Bastion {
    folder: PathBuf,
    program: PathBuf,
}

impl Bastion {
    /// Mounts it; what a killed sweep left there goes first.
    pub(super) fn mount(folder: PathBuf, program: PathBuf) -> Result<Self, SweepError> {
        fs::create_dir_all(&folder).map_err(SweepError::file(&folder))?;
        let bastion = Self { folder, program };
        bastion.unmount();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", DISK, "omsctl-sweep"]).arg(&bastion.folder);
        let status = mount.status().map_err(SweepError::Omsctl)?;
        if !status.success() {
            return Err(SweepError::Other(format!("no disk at {}: {status}", bastion.folder.display())));
        }
        Ok(bastion)
    }

    fn unmount(&self) {
        // Fails when nothing is mounted, which is what is wanted.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).stderr(Stdio::null()).status();
    }

    /// Empties it and gives it the operator's two files of this rig.
    pub(super) fn renew(&self, rig: &Rig) -> Result<(), SweepError> {
        let cache = fs::read(self.path(CACHE)).ok();
        for entry in fs::read_dir(&self.folder).map_err(SweepError::file(&self.folder))?.flatten() {
            let path = entry.path();
            let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            gone.map_err(SweepError::file(&path))?;
        }
        for folder in ["home/state/omsctl", "tmp"] {
            fs::create_dir_all(self.path(folder)).map_err(SweepError::file(&self.folder))?;
        }
        for written in [rig.inventory(), rig.config()] {
            let name = written.file_name().unwrap_or_default();
            fs::copy(&written, self.folder.join(name)).map_err(SweepError::file(&written))?;
        }
        match cache {
            Some(cache) => fs::write(self.path(CACHE), cache).map_err(SweepError::file(&self.folder)),
            None => Ok(()),
        }
    }

    /// A path in the operator's folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bastion::command(&self.program, &self.folder);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("TMPDIR", self.path("tmp"));
        command
    }

    /// Starts `apply` with its events on stdout.
    pub(super) fn start_apply(&self) -> Result<Applying, SweepError> {
        Applying::start(self.command(&["apply", "--yes", "--format", "jsonl"]))
    }

    /// `apply` to its end.
    pub(super) fn apply(&self) -> Result<Told, SweepError> {
        self.start_apply()?.end()
    }

    /// Any other command to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Told, SweepError> {
        Applying::start(self.command(arguments))?.end()
    }

    /// Takes the last byte.
    pub(super) fn fill_disk(&self) -> Result<(), SweepError> {
        let path = self.path(BALLAST);
        let mut file = fs::File::create(&path).map_err(SweepError::file(&path))?;
        // Smaller and smaller pieces, so that nothing is left.
        for size in [64 * 1024, 1] {
            let piece = vec![0; size];
            loop {
                match file.write(&piece) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(SweepError::file(&path)(error)),
                }
            }
        }
        Ok(())
    }

    /// Gives it back.
    pub(super) fn free_disk(&self) -> Result<(), SweepError> {
        match fs::remove_file(self.path(BALLAST)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(SweepError::file(&self.folder)(error)),
            _ => Ok(()),
        }
    }

    /// Every file of the operator's home and of the temporary folder, by its path.
    pub(super) fn files(&self) -> Result<Vec<String>, SweepError> {
        let mut found = Vec::new();
        let mut folders = vec![self.path("home"), self.path("tmp")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(SweepError::file(&folder))?.flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&self.folder).unwrap_or(&path).display().to_string());
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Processes that work in this folder: omsctl's own, whoever started them.
    pub(super) fn processes(&self) -> Vec<String> {
        let works_here =
            |process: &Path| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == self.folder);
        let name = |process: PathBuf| fs::read_to_string(process.join("comm")).unwrap_or_default();
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries.flatten().map(|entry| entry.path()).filter(|path| works_here(path)).map(name).collect()
    }
}

impl Drop for Bastion {
    fn drop(&mut self) {
        self.unmount();
    }
}
