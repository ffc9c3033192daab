//! OMS's own logs: which there are (`research/oms.md` 4.6), and pieces of them. Reads below OMS's three folders only, regular
//! files only, and changes nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use omsctl_proto::{ErrorCode, ErrorReport, LogFile, LogFolders, LogList, LogPart, LogText};

use crate::world::Places;

/// Hosts with many components of links have hundreds.
const MOST_FILES: usize = 1000;
/// Entries of one folder that are looked at.
const MOST_ENTRIES: usize = 20_000;
/// Of initialisations that are over, so many are still of interest.
const INITIALISATIONS: usize = 3;
/// Bytes of one answer; lines are rarely longer. In JSON each may become six.
pub(crate) const LARGEST_PIECE: u64 = 512 * 1024;

#[derive(Clone, Copy)]
enum Root {
    Logs,
    Store,
    Run,
}

/// Part, folder, names by their beginnings; those to look at first come first. `*` stands for every folder.
const PLACES: [(LogPart, Root, &[&str], &[&str]); 12] = [
    (LogPart::Init, Root::Logs, &[], &["docker_init"]),
    (LogPart::Cm, Root::Logs, &["cm", "log"], &["service", "cm-", "dao-digest", "logs", "2"]),
    (LogPart::Cm, Root::Logs, &[], &["oms_drc_cm_std"]),
    (LogPart::Console, Root::Logs, &["ghana", "Ghana"], &["common-error", "common-default", ""]),
    (LogPart::Console, Root::Logs, &["ghana"], &["gc"]),
    (LogPart::Console, Root::Logs, &[], &["oms_console_std"]),
    (LogPart::Supervisor, Root::Logs, &["supervisor"], &["error", "supervisor", ""]),
    (LogPart::Supervisor, Root::Logs, &[], &["oms_drc_supervisor_std", "supervisord"]),
    (LogPart::Nginx, Root::Logs, &[], &["tengine-error", "tengine-access", "oms_nginx_std"]),
    (LogPart::Store, Root::Store, &["*", "log"], &["store", "congo", "liboblog", "libobcdc", "connector"]),
    (LogPart::Run, Root::Run, &["*", "logs"], &["error", "connector", "trace"]),
    (LogPart::Run, Root::Run, &["*", "logs", "msg"], &[""]),
];

pub(crate) fn list(places: &Places, folders: &LogFolders) -> LogList {
    let mut list = LogList::default();
    for (part, root, below, beginnings) in PLACES {
        let root = places.on_host(match root {
            Root::Logs => &folders.logs,
            Root::Store => &folders.store,
            Root::Run => &folders.run,
        });
        for folder in folders_below(root, below) {
            let mut found = logs_in(&folder, part, beginnings, &mut list.left_off);
            if part == LogPart::Init {
                list.left_off += counted(found.len().saturating_sub(INITIALISATIONS));
                found.truncate(INITIALISATIONS);
            }
            for (path, bytes) in found {
                if list.files.len() < MOST_FILES {
                    list.files.push(LogFile { path: places.as_named(&path), part, bytes });
                } else {
                    list.left_off += 1;
                }
            }
        }
    }
    list
}

fn counted(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn folders_below(root: PathBuf, below: &[&str]) -> Vec<PathBuf> {
    let mut folders = vec![root];
    for name in below {
        folders = match *name {
            "*" => folders.iter().flat_map(|folder| entries(folder)).filter(|path| is_folder(path)).collect(),
            name => folders.into_iter().map(|folder| folder.join(name)).collect(),
        };
    }
    folders
}

/// In the order of their names.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(found) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        found.filter_map(Result::ok).take(MOST_ENTRIES).map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn is_folder(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// With their sizes, by the order of the beginnings; of initialisations the newest first.
fn logs_in(folder: &Path, part: LogPart, beginnings: &[&str], left_off: &mut u64) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for path in entries(folder) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Some(place) = beginnings.iter().position(|beginning| name.starts_with(beginning)) else {
            continue;
        };
        let Ok(metadata) = std::fs::symlink_metadata(&path) else { continue };
        if !metadata.is_file() {
            continue;
        }
        if part == LogPart::Init || is_current(name) {
            found.push((place, path, metadata.len()));
        } else {
            *left_off += 1;
        }
    }
    if part == LogPart::Init {
        // Their names end with the time.
        found.reverse();
    } else {
        found.sort_by_key(|(place, ..)| *place);
    }
    found.into_iter().map(|(_, path, bytes)| (path, bytes)).collect()
}

/// Rotated ones have a date, a number or `.gz` at their end, or a date before `cm-api`.
fn is_current(name: &str) -> bool {
    let log =
        Path::new(name).extension().is_some_and(|extension| extension == "log" || extension == "current");
    let stem = name.trim_end_matches(".log");
    let rotated = stem.len() > 17 && stem.bytes().rev().take(17).all(|byte| byte.is_ascii_digit());
    log && !rotated
}

