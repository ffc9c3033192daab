//! What is mounted: the file system of a path, and bind mounts that went stale, whose source was deleted or replaced on
//! the host while the container holds the former one.

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
