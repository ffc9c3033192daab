//! `omsctl logs HOST`: the ends of OMS's own logs of one host, and what is added to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use omsctl_inventory::ConnectTo;
use omsctl_proto::{ErrorReport, LogFile, LogFolders, LogPart};
use serde::Serialize;
use tokio::time::sleep;

use super::World;
use super::host_logs::{folders, redactor, tail};
use super::inputs::{self, Images};
use super::interrupt::{interrupted, or_interrupted};
use super::reach;
use crate::cli::{Format, LogsRequest};
use crate::exit::Exit;
use crate::report::Redactor;
use crate::rollout::{Emitter, Session};

/// Nobody tells when a file grows.
const PAUSE: Duration = Duration::from_millis(700);
/// Of which the last lines are looked for.
const END: u64 = 1024 * 1024;
/// What is added to a log between two looks, at most; the rest comes with the next.
const PIECE: u64 = 512 * 1024;
/// Without a part: what nearly every trouble shows in.
const USUAL: [LogPart; 4] = [LogPart::Init, LogPart::Cm, LogPart::Console, LogPart::Supervisor];

/// One log in the document.
#[derive(Serialize)]
struct Shown<'a> {
    file: &'a str,
    text: String,
}

/// Exit 4 when the host does not answer.
pub async fn logs(world: &World, request: &LogsRequest) -> Exit {
    let inputs = match inputs::load(world, Images::Leave).await {
        Ok(inputs) => inputs,
        Err(exit) => return exit,
    };
    let Some(host) = inputs.deployment.host(&request.host) else {
        world.out.message(&format!("error: the inventory has no OMS host {}", request.host));
        return Exit::Usage;
    };
    let target = [ConnectTo { name: host.name.clone(), runs_oms: true, connection: host.connection.clone() }];
    let mut silent = Emitter::new(world.new_run(), Arc::clone(&world.clock), Box::new(|_| {}));
    silent.forget();
    let Some(survey) = reach::connect(world, &target, None, &mut silent).await else {
        return interrupted(world);
    };
    let Some(link) = survey.links.values().next() else {
        let why = survey.failed.values().map(ErrorReport::one_line).collect::<Vec<_>>().join("; ");
        world.out.message(&format!("error: {} does not answer: {why}", host.name));
        return Exit::Unreachable;
    };
    let follower = Follower {
        world,
        request,
        session: &link.session,
        folders: folders(host),
        redactor: redactor(world, &inputs),
    };
    let shown = or_interrupted(world, Box::pin(follower.show())).await;
    let exit = match shown {
        None => Exit::Interrupted,
        Some(Ok(())) => Exit::Done,
        Some(Err(Ended::Written)) => Exit::Failed,
        Some(Err(Ended::Lost(error))) => {
            world.out.message(&format!("error: {}: {}", host.name, error.one_line()));
            Exit::Unreachable
        }
    };
    survey.close().await;
    exit
}

enum Ended {
    /// Nobody reads what is written.
    Written,
    Lost(ErrorReport),
}

struct Follower<'a> {
    world: &'a World,
    request: &'a LogsRequest,
    session: &'a Session,
    folders: LogFolders,
    redactor: Redactor,
}

impl Follower<'_> {
    async fn show(&self) -> Result<(), Ended> {
        let files = self.files().await?;
        if files.is_empty() {
            let folder = &self.folders.logs;
            self.world.out.message(&format!("there is no such log in {folder} of {}", self.request.host));
        }
        let mut ends = BTreeMap::new();
        let mut document = Vec::new();
        for file in &files {
            let (text, end) = tail(self.session, &self.folders, file, END).await.map_err(Ended::Lost)?;
            let (text, end) = if self.request.follow { whole_lines(text, end) } else { (text, end) };
            ends.insert(file.path.clone(), end);
            let text = self.redactor.text(last_lines(&text, self.request.lines));
            if self.world.globals.format == Format::Json {
                document.push(Shown { file: &file.path, text });
            } else if !text.is_empty() {
                self.write(&file.path, &text)?;
            }
        }
        if self.world.globals.format == Format::Json {
            let shown = serde_json::json!({ "node": self.request.host, "logs": document });
            self.world.out.document(&shown).map_err(|_| Ended::Written)?;
        }
        if self.request.follow { self.follow(ends).await } else { Ok(()) }
    }

    async fn follow(&self, mut ends: BTreeMap<String, u64>) -> Result<(), Ended> {
        loop {
            sleep(PAUSE).await;
            for file in self.files().await? {
                let end = ends.entry(file.path.clone()).or_default();
                if file.bytes == *end {
                    continue;
                }
                let piece = self.session.log_text(self.folders.clone(), file.path.clone(), *end, PIECE).await;
                let piece = piece.map_err(Ended::Lost)?;
                // A line that is being written is shown when it is whole: half a secret is not recognised.
                if !piece.text.ends_with('\n') && piece.next.saturating_sub(*end) < PIECE {
                    continue;
                }
                if !piece.text.is_empty() {
                    self.write(&file.path, &self.redactor.text(&piece.text))?;
                }
                *end = piece.next;
            }
        }
    }

    async fn files(&self) -> Result<Vec<LogFile>, Ended> {
        let list = self.session.log_files(self.folders.clone()).await.map_err(Ended::Lost)?;
        let wanted = |part: LogPart| self.request.part.map_or(USUAL.contains(&part), |wanted| wanted == part);
        Ok(list.files.into_iter().filter(|file| wanted(file.part)).collect())
    }

    /// What comes from a host may hold anything: nothing of it moves the cursor.
    fn write(&self, file: &str, text: &str) -> Result<(), Ended> {
        let written = match self.world.globals.format {
            Format::Human => self.world.out.foreign(&format!("==> {file} <==\n{text}\n")),
            Format::Json | Format::Jsonl => text.lines().try_for_each(|line| {
                let line = serde_json::json!({ "node": self.request.host, "file": file, "line": line });
                self.world.out.line(&line)
            }),
        };
        written.map_err(|_| Ended::Written)
    }
}

/// Without the line that is being written, which comes with what is added.
fn whole_lines(mut text: String, end: u64) -> (String, u64) {
    let half = text.len() - text.rfind('\n').map_or(0, |place| place + 1);
    text.truncate(text.len() - half);
    (text, end.saturating_sub(u64::try_from(half).unwrap_or(u64::MAX)))
}

fn last_lines(text: &str, lines: usize) -> &str {
    let begin = text.trim_end_matches('\n').rmatch_indices('\n').nth(lines.saturating_sub(1));
    begin.map_or(text, |(place, _)| &text[place + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_whole() {
        for (lines, expected) in [(1, "c\n"), (2, "b\nc\n"), (3, "a\nb\nc\n"), (9, "a\nb\nc\n")] {
            assert_eq!(last_lines("a\nb\nc\n", lines), expected);
        }
        assert_eq!(last_lines("", 1), "");
        assert_eq!(whole_lines("a\nb".to_owned(), 9), ("a\n".to_owned(), 8));
        assert_eq!(whole_lines("a\n".to_owned(), 9), ("a\n".to_owned(), 9));
    }
}