/// At most `most` bytes from `from` on. Of a file that has become shorter, from its beginning.
pub(crate) fn read(
    places: &Places,
    folders: &LogFolders,
    (path, from, most): (&str, u64, u64),
) -> Result<LogText, ErrorReport> {
    let failed = |error: io::Error| {
        ErrorReport::new(ErrorCode::File, format!("{path} cannot be read.")).cause(error.to_string())
    };
    let place = places.on_host(path).canonicalize().map_err(failed)?;
    let roots = [&folders.logs, &folders.store, &folders.run];
    let is_below = |root: &&String| {
        places.on_host(root).canonicalize().is_ok_and(|root| place != root && place.starts_with(root))
    };
    if !roots.iter().any(is_below) {
        return Err(ErrorReport::new(ErrorCode::File, format!("{path} is not in one of OMS's folders.")));
    }
    let mut file = File::open(&place).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(ErrorReport::new(ErrorCode::File, format!("{path} is no file.")));
    }
    let from = if from > metadata.len() { 0 } else { from };
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(most.min(LARGEST_PIECE)).read_to_end(&mut bytes).map_err(failed)?;
    // A line that is being written comes whole with the next piece; one that fills the piece comes in parts.
    if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
        bytes.truncate(end + 1);
    }
    let next = from + counted(bytes.len());
    Ok(LogText { text: String::from_utf8_lossy(&bytes).into_owned(), next })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn setup() -> (tempfile::TempDir, Places, LogFolders) {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            state: folder.path().join("state"),
            runtime: folder.path().join("runtime"),
            root: folder.path().join("root"),
        };
        let name = |name: &str| format!("/data/oms/oms_{name}");
        let folders = LogFolders { logs: name("logs"), store: name("store"), run: name("run") };
        (folder, places, folders)
    }

    fn write(places: &Places, path: &str, text: &str) {
        let place = places.on_host(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }

    #[test]
    fn the_logs_that_are_written_now_are_listed_in_their_order() {
        let (_folder, places, folders) = setup();
        for path in [
            "logs/docker_init.log.2026-11-22.10:00:00",
            "logs/docker_init.log.2026-11-23.10:00:00",
            "logs/cm/log/cm-web.log",
            "logs/cm/log/service.log",
            "logs/cm/log/service.log.2026-11-22.gz",
            "logs/ghana/Ghana/oms-step.log",
            "logs/ghana/Ghana/common-error.log",
            "logs/judge.jsonl",
            "store/store7100/log/store.log",
            "run/10.0.0.1-9000:p_1/logs/msg/metrics.log",
        ] {
            write(&places, &format!("/data/oms/oms_{path}"), "text\n");
        }
        let list = list(&places, &folders);
        let names: Vec<&str> =
            list.files.iter().map(|file| file.path.strip_prefix("/data/oms/oms_").unwrap()).collect();
        assert_eq!(
            names,
            [
                "logs/docker_init.log.2026-11-23.10:00:00",
                "logs/docker_init.log.2026-11-22.10:00:00",
                "logs/cm/log/service.log",
                "logs/cm/log/cm-web.log",
                "logs/ghana/Ghana/common-error.log",
                "logs/ghana/Ghana/oms-step.log",
                "store/store7100/log/store.log",
                "run/10.0.0.1-9000:p_1/logs/msg/metrics.log",
            ]
        );
        assert_eq!(list.left_off, 1);
    }

    #[test]
    fn pieces_are_whole_lines_and_nothing_else_of_the_host_is_read() {
        let (_folder, places, folders) = setup();
        let log = "/data/oms/oms_logs/cm/log/service.log";
        write(&places, log, "one\ntwo\nthr");
        write(&places, "/etc/shadow", "root");
        let piece = |path: &str, from| read(&places, &folders, (path, from, LARGEST_PIECE));
        assert_eq!(piece(log, 0).unwrap(), LogText { text: "one\ntwo\n".to_owned(), next: 8 });
        assert_eq!(piece(log, 4).unwrap().text, "two\n");
        assert_eq!(piece(log, 100).unwrap().next, 8, "it was rotated");
        symlink(places.on_host("/etc/shadow"), places.on_host("/data/oms/oms_logs/link.log")).unwrap();
        for path in ["/etc/shadow", "/data/oms/oms_logs/../../../etc/shadow", "/data/oms/oms_logs/link.log"] {
            assert!(piece(path, 0).unwrap_err().message.contains("not in one of OMS's folders"), "{path}");
        }
        assert!(piece("/data/oms/oms_logs/cm", 0).unwrap_err().message.contains("is no file"));
    }
}
