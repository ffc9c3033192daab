//! What is mounted: the file system of a path, and bind mounts that went stale, whose source was deleted or replaced on
//! the host while the container holds the former one.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use omsctl_proto::DiskFacts;
use rustix::fs::{StatVfsMountFlags, statvfs};

pub(super) fn file_system(path: &Path) -> Option<DiskFacts> {
    let found = statvfs(path).ok()?;
    Some(DiskFacts {
        mount_point: mount_point(path).display().to_string(),
        total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        free_inodes: found.f_favail,
        read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY),
    })
}

/// The highest parent on the same device.
fn mount_point(path: &Path) -> PathBuf {
    let device = |path: &Path| std::fs::metadata(path).ok().map(|metadata| metadata.dev());
    let own = device(path);
    path.ancestors().take_while(|ancestor| device(ancestor) == own).last().unwrap_or(path).to_owned()
}

/// The mount points at this path and below, as this process sees them.
pub(super) fn below(path: &Path) -> std::io::Result<Vec<String>> {
    let table = std::fs::read("/proc/self/mountinfo")?;
    Ok(points(&table)
        .into_iter()
        .filter(|point| point.starts_with(path))
        .map(|point| point.display().to_string())
        .collect())
}

/// The fifth field of each line, in which blanks and backslashes are written as octal numbers.
fn points(table: &[u8]) -> Vec<PathBuf> {
    let field = |line: &[u8]| {
        Some(PathBuf::from(OsString::from_vec(plain(line.split(|byte| *byte == b' ').nth(4)?))))
    };
    table.split(|byte| *byte == b'\n').filter_map(field).collect()
}

fn plain(written: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some((first, after)) = rest.split_first() {
        let octal =
            after.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = &after[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

/// Sources of these binds (`host:container[:options]`) that the process's container sees another file of.
pub(super) fn stale(pid: u32, binds: &[String]) -> Vec<String> {
    let root = PathBuf::from(format!("/proc/{pid}/root"));
    // Without a look inside nothing can be said.
    if std::fs::metadata(&root).is_err() {
        return Vec::new();
    }
    stale_below(&root, binds)
}

fn stale_below(root: &Path, binds: &[String]) -> Vec<String> {
    let differs = |bind: &&String| {
        let mut parts = bind.split(':');
        let (Some(source), Some(target)) = (parts.next(), parts.next()) else { return false };
        let inside = identity(&root.join(target.trim_start_matches('/')));
        inside.is_some() && inside != identity(Path::new(source))
    };
    binds.iter().filter(differs).filter_map(|bind| bind.split(':').next().map(str::to_owned)).collect()
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn mount_points_are_read_with_blanks_in_them() {
        let table =
            b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 8:17 / /data/oms\\040store rw - xfs /dev/sdb1 rw\n";
        assert_eq!(points(table), [PathBuf::from("/"), PathBuf::from("/data/oms store")]);
        // Every Linux machine of a test has it.
        assert_eq!(below(Path::new("/proc")).unwrap().first().map(String::as_str), Some("/proc"));
    }

    #[test]
    fn a_replaced_source_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let (host, root) = (folder.path().join("host"), folder.path().join("root"));
        std::fs::create_dir_all(host.join("same")).unwrap();
        std::fs::create_dir_all(&root).unwrap();
        // The same inode under both names, as a bind mount shows it.
        symlink(host.join("same"), root.join("same")).unwrap();
        std::fs::create_dir(root.join("gone")).unwrap();
        let bind = |name: &str| format!("{}:/{name}", host.join(name).display());
        let binds = [bind("same"), bind("gone"), bind("not_inside")];
        assert_eq!(stale_below(&root, &binds), [host.join("gone").display().to_string()]);
    }
}
