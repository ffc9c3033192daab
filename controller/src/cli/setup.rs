//! Commands about the files: `init`, `inventory`, `ssh-config`, `config render`.

use clap::{Args, Subcommand};
use omsctl_proto::NodeName;

use super::globals::GlobalArguments;
use super::{Format, InitRequest, InventoryRequest, InventoryView, RenderRequest, SshConfigRequest};

const INIT_EXAMPLES: &str = "\
Examples:
  omsctl init
  omsctl init 10.0.0.11 10.0.0.12 10.0.0.13
";

#[derive(Debug, Args)]
#[command(after_help = INIT_EXAMPLES)]
pub(super) struct InitArguments {
    /// Names or addresses of the hosts to begin with
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl InitArguments {
    pub(super) fn into_request(self) -> InitRequest {
        InitRequest { hosts: self.hosts }
    }
}

const INVENTORY_EXAMPLES: &str = "\
Examples:
  omsctl inventory --graph
  omsctl inventory --list -i hosts.yml
";

#[derive(Debug, Args)]
#[command(after_help = INVENTORY_EXAMPLES)]
pub(super) struct InventoryArguments {
    /// JSON as ansible-inventory --list prints it; the default with --format json and jsonl
    #[arg(long, conflicts_with = "graph")]
    list: bool,
    /// A tree as ansible-inventory --graph prints it; the default for people
    #[arg(long)]
    graph: bool,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl InventoryArguments {
    pub(super) fn into_request(self, format: Format) -> InventoryRequest {
        let view = match (self.list, self.graph, format) {
            (true, _, _) | (false, false, Format::Json | Format::Jsonl) => InventoryView::List,
            (false, true, _) | (false, false, Format::Human) => InventoryView::Graph,
        };
        InventoryRequest { view }
    }
}

const SSH_CONFIG_EXAMPLES: &str = "\
Reads ~/.ssh/config and /etc/ssh/ssh_config, or the file of --ssh-config, as ssh does, and prints what ssh -G prints for
every keyword that omsctl honours, ssh's own defaults included. When an inventory is there and names the host, its
ansible_host, ansible_port, ansible_user, ansible_ssh_private_key_file and ansible_ssh_common_args count like options
of ssh. Settings that omsctl does not honour are named on stderr. No host is contacted; Match exec runs its command.

Examples:
  omsctl ssh-config node1
  omsctl ssh-config node1 -i hosts.yml --format json
  omsctl ssh-config bastion.example.net --ssh-config ./ssh_config
";

#[derive(Debug, Args)]
#[command(after_help = SSH_CONFIG_EXAMPLES)]
pub(super) struct SshConfigArguments {
    /// A host of the inventory, or any name that ssh takes
    #[arg(value_name = "HOST")]
    host: String,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl SshConfigArguments {
    pub(super) fn into_request(self) -> SshConfigRequest {
        SshConfigRequest { host: self.host }
    }
}

#[derive(Debug, Args)]
pub(super) struct ConfigArguments {
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
    #[command(subcommand)]
    pub(super) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the config.yaml that a host gets, secrets masked
    Render(RenderArguments),
}

const RENDER_EXAMPLES: &str = "\
Examples:
  omsctl config render
  omsctl config render node1 --reveal
";

#[derive(Debug, Args)]
#[command(after_help = RENDER_EXAMPLES)]
pub(super) struct RenderArguments {
    /// The host whose file to print [default: every host of --limit]
    #[arg(value_name = "HOST", value_parser = host)]
    host: Option<NodeName>,
    /// Show passwords as they are
    #[arg(long)]
    reveal: bool,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl RenderArguments {
    pub(super) fn into_request(self) -> RenderRequest {
        RenderRequest { host: self.host, reveal: self.reveal }
    }
}

pub(super) fn host(text: &str) -> Result<NodeName, String> {
    NodeName::new(text).map_err(|error| error.to_string())
}
