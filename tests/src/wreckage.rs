//! What is worth keeping of a rig on which something failed, before it is taken down.

use std::fs;
use std::path::Path;

use crate::rig::{Node, Rig};
use crate::steps::{repository, say};

const LOOK: &str = "docker ps --all --no-trunc; docker logs --tail 100 oms; tail -n 100 /data/oms/oms_logs/docker_init*
for file in /var/lib/omsctl/runs/*/*; do echo \"== $file\"; tail -c 20000 \"$file\"; done; ps -ef; tail -n 50 /var/log/dockerd.log";

/// Writes what hosts and judge have to tell to `target/wreckage`, and says so. Best effort: the failure that led here is
/// what counts.
pub fn collect(rig: &Rig) {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let folder = repository().join(target).join("wreckage");
    if fs::create_dir_all(&folder).is_ok() {
        collect_into(rig, &folder);
        say(&format!("what the hosts had to tell is in {}", folder.display()));
    }
}

/// As [`collect`], into a folder that is there.
pub fn collect_into(rig: &Rig, folder: &Path) {
    let of_node = |node: &Node| node.exec(["sh", "-c", LOOK]).map(|output| output.stdout + &output.stderr);
    let mut texts: Vec<(String, String)> = rig
        .nodes()
        .iter()
        .map(|node| (node.name().to_owned(), of_node(node).unwrap_or_else(|error| error.to_string())))
        .collect();
    texts.push(("judge".to_owned(), format!("{:#?}", rig.judge())));
    for (name, text) in texts {
        if let Err(error) = fs::write(folder.join(format!("{name}.txt")), text) {
            say(&format!("{name}.txt could not be kept: {error}"));
        }
    }
}
