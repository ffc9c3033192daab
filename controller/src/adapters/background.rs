//! Starts this program once more in a session of its own, so that the end of the terminal means nothing to it.

use std::ffi::OsString;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_proto::{ErrorCode, ErrorReport, RunId};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::ports::{Asked, Background, BackgroundController};

/// Logs that are kept; older ones are removed when a new one is begun.
const LOGS: usize = 20;
/// Passwords are short.
const LONGEST_WORD: u64 = 64 * 1024;

/// Starts this very command once more.
#[derive(Debug)]
pub struct BackgroundProcess {
    program: PathBuf,
    /// As they were typed, without the program's name.
    words: Vec<OsString>,
    /// Where the logs go.
    folder: Option<PathBuf>,
}

impl BackgroundProcess {
    /// `state` is the folder of the history.
    pub fn of_this_command(state: Option<PathBuf>) -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            words: std::env::args_os().skip(1).filter(|word| word != "--detach").collect(),
            folder: state.map(|state| state.join("background")),
        })
    }

    async fn spawn(&self, run: &RunId, asked: &Asked) -> io::Result<BackgroundController> {
        let folder = self.folder.clone().ok_or_else(|| io::Error::other("there is no folder for its log"))?;
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        forget_oldest(&folder)?;
        let log = folder.join(format!("{run}.log"));
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&log)?;
        let mut child = Command::new(&self.program)
            .args(&self.words)
            .args(["--yes", "--format", "jsonl", "--background", run.as_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()?;
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        let mut input = child.stdin.take().ok_or_else(broken)?;
        input.write_all(&serde_json::to_vec(asked)?).await?;
        drop(input);
        let events = child.stdout.take().ok_or_else(broken)?;
        Ok(BackgroundController { events: Box::new(events), log })
    }
}

impl Background for BackgroundProcess {
    fn start<'a>(
        &'a self,
        run: &'a RunId,
        asked: &'a Asked,
    ) -> BoxFuture<'a, Result<BackgroundController, ErrorReport>> {
        async move {
            self.spawn(run, asked).await.map_err(|error| {
                ErrorReport::new(ErrorCode::Internal, "omsctl cannot be started in the background")
                    .cause(error.to_string())
            })
        }
        .boxed()
    }
}

/// Called first by a controller in the background: own session, and what its starter hands over on stdin.
pub fn leave_the_terminal() -> Result<Asked, ErrorReport> {
    let failed = |error: &dyn std::error::Error| {
        ErrorReport::new(ErrorCode::Internal, "the controller in the background was started wrongly")
            .cause(error.to_string())
            .hint("use `omsctl apply --detach`")
    };
    // Fails for whoever leads a session already, which is as good.
    let _ = rustix::process::setsid();
    let mut text = Vec::new();
    let input = io::Read::take(io::stdin().lock(), LONGEST_WORD);
    io::Read::read_to_end(&mut { input }, &mut text).map_err(|error| failed(&error))?;
    serde_json::from_slice(&text).map_err(|error| failed(&error))
}

fn forget_oldest(folder: &Path) -> io::Result<()> {
    let mut logs: Vec<PathBuf> = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    // Their names begin with the time.
    logs.sort();
    let surplus = (logs.len() + 1).saturating_sub(LOGS);
    logs.iter().take(surplus).try_for_each(std::fs::remove_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_logs_stay() {
        let folder = tempfile::tempdir().unwrap();
        for number in 10..35 {
            std::fs::write(folder.path().join(format!("r-{number}.log")), "").unwrap();
        }
        std::fs::write(folder.path().join("other.txt"), "").unwrap();
        forget_oldest(folder.path()).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left.len(), LOGS);
        assert_eq!((left[0].as_str(), left[1].as_str()), ("other.txt", "r-16.log"));
    }
}
