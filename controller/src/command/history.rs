//! `omsctl history`: the runs that this bastion, or the shared database, remembers.

use super::World;
use crate::cli::{Format, HistoryRequest};
use crate::exit::Exit;
use crate::report::{HistoryDocument, history_text};

pub async fn history(world: &World, request: &HistoryRequest) -> Exit {
    let store = match &world.state {
        Ok(store) => store,
        Err(error) => {
            world.out.message(&format!("error: {}", error.one_line()));
            return Exit::Failed;
        }
    };
    let runs = match store.runs(request.last).await {
        Ok(runs) => runs,
        Err(error) => {
            let report = omsctl_proto::ErrorReport::from_error(omsctl_proto::ErrorCode::State, &error);
            world.out.message(&format!("error: {}", report.one_line()));
            return Exit::Failed;
        }
    };
    let document = HistoryDocument::new(&runs);
    let written = match world.globals.format {
        Format::Human => world.out.result(&history_text(&document, world.out.style())),
        Format::Json => world.out.document(&document),
        Format::Jsonl => document.runs.iter().try_for_each(|run| world.out.line(run)),
    };
    if written.is_ok() { Exit::Done } else { Exit::Failed }
}
