//! `omsctl show RUN`: what happened in a run, from its recorded events, as it was shown then.

use omsctl_proto::{ErrorCode, ErrorReport};

use super::World;
use crate::cli::{Format, ShowRequest};
use crate::exit::Exit;
use crate::report::{Reporter, ShowDocument};

pub async fn show(world: &World, request: &ShowRequest) -> Exit {
    let store = match &world.state {
        Ok(store) => store,
        Err(error) => {
            world.out.message(&format!("error: {}", error.one_line()));
            return Exit::Failed;
        }
    };
    let events = match store.events(&request.run).await {
        Ok(events) => events,
        Err(error) => {
            let report = ErrorReport::from_error(ErrorCode::State, &error);
            world.out.message(&format!("error: {}", report.one_line()));
            return Exit::Failed;
        }
    };
    if events.is_empty() {
        let run = &request.run;
        world.out.message(&format!(
            "error: there is no run {run} here; `omsctl history` lists those that there are"
        ));
        return Exit::Usage;
    }
    let mut reporter = match world.globals.format {
        Format::Human => Reporter::replay(&world.out),
        Format::Jsonl => Reporter::json_lines(&world.out),
        Format::Json => {
            let document = ShowDocument::new(request.run.clone(), events);
            return if world.out.document(&document).is_ok() { Exit::Done } else { Exit::Failed };
        }
    };
    for event in &events {
        if reporter.on_event(event).is_err() {
            return Exit::Failed;
        }
    }
    if reporter.finish(0).is_ok() { Exit::Done } else { Exit::Failed }
}
