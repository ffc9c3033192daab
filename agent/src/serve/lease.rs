//! One run at a time on a host: an exclusive lock that dies with its holder, and in the file who holds it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use omsctl_proto::Holder;
use rustix::fs::{FlockOperation, flock};

use crate::private_file;
use crate::world::Places;

/// Held as long as it lives.
#[derive(Debug)]
pub(crate) struct Lease(File);

impl Lease {
    /// Takes the host for this run. Whoever only looks at the lock holds it for an instant: that is waited for.
    pub(crate) async fn take(places: &Places, holder: &Holder) -> io::Result<Result<Self, Holder>> {
        let mut file = open(places)?;
        for _ in 0..40 {
            if lock(&file)? {
                file.set_len(0)?;
                file.write_all(&serde_json::to_vec(holder)?)?;
                return Ok(Ok(Self(file)));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Err(read(&mut file)?))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The lock goes with the file; an empty file names nobody.
        let _ = self.0.set_len(0);
    }
}

/// Who holds this host now. A holder that was killed leaves its name behind, which goes here.
pub(crate) fn holder(places: &Places) -> io::Result<Option<Holder>> {
    let mut file = open(places)?;
    if lock(&file)? { file.set_len(0).map(|()| None) } else { read(&mut file).map(Some) }
}

fn open(places: &Places) -> io::Result<File> {
    private_file::make_folder(&places.runtime)?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(places.runtime.join("lock"))
}

/// False when somebody else has it.
pub(crate) fn lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn read(file: &mut File) -> io::Result<Holder> {
    let mut text = Vec::new();
    file.rewind()?;
    file.take(4096).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use omsctl_proto::RunId;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_run_is_told_who_holds_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { runtime: folder.path().join("run"), ..Places::default() };
        let first =
            Holder { run: RunId::new("r-1").unwrap(), operator: "ann@bastion".into(), since: "10:00".into() };
        let second = Holder { run: RunId::new("r-2").unwrap(), ..first.clone() };
        assert_eq!(holder(&places).unwrap(), None);
        let lease = Lease::take(&places, &first).await.unwrap().unwrap();
        assert_eq!(holder(&places).unwrap(), Some(first.clone()));
        assert_eq!(Lease::take(&places, &second).await.unwrap().unwrap_err(), first);
        drop(lease);
        assert_eq!(holder(&places).unwrap(), None);
        assert!(Lease::take(&places, &second).await.unwrap().is_ok());
    }

    #[test]
    fn a_holder_that_was_killed_leaves_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { runtime: folder.path().to_owned(), ..Places::default() };
        std::fs::write(folder.path().join("lock"), "{}").unwrap();
        assert_eq!(holder(&places).unwrap(), None);
        assert_eq!(std::fs::read(folder.path().join("lock")).unwrap(), b"");
    }
}
