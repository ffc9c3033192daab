//! `docker_init.sh` as it behaves: five headings with time between them, a log in the mounted folder, a flag at the end.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::clock;
use super::docker::Shared;

/// How the next initialisations on a machine go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitScript {
    /// From its start until its process can be seen and its log is written.
    pub begins_after: Duration,
    /// Between two headings.
    pub step: Duration,
    /// From the success until OMS says that it is healthy.
    pub healthy_after: Duration,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Succeeds,
    /// Says so in this step, 1 to 5.
    FailsIn(u8),
}

impl Default for InitScript {
    fn default() -> Self {
        Self {
            begins_after: Duration::ZERO,
            step: Duration::from_millis(20),
            healthy_after: Duration::ZERO,
            verdict: Verdict::Succeeds,
        }
    }
}

/// Headings as `research/oms.md` 4.1 has them.
const STEPS: [&str; 5] = [
    "Check the configuration file",
    "Initialize the MetaDB",
    "Generate the component configuration files",
    "Restart the components",
    "Add resource labels and groups",
];

/// One run in one container; dropping its task is the end of its process.
pub(super) struct Run {
    pub(super) shared: Arc<Shared>,
    pub(super) container: String,
    /// Machine and container, for the judge.
    pub(super) who: String,
    pub(super) log: PathBuf,
    pub(super) script: InitScript,
}

impl Run {
    pub(super) async fn go(self) {
        let judge = self.shared.judge.clone();
        tokio::time::sleep(self.script.begins_after).await;
        self.shared.change(|state| {
            if let Some(container) = state.containers.get_mut(&self.container) {
                container.init_seen = true;
            }
        });
        for (number, title) in (1_u8..).zip(STEPS) {
            self.say(&format!("[Step {number}] {title}"));
            if number == 2 {
                judge.enter_schema(&self.who);
            }
            tokio::time::sleep(self.script.step).await;
            if number == 2 {
                judge.leave_schema(&self.who);
            }
            if self.script.verdict == Verdict::FailsIn(number) {
                self.say(&format!("[Failed] Step {number}: {title}"));
                self.end(false);
                return;
            }
        }
        judge.success(&self.who);
        self.say("[Completed] All initialization steps are executed");
        self.end(true);
    }

    fn end(&self, success: bool) {
        self.shared.change(|state| {
            if let Some(container) = state.containers.get_mut(&self.container) {
                container.init_running = None;
                container.init_flag |= success;
                container.healthy_from = Some(Instant::now() + self.script.healthy_after);
                let line =
                    if success { "OMS service start successfully" } else { "OMS service start failed" };
                if container.initialises_itself {
                    container.output.push((container.facts.started.clone(), line.to_owned()));
                }
            }
        });
    }

    fn say(&self, line: &str) {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&self.log);
        // A test that removed the folder sees it by what is missing in the log.
        let _ = file.and_then(|mut file| {
            writeln!(file, "{line}")?;
            file.set_modified(clock::now())
        });
    }
}
