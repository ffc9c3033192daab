//! `paths`: where directories and files shall be, there is nothing else.

use omsctl_inventory::Host;
use omsctl_proto::{CheckResult, Facts, PathState};

use super::row::Row;
use crate::plan::wanted::text_of;

pub(super) fn row(host: &Host, facts: &Facts) -> CheckResult {
    let mount = &host.settings.mount;
    let row = Row::on(&host.name, "paths", "directories and files, or nothing yet, at the mount paths");
    let mut wanted = vec![
        (&mount.logs, PathState::Directory),
        (&mount.store, PathState::Directory),
        (&mount.run, PathState::Directory),
        (&mount.config_file, PathState::File),
    ];
    if host.settings.https.is_some() {
        wanted.extend([(&mount.https_crt, PathState::File), (&mount.https_key, PathState::File)]);
    }
    let wrong: Vec<String> = wanted
        .into_iter()
        .map(|(path, state)| (text_of(path), state))
        .filter_map(|(path, state)| {
            let found = facts.paths.get(&path).copied().unwrap_or(PathState::Absent);
            let in_the_way = found != PathState::Absent && found != state;
            in_the_way.then(|| format!("{path} is {}, not {}", in_words(found), in_words(state)))
        })
        .collect();
    if wrong.is_empty() {
        row.pass("nothing in the way")
    } else {
        row.fail(wrong.join("; "), "move it away, or set another oms_mount_path")
    }
}

fn in_words(state: PathState) -> &'static str {
    match state {
        PathState::Absent => "absent",
        PathState::Directory => "a directory",
        PathState::File => "a file",
        PathState::Other => "something else",
    }
}
