//! Commands for machines and shells: `schema`, `completion`.

use clap::Args;
use clap_complete::Shell;

use super::SchemaName;
use super::globals::GlobalArguments;

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
