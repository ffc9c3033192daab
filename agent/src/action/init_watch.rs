//! Follows one initialisation by its log on the host: new lines become events, headings become progress.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use omsctl_proto::Unit;

use super::{Context, Stop};
use crate::init_log::{self, Sign, Story};

/// The headings of `docker_init.sh`.
const STEPS: u64 = 5;
/// The first heading after the schema step.
const AFTER_SCHEMA: u8 = 3;

/// Where the reading stands.
#[derive(Debug)]
pub(crate) struct InitWatch {
    folder: PathBuf,
    since: SystemTime,
    read: BTreeMap<PathBuf, u64>,
    pub(crate) story: Story,
    /// The log that is being written.
    pub(crate) log: Option<PathBuf>,
}

impl InitWatch {
    /// `since` is when the container was started: what was written before belongs to another initialisation, of this
    /// container or of a former one, also in a file that is written on.
    pub(crate) fn new(folder: PathBuf, since: SystemTime) -> Self {
        let newer = init_log::logs(&folder, since);
        let mut older = init_log::logs(&folder, SystemTime::UNIX_EPOCH);
        older.retain(|path| !newer.contains(path));
        let read = older.into_iter().map(|path| {
            let end = end_of(&path);
            (path, end)
        });
        Self { read: read.collect(), folder, since, story: Story::default(), log: None }
    }

    /// Leaves out what earlier runs wrote.
    pub(crate) fn skip_past(&mut self) {
        for path in init_log::logs(&self.folder, SystemTime::UNIX_EPOCH) {
            let end = end_of(&path);
            self.read.insert(path, end);
        }
        self.story = Story::default();
        self.log = None;
    }

    /// Leaves out all logs but the newest, which is read from its beginning.
    pub(crate) fn begin_with_newest(&mut self) {
        let mut logs = init_log::logs(&self.folder, self.since);
        logs.pop();
        self.read.extend(logs.into_iter().map(|path| (path, u64::MAX)));
    }

    /// Reads what is new and tells it.
    pub(crate) fn advance(&mut self, context: &Context<'_>) -> Result<(), Stop> {
        for path in init_log::logs(&self.folder, self.since) {
            let from = self.read.get(&path).copied().unwrap_or(0);
            if from == u64::MAX {
                continue;
            }
            // A log that is being made is read at the next look.
            let Ok((text, end)) = init_log::read(&path, from) else { continue };
            self.read.insert(path.clone(), end);
            for line in text.lines() {
                self.log = Some(path.clone());
                context.output(line)?;
                let sign = self.story.add(line);
                tell(sign, line, context)?;
            }
        }
        Ok(())
    }
}

/// Of its last whole line.
fn end_of(path: &Path) -> u64 {
    init_log::read(path, 0).map_or(0, |(_, end)| end)
}

fn tell(sign: Option<Sign>, line: &str, context: &Context<'_>) -> Result<(), Stop> {
    match sign {
        Some(Sign::Heading(step)) => {
            context.progress(u64::from(step), Some(STEPS), Unit::InitSteps)?;
            if step >= AFTER_SCHEMA && context.is_in_schema() {
                context.leave_schema(line)?;
            }
        }
        Some(Sign::Success) if context.is_in_schema() => context.leave_schema(line)?,
        Some(Sign::Note) => {
            context.warn(format!("To be expected on an OceanBase tenant, and harmless: {line}"))?;
        }
        Some(Sign::Success | Sign::Failure) | None => {}
    }
    Ok(())
}
