//! `mysql` and `mysqldump` in memory: they write and read the files that they are told to, and answer what the agent asks.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::docker::ended;
use crate::ports::{ExecOutput, Helper};

/// The databases of one test: names with their tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FakeDatabases {
    pub tables: BTreeMap<String, Vec<String>>,
    /// The next dump of this database breaks off in the middle, once.
    pub breaks: Option<String>,
    /// What was executed, in order: `purge`, `dump NAME`, `restore NAME`.
    pub log: Vec<String>,
}

impl FakeDatabases {
    pub(super) fn answer(&mut self, helper: &Helper) -> ExecOutput {
        if !has_private_options(helper) {
            return failed("ERROR 1045 (28000): Access denied for user 'x'@'y' (using password: NO)");
        }
        match helper.program.as_str() {
            "mysqldump" => self.dump(helper),
            "mysql" => self.statements(helper),
            other => failed(&format!("exec: \"{other}\": executable file not found in $PATH")),
        }
    }

    fn dump(&mut self, helper: &Helper) -> ExecOutput {
        let result = helper.arguments.iter().find_map(|argument| argument.strip_prefix("--result-file="));
        let (Some(path), Some(database)) =
            (result.and_then(|path| on_host(helper, path)), helper.arguments.last())
        else {
            return failed("mysqldump: no result file");
        };
        let tables = self.tables.get(database).cloned().unwrap_or_default();
        let mut text =
            tables.iter().fold(String::new(), |text, table| text + "CREATE TABLE `" + table + "` (\n);\n");
        let breaks = self.breaks.take_if(|breaks| breaks == database).is_some();
        if !breaks {
            text.push_str("-- Dump completed on 2026-01-04\n");
        }
        self.log.push(format!("dump {database}"));
        match std::fs::write(path, text) {
            Ok(()) if breaks => failed("mysqldump: Error 2013: Lost connection to server during query"),
            Ok(()) => ended(0, ""),
            Err(error) => failed(&error.to_string()),
        }
    }

    fn statements(&mut self, helper: &Helper) -> ExecOutput {
        let statements = helper.arguments.last().map(String::as_str).unwrap_or_default();
        if statements.starts_with("SET @newest") {
            self.log.push("purge".to_owned());
            return ended(0, "41\n");
        }
        let named = self.tables.iter().find(|(name, _)| {
            statements.contains(&format!("`{name}`")) || statements.contains(&format!("'{name}'"))
        });
        let Some((database, tables)) = named else { return failed("ERROR 1049 (42000): Unknown database") };
        if statements.starts_with("DROP DATABASE") {
            let source = statements.lines().find_map(|line| line.strip_prefix("source "));
            if !source.and_then(|path| on_host(helper, path)).is_some_and(|path| path.is_file()) {
                return failed("ERROR: Failed to open file");
            }
            self.log.push(format!("restore {database}"));
            return ended(0, "");
        }
        ended(0, &format!("{}\n", tables.len()))
    }
}

fn on_host(helper: &Helper, path: &str) -> Option<PathBuf> {
    helper.mounts.iter().find_map(|mount| {
        let rest = path.strip_prefix(&mount.inside)?;
        Some(mount.host.join(rest.trim_start_matches('/')))
    })
}

/// The log-in is in a file that only root reads, and nowhere else.
fn has_private_options(helper: &Helper) -> bool {
    let path = helper.arguments.first().and_then(|first| first.strip_prefix("--defaults-extra-file="));
    let mount = helper.mounts.iter().find(|mount| Some(mount.inside.as_str()) == path);
    mount.is_some_and(|mount| {
        let private =
            std::fs::metadata(&mount.host).is_ok_and(|meta| meta.permissions().mode().trailing_zeros() >= 6);
        private && std::fs::read_to_string(&mount.host).is_ok_and(|text| text.contains("[client]"))
    })
}

fn failed(words: &str) -> ExecOutput {
    ExecOutput { status: Some(2), stdout: String::new(), stderr: words.to_owned() }
}
