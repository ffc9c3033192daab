//! Commands that only look: `status`, `history`, `show`.

use clap::Args;
use omsctl_proto::RunId;

use super::globals::GlobalArguments;
use super::{HistoryRequest, ShowRequest, StatusRequest};

const STATUS_EXAMPLES: &str = "\
What is shown was observed just now, never remembered.
Exit code: 0, 2 wrong input, 4 a host is unreachable.

Examples:
  omsctl status
  omsctl status --watch
  omsctl status --format json
";

#[derive(Debug, Args)]
#[command(after_help = STATUS_EXAMPLES)]
pub(super) struct StatusArguments {
    /// Look again every two seconds until Ctrl-C
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl StatusArguments {
    pub(super) fn into_request(self) -> StatusRequest {
        StatusRequest { watch: self.watch }
    }
}

#[derive(Debug, Args)]
pub(super) struct HistoryArguments {
    /// List the newest N runs
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    last: u32,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl HistoryArguments {
    pub(super) fn into_request(self) -> HistoryRequest {
        HistoryRequest { last: self.last }
    }
}

const SHOW_EXAMPLES: &str = "\
Examples:
  omsctl show 20261122t173512-3f9a2c
  omsctl show 20261122t173512-3f9a2c --format jsonl
";

#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(super) struct ShowArguments {
    /// The run, as omsctl history lists it
    #[arg(value_name = "RUN", value_parser = run)]
    run: RunId,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl ShowArguments {
    pub(super) fn into_request(self) -> ShowRequest {
        ShowRequest { run: self.run }
    }
}

pub(super) fn run(text: &str) -> Result<RunId, String> {
    RunId::new(text).map_err(|error| error.to_string())
}
