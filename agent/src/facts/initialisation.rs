//! Whether OMS was initialised in a container: by its process, its flag, its log and the container's own words.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use omsctl_proto::{InitFacts, InitState};

use crate::init_log::{self, Story};
use crate::ports::{Container, ContainerRuntime, Inside, Since};

/// How much of the container's own output is searched for its success line.
const OWN_LINES: u32 = 2000;

/// `inside` is `None` when the container does not run or cannot be looked into.
pub(crate) async fn init_facts(
    docker: &Arc<dyn ContainerRuntime>,
    container: &Container,
    name: &str,
    inside: Option<&Inside>,
    logs: &Path,
) -> InitFacts {
    let log = init_log::logs(logs, moment(&container.facts.created)).pop();
    let story = log.as_ref().and_then(|log| init_log::read(log, 0).ok()).map(|(text, _)| Story::of(&text));
    let last_step = story.as_ref().map_or(0, |story| story.last_step);
    let found = |state, proof: String| InitFacts { state, proof, last_step };
    if inside.is_some_and(|inside| inside.init_process) {
        return found(InitState::Running, "docker_init.sh runs".to_owned());
    }
    if inside.is_some_and(|inside| inside.init_flag) {
        return found(InitState::Succeeded, "/root/init_flag.txt is not empty".to_owned());
    }
    if let Some(line) = story.as_ref().and_then(|story| story.success.clone()) {
        return found(InitState::Succeeded, line);
    }
    // A container that initialised itself says so in its own output.
    let own = docker.logs(name, OWN_LINES, Since::Creation).await.unwrap_or_default();
    if own.lines().any(|line| line.trim() == init_log::CONTAINER_READY) {
        return found(InitState::Succeeded, init_log::CONTAINER_READY.to_owned());
    }
    let Some(_) = inside else {
        return found(InitState::CannotTell, format!("the container is {}", container.facts.status));
    };
    match story {
        None => found(InitState::NotBegun, "no log and no flag".to_owned()),
        Some(Story { failure: Some(line), .. }) => found(InitState::Failed, line),
        Some(story) => {
            let last = story.tail.last().map_or("an empty log", String::as_str);
            found(InitState::Interrupted, format!("no process, and the log ends with: {last}"))
        }
    }
}

/// Docker's `Created` or `StartedAt`, cut to the second: file times are not finer everywhere. Unreadable means long ago.
pub(crate) fn moment(text: &str) -> SystemTime {
    let second = text.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second);
    let since = u64::try_from(second).unwrap_or(0);
    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(since)
}
