//! The planted canary: the MetaDB password's beginning, which must show up nowhere but in config.yaml. Watches the
//! command lines and environments of all processes while omsctl works.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use system_tests::rig::Node;

/// No part of it changes when it is quoted for JSON, YAML or a shell.
pub(super) const CANARY: &str = "Oms#0123";

/// Looks at every process of this machine, those on the hosts included, until it is stopped.
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    watcher: JoinHandle<(usize, Vec<String>)>,
}

impl Watch {
    pub(super) fn begin(canaries: &[&str]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let canaries: Vec<String> = canaries.iter().map(|canary| (*canary).to_owned()).collect();
        let watcher = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let (mut looks, mut found) = (0, Vec::new());
                while !stop.load(Ordering::Relaxed) {
                    looks += look(&canaries, &mut found);
                    // A sample, not a condition: the processes come and go by themselves.
                    std::thread::sleep(Duration::from_millis(20));
                }
                (looks, found)
            }
        });
        Self { stop, watcher }
    }

    /// Asserts that omsctl's processes were seen, and the canaries in none.
    #[track_caller]
    pub(super) fn saw_no_secret(self) {
        self.stop.store(true, Ordering::Relaxed);
        let (looks, found) = self.watcher.join().unwrap();
        assert!(looks > 0, "the watch saw no process of omsctl: it proves nothing");
        assert!(found.is_empty(), "a secret in the open:\n{}", found.join("\n"));
    }
}

/// One look at all processes; answers how many of them are omsctl's.
fn look(canaries: &[String], found: &mut Vec<String>) -> usize {
    let mut own = 0;
    let own_namespace = fs::read_link("/proc/self/ns/pid").ok();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let process = entry.path();
        let text = |name: &str| fs::read(process.join(name)).unwrap_or_default();
        let line = String::from_utf8_lossy(&text("cmdline")).replace('\0', " ");
        let is_own = line.split(' ').next().is_some_and(|program| program.contains("omsctl"));
        own += usize::from(is_own);
        // Other people's processes on this machine are none of ours; those on the hosts are.
        if !is_own && fs::read_link(process.join("ns/pid")).ok() == own_namespace {
            continue;
        }
        let environment = String::from_utf8_lossy(&text("environ")).into_owned();
        for (place, content) in [("arguments", &line), ("environment", &environment)] {
            if canaries.iter().any(|canary| content.contains(canary)) {
                found.push(format!("in the {place} of {line}"));
            }
        }
    }
    own
}

/// Files below a folder that hold a canary.
pub(super) fn files_with(canary: &str, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read(&path).is_ok_and(|bytes| has(&bytes, canary)) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

fn has(bytes: &[u8], canary: &str) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
}

/// Files of omsctl on a host, and the logs of its containers' creation, that hold a canary.
pub(super) fn files_on(node: &Node, canary: &str) -> String {
    let search =
        "grep -rlF -- \"$1\" /var/lib/omsctl /run/omsctl /tmp /var/tmp /root /var/log 2>/dev/null; exit 0";
    node.exec(["sh", "-c", search, "sh", canary]).unwrap().stdout
}
