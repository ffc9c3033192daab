//! What `docker_init.sh` writes into OMS's log folder, in English or Chinese, and what its lines mean
//! (`research/oms.md` 4.1, 4.4). Reads; decides nothing about processes or containers.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// More is not read of one log.
const LARGEST: u64 = 4 * 1024 * 1024;
/// What the container itself prints when it has initialised itself and all services are up.
pub(crate) const CONTAINER_READY: &str = "OMS service start successfully";
pub(crate) const CONTAINER_FAILED: &str = "OMS service start failed";

const SUCCESS: [&str; 2] =
    ["[Completed] All initialization steps are executed", "【结束】全部初始化步骤执行成功"];
const FAILURE: [&str; 2] = ["[Failed]", "【失败】"];
const HEADINGS: [(&str, char); 2] = [("[Step ", ']'), ("【步骤", '】')];

/// What one line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// `[Step N]`.
    Heading(u8),
    Success,
    Failure,
    /// `ERROR 1235 … lob column`: to be expected on an OceanBase tenant.
    Note,
}

pub(crate) fn sign(line: &str) -> Option<Sign> {
    let line = line.trim();
    if SUCCESS.iter().any(|text| line.contains(text)) {
        return Some(Sign::Success);
    }
    if FAILURE.iter().any(|text| line.starts_with(text)) {
        return Some(Sign::Failure);
    }
    if line.contains("ERROR 1235") && line.contains("lob column") {
        return Some(Sign::Note);
    }
    HEADINGS.iter().find_map(|(before, after)| {
        let (number, _) = line.strip_prefix(before)?.split_once(*after)?;
        number.trim().parse().ok().map(Sign::Heading)
    })
}

/// What a whole log says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Story {
    pub(crate) last_step: u8,
    /// The line.
    pub(crate) success: Option<String>,
    /// The line.
    pub(crate) failure: Option<String>,
    /// Up to twenty, the newest last.
    pub(crate) tail: Vec<String>,
}

impl Story {
    pub(crate) fn add(&mut self, line: &str) -> Option<Sign> {
        let line = line.trim_end();
        let sign = sign(line);
        match sign {
            Some(Sign::Heading(step)) => {
                // A first heading after an end is another run that was appended to the same file.
                if step == 1 {
                    *self = Self::default();
                }
                self.last_step = step;
            }
            Some(Sign::Success) => self.success = Some(line.to_owned()),
            Some(Sign::Failure) => self.failure = Some(line.to_owned()),
            Some(Sign::Note) | None => {}
        }
        if !line.is_empty() {
            if self.tail.len() == 20 {
                self.tail.remove(0);
            }
            self.tail.push(line.to_owned());
        }
        sign
    }

    pub(crate) fn of(text: &str) -> Self {
        let mut story = Self::default();
        for line in text.lines() {
            story.add(line);
        }
        story
    }
}

/// The logs of initialisations in this folder, oldest first, that were written at or after `since`.
pub(crate) fn logs(folder: &Path, since: SystemTime) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(SystemTime, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("docker_init") && name.contains(".log")
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .filter(|(modified, _)| *modified >= since)
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// The text from this byte on, and where it ends. Only whole lines.
pub(crate) fn read(path: &Path, from: u64) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    bytes.truncate(whole);
    Ok((String::from_utf8_lossy(&bytes).into_owned(), from + u64::try_from(whole).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood_in_both_languages() {
        let check = |line: &str, expected: Option<Sign>| assert_eq!(sign(line), expected, "{line}");
        check("[Step 2] Initialize the MetaDB", Some(Sign::Heading(2)));
        check("【步骤3】生成组件配置文件", Some(Sign::Heading(3)));
        check("[Completed] All initialization steps are executed", Some(Sign::Success));
        check("【结束】全部初始化步骤执行成功", Some(Sign::Success));
        check("[Failed] Step 2: Initialize the MetaDB", Some(Sign::Failure));
        check("【失败】步骤2：初始化元数据库", Some(Sign::Failure));
        check("ERROR 1235 (0A000) at line 3: Modify large text/lob column not supported", Some(Sign::Note));
        check("python -m omsflow.scripts.units.oms_init_manager --init-db", None);
        check("[Step x] what", None);
        check("see [Step 2] above", None);
    }

    #[test]
    fn a_second_run_in_one_file_counts_alone() {
        let story =
            Story::of("[Step 1] a\n[Step 2] b\n[Failed] Step 2: b\n[Step 1] a\n[Step 2] b\n[Step 3] c\n");
        assert_eq!((story.last_step, story.failure, story.success), (3, None, None));
        assert_eq!(story.tail.len(), 3);
    }

    #[test]
    fn logs_are_found_by_name_and_age_and_read_by_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker_init.log.2026-01-04.10:42:11");
        std::fs::write(&path, "one\ntwo\nthr").unwrap();
        std::fs::write(folder.path().join("supervisord.log"), "").unwrap();
        assert_eq!(logs(folder.path(), SystemTime::UNIX_EPOCH), std::slice::from_ref(&path));
        let later = SystemTime::now() + std::time::Duration::from_mins(1);
        assert!(logs(folder.path(), later).is_empty());
        assert_eq!(read(&path, 0).unwrap(), ("one\ntwo\n".to_owned(), 8));
        assert_eq!(read(&path, 8).unwrap(), (String::new(), 8));
    }
}
