//! Commands for machines, shells and readers: `schema`, `completion`, `man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::globals::GlobalArguments;
use super::{ManRequest, SchemaName};

#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Which schema: events is that of one line of --format jsonl
    #[arg(value_enum, value_name = "NAME", default_value_t = SchemaName::Events)]
    pub(super) name: SchemaName,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

const COMPLETION_EXAMPLES: &str = "\
Examples:
  omsctl completion bash > /etc/bash_completion.d/omsctl
  omsctl completion zsh > ~/.zfunc/_omsctl
";

#[derive(Debug, Args)]
#[command(after_help = COMPLETION_EXAMPLES)]
pub(super) struct CompletionArguments {
    /// The shell to complete in
    #[arg(value_enum, value_name = "SHELL")]
    pub(super) shell: Shell,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

const MAN_EXAMPLES: &str = "\
Examples:
  omsctl man | man -l -
  omsctl man --output /usr/local/share/man/man1
";

#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(super) struct ManArguments {
    /// Write the pages of all commands there, instead of printing that of omsctl
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl ManArguments {
    pub(super) fn into_request(self) -> ManRequest {
        ManRequest { output: self.output }
    }
}
