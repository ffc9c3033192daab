//! Commands that roll out: `check`, `plan`, `apply`.

use std::num::NonZeroUsize;

use clap::Args;

use super::ApplyRequest;
use super::globals::GlobalArguments;

const CHECK_EXAMPLES: &str = "\
Every host is looked at, also when others are dead. Nothing is changed.
Exit code: 0 all passed, 2 wrong input, 3 a check failed or a host does not answer.

Examples:
  omsctl check
  omsctl check --limit node3 --format json
";

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

const PLAN_EXAMPLES: &str = "\
Nothing is changed. Each step is listed with the reason for it.
Exit code: 0, 2 wrong input, 3 apply would refuse, 4 a host is unreachable.

Examples:
  omsctl plan
  omsctl plan --limit node4
";

#[derive(Debug, Args)]
#[command(after_help = PLAN_EXAMPLES)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

const APPLY_EXAMPLES: &str = "\
The same command does the first rollout, adds hosts, applies a new configuration and repairs: the files say
what should be. A second apply finds nothing to do. To add a host, add its line to the inventory.

Exit code: 0 done, 1 a host failed, 2 wrong input, 3 a check failed and nothing was changed,
           4 a host is unreachable, 5 another rollout holds the hosts, 130 interrupted.

Examples:
  omsctl apply
  omsctl apply -i hosts.ini -c oms.yaml --yes
  omsctl apply --limit node4 --format jsonl --yes
";

#[derive(Debug, Args)]
#[command(after_help = APPLY_EXAMPLES)]
pub(super) struct ApplyArguments {
    /// Work on at most N hosts at once [default: all]
    #[arg(long, value_name = "N")]
    forks: Option<NonZeroUsize>,
    /// After N failed hosts begin nothing more on the others [default: no limit]
    #[arg(long, value_name = "N")]
    max_failures: Option<NonZeroUsize>,
    /// Leave out a host that fails a check, instead of stopping before the first change
    #[arg(long)]
    keep_going: bool,
    /// Go on although the MetaDB holds a cluster that this inventory does not explain
    #[arg(long)]
    join_metadb: bool,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl ApplyArguments {
    pub(super) fn into_request(self) -> ApplyRequest {
        ApplyRequest {
            forks: self.forks,
            max_failures: self.max_failures,
            keep_going: self.keep_going,
            join_metadb: self.join_metadb,
        }
    }
}
