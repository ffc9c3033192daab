//! Commands that change OMS's version: `upgrade`, `rollback`.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::Args;
use omsctl_proto::RunId;

use super::ApplyRequest;
use super::globals::GlobalArguments;

/// What both take.
#[derive(Debug, Args)]
struct Common {
    /// Wait so long for another rollout to end, for instance 30m, instead of refusing
    #[arg(long, value_name = "DURATION", value_parser = super::rollout::duration)]
    wait: Option<Duration>,
    /// End another rollout (its agents stop after the step they are in) and go on with this
    #[arg(long)]
    take_over: bool,
    /// Go on in the background, without this terminal; omsctl attach follows it
    #[arg(long)]
    detach: bool,
    #[arg(long, value_name = "RUN", value_parser = super::observe::run, hide = true)]
    background: Option<RunId>,
}

impl Common {
    fn into_request(self) -> ApplyRequest {
        ApplyRequest {
            wait: self.wait,
            take_over: self.take_over,
            detach: self.detach,
            background: self.background,
            ..ApplyRequest::default()
        }
    }
}

const UPGRADE_EXAMPLES: &str = "\
Name the new image in the inventory (oms_image_archive or oms_image), then run this. All hosts
together, since versions are never mixed: each loads the image while OMS still runs; OMS stops
on all; the heartbeat sequence is purged and the databases are dumped on the first host, each
file proved whole; then every host gets a container of the new version, which is initialised,
one schema step at a time. The former containers stay, stopped, as NAME-RUN.
HA has to be off before (omsctl ha disable). Paths that OMS's manuals forbid are refused.

Whatever interrupts it, omsctl upgrade goes on and omsctl rollback goes back. Dumps lie in
/var/lib/omsctl/dumps/RUN on the first host, mode 0600, and are never deleted by omsctl.

Exit code: 0 done, 1 a host failed, 2 wrong input, 3 refused and nothing was changed,
           4 a host is unreachable, 5 another rollout holds the hosts,
           130 interrupted or detached.

Examples:
  omsctl upgrade
  omsctl upgrade --bandwidth 20MiB/s --detach
";

#[derive(Debug, Args)]
#[command(after_help = UPGRADE_EXAMPLES)]
pub(super) struct UpgradeArguments {
    /// Send images from the bastion no faster than this, all hosts together, for instance 20MiB/s
    #[arg(long, value_name = "RATE", value_parser = super::rollout::rate)]
    bandwidth: Option<NonZeroU64>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl UpgradeArguments {
    pub(super) fn into_request(self) -> ApplyRequest {
        ApplyRequest { bandwidth: self.bandwidth, ..self.common.into_request() }
    }
}

const ROLLBACK_EXAMPLES: &str = "\
Back to before the last upgrade: OMS stops on all hosts, the databases are made anew from the
dump, and the former containers run again under their name. What OMS wrote since the dump is
lost. Containers of the new version stay, stopped, as NAME-RUN. When no new container was made
yet, it only starts the former ones. No image is needed. HA has to be off before.

Exit code: 0 done, 1 a host failed, 2 wrong input, 3 refused and nothing was changed,
           4 a host is unreachable, 5 another rollout holds the hosts,
           130 interrupted or detached.

Examples:
  omsctl rollback
";

#[derive(Debug, Args)]
#[command(after_help = ROLLBACK_EXAMPLES)]
pub(super) struct RollbackArguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl RollbackArguments {
    pub(super) fn into_request(self) -> ApplyRequest {
        self.common.into_request()
    }
}
