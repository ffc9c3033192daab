//! Commands for what is there already: `stop`, `start`, `restart`, `remove`.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use omsctl_proto::NodeName;

use super::globals::GlobalArguments;
use super::{Command, LifecycleRequest, LifecycleVerb};

/// What all of them take.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Wait so long for another rollout to end, for instance 30m, instead of refusing
    #[arg(long, value_name = "DURATION", value_parser = super::rollout::duration)]
    wait: Option<Duration>,
    /// End another rollout (its agents stop after the step they are in) and go on with this
    #[arg(long)]
    take_over: bool,
}

impl Common {
    pub(super) fn into_command(
        self,
        verb: LifecycleVerb,
        allow_outage: bool,
        give_up: BTreeSet<NodeName>,
    ) -> Command {
        let Self { wait, take_over } = self;
        Command::Lifecycle(LifecycleRequest { verb, allow_outage, wait, take_over, give_up })
    }
}

const STOP_EXAMPLES: &str = "\
The containers stay on their hosts with everything in them; omsctl start starts them again, and so does omsctl apply.
When no healthy host would be left in a region, it is refused, unless with --allow-outage. An initialisation that runs
is never interrupted. No image and no certificate is needed here.

Exit code: 0 done, 1 a host failed, 2 wrong input, 3 refused and nothing was changed, 4 a host is unreachable,
           5 another rollout holds the hosts, 130 interrupted.

Examples:
  omsctl stop --limit node3
  omsctl stop --allow-outage --yes
";

#[derive(Debug, Args)]
#[command(after_help = STOP_EXAMPLES)]
pub(super) struct StopArguments {
    /// Also when no healthy host is left
    #[arg(long)]
    allow_outage: bool,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl StopArguments {
    pub(super) fn into_command(self) -> Command {
        self.common.into_command(LifecycleVerb::Stop, self.allow_outage, BTreeSet::new())
    }
}

const START_EXAMPLES: &str = "\
Starts the containers that do not run, and waits until OMS is healthy in them and registered in the MetaDB.
One that was never initialised is left to omsctl apply.

Exit code: 0 done, 1 a host failed, 2 wrong input, 3 refused and nothing was changed, 4 a host is unreachable,
           5 another rollout holds the hosts, 130 interrupted.

Examples:
  omsctl start
  omsctl start --limit node3
";

#[derive(Debug, Args)]
#[command(after_help = START_EXAMPLES)]
pub(super) struct StartArguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl StartArguments {
    pub(super) fn into_command(self) -> Command {
        self.common.into_command(LifecycleVerb::Start, false, BTreeSet::new())
    }
}

const RESTART_EXAMPLES: &str = "\
One host after the other: the next one begins when the one before is healthy and registered again. When one does not
come back, the others are left as they are. A host that serves alone is not restarted, unless with --allow-outage.

Exit code: 0 done, 1 a host failed, 2 wrong input, 3 refused and nothing was changed, 4 a host is unreachable,
           5 another rollout holds the hosts, 130 interrupted.

Examples:
  omsctl restart
  omsctl restart --limit 'oms:!node1' --yes
";

#[derive(Debug, Args)]
#[command(after_help = RESTART_EXAMPLES)]
pub(super) struct RestartArguments {
    /// Also when nobody serves meanwhile
    #[arg(long)]
    allow_outage: bool,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl RestartArguments {
    pub(super) fn into_command(self) -> Command {
        self.common.into_command(LifecycleVerb::Restart, self.allow_outage, BTreeSet::new())
    }
}

const REMOVE_EXAMPLES: &str = "\
While the host's line is still in the inventory: its container is stopped and set aside, its row leaves the
table `host` of the CM database, and the hosts that stay get the shorter cm_nodes one after the other. Then delete its
line, or the next omsctl apply adds the host again. Take it out of your load balancer before.

A host on which components of links run is not removed, unless with --allow-outage. One that does not answer is not
removed, unless with --give-up, and not while the MetaDB hears it.

Exit code: 0 done, 1 a host failed, 2 wrong input, 3 refused and nothing was changed, 4 a host is unreachable,
           5 another rollout holds the hosts, 130 interrupted.

Examples:
  omsctl remove node4
  omsctl remove node4 --give-up node4    its machine is gone for good
";

#[derive(Debug, Args)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(super) struct RemoveArguments {
    /// The hosts to take out, by their names in the inventory
    #[arg(value_name = "HOST", required = true, value_parser = super::setup::host)]
    hosts: Vec<NodeName>,
    /// This host never comes back: its row leaves the MetaDB without a word from it. May be repeated
    #[arg(long, value_name = "HOST", value_parser = super::setup::host)]
    give_up: Vec<NodeName>,
    /// Also when components of links run there, or no healthy host is left
    #[arg(long)]
    allow_outage: bool,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl RemoveArguments {
    pub(super) fn into_command(self) -> Command {
        let verb = LifecycleVerb::Remove(self.hosts.into_iter().collect());
        self.common.into_command(verb, self.allow_outage, self.give_up.into_iter().collect())
    }
}
