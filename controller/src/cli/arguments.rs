//! The command line as clap reads it, and its conversion to a request.

use clap::{Parser, Subcommand};

use super::adopt::AdoptArguments;
use super::destroy::DestroyArguments;
use super::globals::GlobalArguments;
use super::high_availability::HaArguments;
use super::lifecycle::{RemoveArguments, RestartArguments, StartArguments, StopArguments};
use super::observe::{HistoryArguments, ShowArguments, StatusArguments};
use super::reference::{CompletionArguments, ManArguments, SchemaArguments};
use super::rollout::{AgentsArguments, ApplyArguments, AttachArguments, CheckArguments, PlanArguments};
use super::setup::{ConfigArguments, ConfigCommand, InitArguments, InventoryArguments, SshConfigArguments};
use super::support::{BundleArguments, LogsArguments};
use super::version::{RollbackArguments, UpgradeArguments};
use super::{Command, Globals, Request};

const ABOUT: &str = "\
Rolls OceanBase Migration Service (OMS) Community Edition out on many hosts with one command.

It reads an inventory of hosts (Ansible's format) and OMS's own config.yaml, connects over SSH, and works on all \
hosts side by side. The files say what should be: apply makes it so, and does nothing where it is so already.";

const EXAMPLES: &str = "\
Begin here:
  omsctl init 10.0.0.11 10.0.0.12 10.0.0.13   write inventory.ini and config.yaml, then edit both
  omsctl check                                are the hosts fit for it?
  omsctl plan                                 what would change, and why
  omsctl apply                                make it so
  omsctl status                               what is there now

Results go to stdout, progress and messages to stderr.
'omsctl COMMAND --help' has examples and exit codes.
";

#[derive(Debug, Parser)]
#[command(
    name = "omsctl",
    version,
    about = ABOUT,
    after_help = EXAMPLES,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(super) struct Arguments {
    #[command(flatten)]
    globals: GlobalArguments,
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Write a commented inventory.ini and config.yaml to start from; never overwrites
    Init(InitArguments),
    /// Write both files from what runs on hosts that were set up by hand or by OBD
    Adopt(AdoptArguments),
    /// Check every host before anything is changed
    Check(CheckArguments),
    /// Show what apply would change, per host, with the reason for each step
    Plan(PlanArguments),
    /// Make it so: first rollout, more hosts, new configuration, repair
    Apply(ApplyArguments),
    /// Stop OMS on the hosts of --limit
    Stop(StopArguments),
    /// Start OMS again on hosts where it was stopped
    Start(StartArguments),
    /// Restart OMS, one host after the other
    Restart(RestartArguments),
    /// Take hosts out of the cluster
    Remove(RemoveArguments),
    /// Bring all hosts to the version of the wanted image
    Upgrade(UpgradeArguments),
    /// Go back to before the last upgrade
    Rollback(RollbackArguments),
    /// End the whole cluster: remove what omsctl made, and nothing else
    Destroy(DestroyArguments),
    /// Show OMS's high availability, or turn it on and off
    Ha(HaArguments),
    /// Follow a rollout that is under way, and lead it when nobody else does
    Attach(AttachArguments),
    /// List the agents that are on the hosts, or end those that are left
    Agents(AgentsArguments),
    /// Show what is on each host now
    Status(StatusArguments),
    /// Show OMS's own logs of a host, and what is added to them
    Logs(LogsArguments),
    /// Collect logs and states of all hosts in one file for support, without secrets
    Bundle(BundleArguments),
    /// List former runs
    History(HistoryArguments),
    /// Replay what happened in a run
    Show(ShowArguments),
    /// Show how the inventory was understood
    Inventory(InventoryArguments),
    #[command(about = "Show how ssh_config was understood for a host, as ssh -G does")]
    SshConfig(SshConfigArguments),
    /// Show how config.yaml was understood
    Config(ConfigArguments),
    /// Print the JSON Schema of the events
    Schema(SchemaArguments),
    /// Print a completion script for a shell
    Completion(CompletionArguments),
    /// Print the manual page, or write those of all commands
    Man(ManArguments),
}

impl Arguments {
    pub(super) fn into_request(self, typed: String) -> Request {
        let before = self.globals;
        let (globals, command) = match self.command {
            Subcommands::Init(own) => with(before, own.globals.clone(), Command::Init(own.into_request())),
            Subcommands::Adopt(own) => with(before, own.globals.clone(), Command::Adopt(own.into_request())),
            Subcommands::Check(own) => with(before, own.globals, Command::Check { fix: own.fix }),
            Subcommands::Plan(own) => with(before, own.globals.clone(), Command::Plan(own.into_request())),
            Subcommands::Apply(own) => with(before, own.globals.clone(), Command::Apply(own.into_request())),
            Subcommands::Stop(own) => with(before, own.globals.clone(), own.into_command()),
            Subcommands::Start(own) => with(before, own.globals.clone(), own.into_command()),
            Subcommands::Restart(own) => with(before, own.globals.clone(), own.into_command()),
            Subcommands::Remove(own) => with(before, own.globals.clone(), own.into_command()),
            Subcommands::Upgrade(own) => {
                with(before, own.globals.clone(), Command::Upgrade(own.into_request()))
            }
            Subcommands::Rollback(own) => {
                with(before, own.globals.clone(), Command::Rollback(own.into_request()))
            }
            Subcommands::Destroy(own) => with(before, own.globals.clone(), own.into_command()),
            Subcommands::Ha(own) => {
                let before = before.then(own.globals.clone());
                let (after, request) = own.into_request();
                with(before, after, Command::HighAvailability(request))
            }
            Subcommands::Attach(own) => {
                with(before, own.globals.clone(), Command::Attach(own.into_request()))
            }
            Subcommands::Agents(own) => {
                with(before, own.globals.clone(), Command::Agents(own.into_request()))
            }
            Subcommands::Status(own) => {
                with(before, own.globals.clone(), Command::Status(own.into_request()))
            }
            Subcommands::Logs(own) => with(before, own.globals.clone(), Command::Logs(own.into_request())),
            Subcommands::Bundle(own) => {
                with(before, own.globals.clone(), Command::Bundle(own.into_request()))
            }
            Subcommands::History(own) => {
                with(before, own.globals.clone(), Command::History(own.into_request()))
            }
            Subcommands::Show(own) => with(before, own.globals.clone(), Command::Show(own.into_request())),
            Subcommands::Inventory(own) => inventory(before, own),
            Subcommands::SshConfig(own) => {
                with(before, own.globals.clone(), Command::SshConfig(own.into_request()))
            }
            Subcommands::Config(own) => config(before, own),
            Subcommands::Schema(own) => with(before, own.globals, Command::Schema(own.name)),
            Subcommands::Man(own) => with(before, own.globals.clone(), Command::Man(own.into_request())),
            Subcommands::Completion(own) => with(before, own.globals, Command::Completion(own.shell)),
        };
        Request { globals, command, typed }
    }
}

fn with(before: GlobalArguments, after: GlobalArguments, command: Command) -> (Globals, Command) {
    (before.then(after).into_globals(), command)
}

fn inventory(before: GlobalArguments, own: InventoryArguments) -> (Globals, Command) {
    let globals = before.then(own.globals.clone()).into_globals();
    let request = own.into_request(globals.format);
    (globals, Command::Inventory(request))
}

fn config(before: GlobalArguments, own: ConfigArguments) -> (Globals, Command) {
    let ConfigCommand::Render(render) = own.command;
    with(before.then(own.globals), render.globals.clone(), Command::ConfigRender(render.into_request()))
}
