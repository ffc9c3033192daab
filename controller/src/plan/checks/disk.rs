//! `disk`, `disk_docker`, `disk_agent`: room where OMS keeps its files, where Docker keeps the image, and where the agent
//! keeps it while it comes. Too little for good work warns (`research/oms.md` 1.2), too little to begin fails.

use std::collections::BTreeMap;

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, DiskFacts, DockerFacts, Facts, ImageOrigin};

use super::row::{GIB, Row, size};
use crate::plan::image;
use crate::plan::situation::Situation;
use crate::plan::wanted::{AGENT_FOLDER, text_of};

/// Below this nothing can be begun.
const LEAST: u64 = GIB;
/// What OBD warns below, on each mount path.
const ADVISED: u64 = 50 * GIB;
/// What a pulled image may need, whose size nobody knows beforehand.
const PULLED: u64 = 20 * GIB;
const LEAST_INODES: u64 = 1000;
/// Two looks at the free bytes of one file system differ by less.
const SAME: u64 = 64 << 20;

pub(super) fn rows(situation: Situation<'_>, host: &Host, facts: &Facts) -> Vec<CheckResult> {
    let mount = &host.settings.mount;
    let mut by_disk: BTreeMap<&str, (&DiskFacts, Vec<String>)> = BTreeMap::new();
    for path in [&mount.logs, &mount.store, &mount.run].map(|path| text_of(path)) {
        if let Some(disk) = facts.disks.get(&path) {
            by_disk.entry(&disk.mount_point).or_insert_with(|| (disk, Vec::new())).1.push(path);
        }
    }
    let mut rows: Vec<CheckResult> =
        by_disk.into_values().map(|(disk, paths)| of_disk(host, disk, &paths)).collect();
    if rows.is_empty() {
        let row = Row::on(&host.name, "disk", expected());
        rows.push(row.unknown("the host does not tell its disks", "run `df` there"));
    }
    rows.extend(docker(situation, host, facts));
    rows.extend(agent(situation, host, facts));
    rows
}

fn expected() -> String {
    format!("{} free at the mount paths, {} advised", size(LEAST), size(ADVISED))
}

fn of_disk(host: &Host, disk: &DiskFacts, paths: &[String]) -> CheckResult {
    let row = Row::on(&host.name, "disk", expected());
    let found = format!("{} free on {} for {}", size(disk.free_bytes), disk.mount_point, paths.join(", "));
    if disk.read_only {
        row.fail(format!("{} is mounted read-only", disk.mount_point), "mount it writable")
    } else if disk.free_bytes < LEAST {
        row.fail(found, "free space there, or set another oms_mount_path")
    } else if disk.free_inodes < LEAST_INODES && disk.free_inodes > 0 {
        row.fail(
            format!("{} free inodes on {}", disk.free_inodes, disk.mount_point),
            "delete small files there",
        )
    } else if disk.free_bytes < ADVISED {
        row.warn(found, "OMS keeps pulled logs and tasks there: give it more room before links run")
    } else {
        row.pass(found)
    }
}

/// What comes of an archive is kept until Docker has the image. Where Docker's folder shares the file system, both fit in.
fn agent(situation: Situation<'_>, host: &Host, facts: &Facts) -> Option<CheckResult> {
    let DockerFacts::Answers { images, root_free_bytes, .. } = &facts.docker else { return None };
    let (wanted, archive) = image::wanted(&host.settings.image, situation.observed).ok()?;
    let ImageOrigin::Archive { size: comes, unpacked, .. } = image::origin(archive, &facts.docker) else {
        return None;
    };
    if image::find(&wanted, images).is_some() {
        return None;
    }
    let disk = facts.disks.get(AGENT_FOLDER)?;
    let shared = root_free_bytes.is_some_and(|free| free.abs_diff(disk.free_bytes) < SAME);
    let needed = if shared { unpacked.saturating_mul(2).saturating_add(comes) } else { comes };
    let row = Row::on(&host.name, "disk_agent", format!("{} free in {AGENT_FOLDER}", size(needed)));
    let found = format!("{} free on {}", size(disk.free_bytes), disk.mount_point);
    let enough = disk.free_bytes >= needed;
    Some(if enough {
        row.pass(found)
    } else {
        row.fail(found, "free space there, or mount a larger disk there")
    })
}

/// Loading unpacks the archive beside itself.
fn docker(situation: Situation<'_>, host: &Host, facts: &Facts) -> Option<CheckResult> {
    let DockerFacts::Answers { root_directory, root_free_bytes, images, .. } = &facts.docker else {
        return None;
    };
    let (wanted, archive) = image::wanted(&host.settings.image, situation.observed).ok()?;
    if image::find(&wanted, images).is_some() {
        let row = Row::on(&host.name, "disk_docker", "room for the image");
        return Some(row.pass("the image is on the host"));
    }
    let (needed, known) = match image::origin(archive, &facts.docker) {
        ImageOrigin::Archive { unpacked, .. } => (unpacked.saturating_mul(2), true),
        ImageOrigin::Pull { .. } => (PULLED, false),
    };
    let row = Row::on(&host.name, "disk_docker", format!("{} free in {root_directory}", size(needed)));
    let fix = "free space there (`docker system df` shows what takes it), or move Docker's data-root";
    let Some(free) = *root_free_bytes else {
        return Some(row.unknown(format!("nobody can tell how much is free in {root_directory}"), fix));
    };
    let found = format!("{} free", size(free));
    Some(match (free >= needed, known) {
        (true, _) => row.pass(found),
        (false, true) => row.fail(found, fix),
        (false, false) if free < LEAST => row.fail(found, fix),
        (false, false) => row.warn(found, fix),
    })
}
