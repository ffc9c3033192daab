//! `omsctl ha`: OMS's own high availability.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::HaRequest;
use super::globals::GlobalArguments;

const HA_EXAMPLES: &str = "\
OMS keeps the switch in the parameter ha.config. The vendor documents one way to change it: the console, System
Management > System Parameters. So enable and disable say what to set there; with --write-metadb omsctl writes it
into the MetaDB itself, which is not documented by the vendor. The former text goes into the history (omsctl show).

Exit code: 0 done, 1 not written, 2 wrong input, 3 refused, 4 no host or no MetaDB answers, 5 another rollout holds the
           hosts, 130 interrupted.

Examples:
  omsctl ha status
  omsctl ha enable --hosts
  omsctl ha enable --after-outage 1h --write-metadb
  omsctl ha disable --write-metadb --yes
";

#[derive(Debug, Args)]
#[command(after_help = HA_EXAMPLES)]
pub(super) struct HaArguments {
    #[command(subcommand)]
    command: HaCommand,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

#[derive(Debug, Subcommand)]
enum HaCommand {
    /// Show what ha.config says, and what that means for these hosts
    Status(HaStatusArguments),
    /// Turn HA on
    Enable(EnableArguments),
    /// Turn HA off, as before an upgrade
    Disable(DisableArguments),
}

#[derive(Debug, Args)]
struct HaStatusArguments {
    #[command(flatten)]
    globals: GlobalArguments,
}

#[derive(Debug, Args)]
struct EnableArguments {
    /// Also act when a whole machine dies (enableHost)
    #[arg(long)]
    hosts: bool,
    /// OMS was down for so long: new Stores go back that far and 30 minutes (refetchStoreIntervalMin)
    #[arg(long, value_name = "DURATION", value_parser = super::rollout::duration)]
    after_outage: Option<Duration>,
    /// Write it into the MetaDB, instead of only saying what to set in the console
    #[arg(long)]
    write_metadb: bool,
    #[command(flatten)]
    globals: GlobalArguments,
}

#[derive(Debug, Args)]
struct DisableArguments {
    /// Write it into the MetaDB, instead of only saying what to set in the console
    #[arg(long)]
    write_metadb: bool,
    #[command(flatten)]
    globals: GlobalArguments,
}

impl HaArguments {
    /// The options after the second word, and what is asked for.
    pub(super) fn into_request(self) -> (GlobalArguments, HaRequest) {
        match self.command {
            HaCommand::Status(own) => (own.globals, HaRequest::Status),
            HaCommand::Enable(own) => (
                own.globals,
                HaRequest::Set {
                    enable: true,
                    hosts: own.hosts.then_some(true),
                    after_outage: own.after_outage,
                    write_metadb: own.write_metadb,
                },
            ),
            HaCommand::Disable(own) => (
                own.globals,
                HaRequest::Set {
                    enable: false,
                    hosts: None,
                    after_outage: None,
                    write_metadb: own.write_metadb,
                },
            ),
        }
    }
}
