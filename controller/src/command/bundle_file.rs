//! The file that `omsctl bundle` leaves: whole and readable by its owner alone, or not there. Knows nothing of what is in it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// A tar.gz under way, beside the place where it will be.
pub(super) struct BundleFile {
    tar: tar::Builder<GzEncoder<File>>,
    temporary: Temporary,
    path: PathBuf,
    /// The folder that everything in it lies in.
    folder: String,
    utc_s: u64,
}

/// Gone when it is dropped.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is none.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl BundleFile {
    /// Refuses a path at which something is.
    pub(super) fn create(path: &Path, folder: String, utc_s: u64) -> io::Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something is there already"));
        }
        let name = path.file_name().ok_or_else(|| io::Error::other("that names no file"))?;
        let hidden = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
        let temporary = path.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let tar = tar::Builder::new(GzEncoder::new(file, Compression::default()));
        Ok(Self { tar, temporary: Temporary(temporary), path: path.to_owned(), folder, utc_s })
    }

    /// One file, under this name below the bundle's folder.
    pub(super) fn add(&mut self, name: &str, text: &str) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(text.len()).unwrap_or(u64::MAX));
        header.set_mode(0o600);
        header.set_mtime(self.utc_s);
        let parts = name.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
        let name = parts.fold(self.folder.clone(), |path, part| format!("{path}/{part}"));
        self.tar.append_data(&mut header, name, text.as_bytes())
    }

    /// On disk under its name when it returns; how many bytes it has. Whatever came there meanwhile is not overwritten.
    pub(super) fn finish(self) -> io::Result<u64> {
        let mut file = self.tar.into_inner()?.finish()?;
        file.flush()?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        let temporary = &self.temporary.0;
        match renameat_with(CWD, temporary, CWD, &self.path, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            // Where the file system cannot do it in one step, a second name does.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                std::fs::hard_link(temporary, &self.path)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_whole_and_private_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.tar.gz");
        let mut file = BundleFile::create(&path, "b".to_owned(), 7).unwrap();
        file.add("n1/../logs/a.log", "text").unwrap();
        assert!(!path.exists(), "it is not there before it is whole");
        file.finish().unwrap();
        assert_eq!(names(folder.path()), ["b.tar.gz"]);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(File::open(&path).unwrap()));
        let found: Vec<String> = tar
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(found, ["b/n1/logs/a.log"]);

        let refused = BundleFile::create(&path, "b".to_owned(), 7).err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        let other = folder.path().join("other.tar.gz");
        let begun = BundleFile::create(&other, "b".to_owned(), 7).unwrap();
        std::fs::write(&other, "somebody's").unwrap();
        assert_eq!(begun.finish().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "somebody's");
        drop(BundleFile::create(&folder.path().join("third"), "b".to_owned(), 7).unwrap());
        assert_eq!(names(folder.path()), ["b.tar.gz", "other.tar.gz"]);
    }
}
