//! Commands that roll out, or follow a rollout: `check`, `plan`, `apply`, `attach`, `agents`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use jiff::SignedDuration;
use omsctl_proto::{NodeName, RunId};

use super::globals::GlobalArguments;
use super::{AgentsRequest, ApplyRequest, AttachRequest, PlanRequest};

const CHECK_EXAMPLES: &str = "\
Every host is looked at, also when others are dead; and the hosts try each other, on OMS's ports.
Nothing is changed, unless with --fix: what is safe is named with the command that undoes it, asked
for and mended, and everything is looked at again. apply makes the same checks before any change.
Exit code: 0 all passed, 2 wrong input, 3 a check failed or a host does not answer.
           With --fix also 5 another rollout holds the hosts.

Examples:
  omsctl check
  omsctl check --fix
  omsctl check --limit node3 --format json
";

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(super) struct CheckArguments {
    #[arg(long, help = "Mend what is safe to mend: a stopped Docker, net.ipv4.tcp_tw_recycle")]
    pub(super) fix: bool,
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
    /// What apply --move-cm-url would do
    #[arg(long)]
    move_cm_url: bool,
    /// What apply --former-metadb-password-file would do
    #[arg(long, value_name = "FILE", conflicts_with = "move_cm_url")]
    former_metadb_password_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl PlanArguments {
    pub(super) fn into_request(self) -> PlanRequest {
        PlanRequest {
            move_cm_url: self.move_cm_url,
            former_metadb_password_file: self.former_metadb_password_file,
        }
    }
}

const APPLY_EXAMPLES: &str = "\
The same command does the first rollout, adds hosts, applies a new configuration and repairs: the files say
what should be. A second apply finds nothing to do. To add a host, add its line to the inventory.

Exit code: 0 done, 1 a host failed, 2 wrong input, 3 a check failed and nothing was changed,
           4 a host is unreachable, 5 another rollout holds the hosts, 130 interrupted or detached.
Ctrl-C once: no further gate opens, running steps are finished, the agents stay where they wait; the next apply
or omsctl attach goes on. Twice: the agents end after the step they are in. Three times: leave at once.

Examples:
  omsctl apply
  omsctl apply -i hosts.ini -c oms.yaml --yes
  omsctl apply --limit node4 --format jsonl --yes
";

#[derive(Debug, Args)]
#[command(after_help = APPLY_EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent flag")]
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
    /// Send images from the bastion no faster than this, all hosts together, for instance 20MiB/s
    #[arg(long, value_name = "RATE", value_parser = rate)]
    bandwidth: Option<NonZeroU64>,
    /// Whether hosts that receive the same image archive send it to each other, so that the bastion sends it once; off:
    /// the bastion sends it to each
    #[arg(long, value_name = "on|off", default_value = "on", action = clap::ArgAction::Set, value_parser = on_or_off)]
    relay: bool,
    /// Go on although the MetaDB holds a cluster that this inventory does not explain
    #[arg(long)]
    join_metadb: bool,
    /// For a changed `cm_url` of a cluster that runs, for instance from its only host to a virtual IP: stop its hosts, take
    /// the former one out of the MetaDB, initialise them again
    #[arg(long)]
    move_cm_url: bool,
    /// For a new `oms_meta_password` that the MetaDB does not have yet: set it there and on all hosts. FILE holds the former
    /// one, mode 0600; - asks for it
    #[arg(long, value_name = "FILE", conflicts_with = "move_cm_url")]
    former_metadb_password_file: Option<PathBuf>,
    /// Wait so long for another rollout to end, for instance 30m, instead of refusing
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    wait: Option<Duration>,
    /// End another rollout (its agents stop after the step they are in) and go on with these files
    #[arg(long)]
    take_over: bool,
    /// Wait no longer for this lost host, which may be in the schema step; refused while it has sessions in the
    /// MetaDB. May be repeated
    #[arg(long, value_name = "HOST", value_parser = super::setup::host)]
    give_up: Vec<NodeName>,
    /// Go on in the background, without this terminal; omsctl attach follows it
    #[arg(long)]
    detach: bool,
    #[arg(long, value_name = "RUN", value_parser = super::observe::run, hide = true)]
    background: Option<RunId>,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl ApplyArguments {
    pub(super) fn into_request(self) -> ApplyRequest {
        ApplyRequest {
            forks: self.forks,
            max_failures: self.max_failures,
            keep_going: self.keep_going,
            bandwidth: self.bandwidth,
            direct: !self.relay,
            join_metadb: self.join_metadb,
            move_cm_url: self.move_cm_url,
            former_metadb_password_file: self.former_metadb_password_file,
            wait: self.wait,
            take_over: self.take_over,
            give_up: self.give_up.into_iter().collect(),
            detach: self.detach,
            background: self.background,
        }
    }
}

const ATTACH_EXAMPLES: &str = "\
Shows the rollout from its beginning, then as it goes on. When nobody leads it any more, attach opens its gates;
with config.yaml at hand it also proves the hosts in the MetaDB. Ctrl-C leaves a rollout that another omsctl leads.
Exit code: as apply's.

Examples:
  omsctl attach
  omsctl attach 20261122t173512-3f9a2c --read-only
";

#[derive(Debug, Args)]
#[command(after_help = ATTACH_EXAMPLES)]
pub(super) struct AttachArguments {
    /// The run, as omsctl agents lists it [default: the newest that is under way]
    #[arg(value_name = "RUN", value_parser = super::observe::run)]
    run: Option<RunId>,
    /// Only follow: open no gate, also when nobody leads
    #[arg(long)]
    read_only: bool,
    /// When this one leads: send images from the bastion no faster than this, all hosts together, for instance 20MiB/s
    #[arg(long, value_name = "RATE", value_parser = rate)]
    bandwidth: Option<NonZeroU64>,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl AttachArguments {
    pub(super) fn into_request(self) -> AttachRequest {
        AttachRequest { run: self.run, read_only: self.read_only, bandwidth: self.bandwidth }
    }
}

const AGENTS_EXAMPLES: &str = "\
An agent leaves its host by itself: when its rollout has ended and that is known, or after a day at a gate.
With --reap those that are left are ended now, each after the step it is in. What came of an image stays on the
host for the next apply to go on from, unless it is reaped.
Exit code: 0, 2 wrong input, 4 a host is unreachable, 5 another omsctl leads them.

Examples:
  omsctl agents
  omsctl agents --reap --limit node3
";

#[derive(Debug, Args)]
#[command(after_help = AGENTS_EXAMPLES)]
pub(super) struct AgentsArguments {
    /// End the agents that are left, and remove what they leave behind, such as an image that was begun
    #[arg(long)]
    reap: bool,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl AgentsArguments {
    pub(super) fn into_request(self) -> AgentsRequest {
        AgentsRequest { reap: self.reap }
    }
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off is wanted".to_owned()),
    }
}

/// `20MiB/s`, `500kB/s`.
pub(super) fn rate(text: &str) -> Result<NonZeroU64, String> {
    let wanted = || "bytes in a second are wanted, like 20MiB/s or 500kB/s".to_owned();
    let size: ByteSize = text.strip_suffix("/s").ok_or_else(wanted)?.parse().map_err(|_| wanted())?;
    NonZeroU64::new(size.as_u64()).ok_or_else(wanted)
}

/// `90s`, `30m`, `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(parsed).map_err(|_| "a duration cannot be negative".to_owned())
}
