//! `omsctl destroy`.

use clap::Args;
use omsctl_proto::NodeName;

use super::globals::GlobalArguments;
use super::lifecycle::Common;
use super::{Command, Destroying, LifecycleVerb};

const DESTROY_EXAMPLES: &str = "\
On the hosts of --limit OMS's containers are stopped and removed, also those that omsctl has set
aside as NAME-RUN, and omsctl's keepalived is withdrawn. Every removal is listed before you are
asked. Images stay, and so does what is not omsctl's. A container of that name that is not one of
OMS, and an initialisation that runs, make it refuse.

--delete-data: the folders of logs, store and run, config.yaml and certificates go too, but for
what omsctl did not make: it marks what it makes. --drop-databases: the databases go too. Every
host of the inventory has to answer or to be given up, the MetaDB may show no other host that
lives, and the name of the rm database has to be typed, or given with --confirm; --yes is not
enough. There is no way back from either.

Exit code: 0 done, 1 a host failed, 2 wrong input, 3 refused and nothing was changed,
           4 a host is unreachable, 5 another rollout holds the hosts, 130 interrupted.

Examples:
  omsctl destroy
  omsctl destroy --delete-data --limit node3
  omsctl destroy --delete-data --drop-databases --confirm oms_rm --yes
";

#[derive(Debug, Args)]
#[command(after_help = DESTROY_EXAMPLES)]
pub(super) struct DestroyArguments {
    /// Remove OMS's files on the hosts too: logs, store, run, config.yaml, as far as omsctl made them
    #[arg(long)]
    delete_data: bool,
    /// Drop the databases rm, cm and every heartbeat database too, with all projects in them; not with --limit
    #[arg(long)]
    drop_databases: bool,
    /// The name of the rm database, instead of typing it when asked
    #[arg(long, value_name = "NAME", requires = "drop_databases")]
    confirm: Option<String>,
    /// This host does not answer and never comes back: go on without it. May be repeated
    #[arg(long, value_name = "HOST", value_parser = super::setup::host)]
    give_up: Vec<NodeName>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl DestroyArguments {
    pub(super) fn into_command(self) -> Command {
        let Self { delete_data, drop_databases, confirm, give_up, common, globals: _ } = self;
        let verb = LifecycleVerb::Destroy(Destroying { delete_data, drop_databases, confirm });
        common.into_command(verb, false, give_up.into_iter().collect())
    }
}
