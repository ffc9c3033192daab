//! Agents of former versions in the folder that this one was put into: they go when nobody can want them any more.
//! Never this one, never one that runs, never anything that is not called like an agent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// `omsctl-agent-SHA256`; a dot before it while it is being received.
const NAME: &str = "omsctl-agent-";
/// This one among them: two bastions with other versions do not push theirs each time anew.
const KEPT: usize = 5;
const OLDEST: Duration = Duration::from_hours(30 * 24);

/// Removes what is stale beside this program.
pub(super) fn remove(own: &Path) {
    remove_beside(own, Path::new("/proc"));
}

fn remove_beside(own: &Path, processes: &Path) {
    let stale = stale(own, SystemTime::now());
    if stale.is_empty() {
        return;
    }
    let running = running(processes);
    for path in stale.iter().filter(|path| !running.contains(*path)) {
        // Another session may have been faster, and an agent too many is no harm.
        let _ = std::fs::remove_file(path);
    }
}

/// Agents that are older than a month, and those beyond the newest few.
fn stale(own: &Path, now: SystemTime) -> Vec<PathBuf> {
    let is_agent = |path: &Path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
            let name = name.strip_prefix('.').unwrap_or(name);
            name.starts_with(NAME)
        })
    };
    // A program that is called otherwise, as in a test, was not put there by a controller.
    let Some(folder) = own.parent().filter(|_| is_agent(own)) else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut others: Vec<(SystemTime, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path() != own && is_agent(&entry.path()))
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    others.sort();
    let surplus = (others.len() + 1).saturating_sub(KEPT);
    let too_old = |modified: SystemTime| now.duration_since(modified).is_ok_and(|age| age > OLDEST);
    let stale = others
        .into_iter()
        .enumerate()
        .filter(|(place, (modified, _))| *place < surplus || too_old(*modified));
    stale.map(|(_, (_, path))| path).collect()
}

/// The programs of all processes.
fn running(processes: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(processes).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| std::fs::read_link(entry.path().join("exe")).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    /// The names that are left of these agents, given by name and age in days, when `own` looks.
    fn left(own: &str, agents: &[(&str, u32)], running: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, days) in agents {
            let file = std::fs::File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - DAY * *days).unwrap();
        }
        let processes = folder.path().join("proc");
        std::fs::create_dir_all(processes.join("17")).unwrap();
        let runs = folder.path().join(running);
        symlink(&runs, processes.join("17/exe")).unwrap();
        remove_beside(&folder.path().join(own), &processes);
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "proc")
            .collect();
        names.sort();
        names
    }

    #[test]
    fn old_ones_go_and_own_and_running_and_strange_ones_stay() {
        let agents = [
            ("omsctl-agent-own", 90),
            ("omsctl-agent-old", 40),
            ("omsctl-agent-runs", 40),
            ("omsctl-agent-new", 20),
            (".omsctl-agent-half.77", 40),
            ("omsctl", 40),
        ];
        assert_eq!(
            left("omsctl-agent-own", &agents, "omsctl-agent-runs"),
            ["omsctl", "omsctl-agent-new", "omsctl-agent-own", "omsctl-agent-runs"]
        );
    }

    #[test]
    fn the_newest_five_stay() {
        let agents = [
            ("omsctl-agent-1", 1),
            ("omsctl-agent-2", 2),
            ("omsctl-agent-3", 3),
            ("omsctl-agent-4", 4),
            ("omsctl-agent-5", 5),
            ("omsctl-agent-6", 6),
        ];
        assert_eq!(
            left("omsctl-agent-6", &agents, "sh"),
            ["omsctl-agent-1", "omsctl-agent-2", "omsctl-agent-3", "omsctl-agent-4", "omsctl-agent-6"]
        );
    }

    #[test]
    fn a_program_of_another_name_removes_nothing() {
        let agents = [("omsctl-agent", 0), ("omsctl-agent-old", 40)];
        assert_eq!(left("omsctl-agent", &agents, "sh"), ["omsctl-agent", "omsctl-agent-old"]);
    }
}
