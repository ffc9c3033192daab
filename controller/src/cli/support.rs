//! Commands for whoever looks for a trouble: `logs`, `bundle`.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use omsctl_proto::{LogPart, NodeName};

use super::globals::GlobalArguments;
use super::{BundleRequest, LogsRequest};

const LOGS_EXAMPLES: &str = "\
OMS's own logs, read on the host without changing anything there. Without a part the ends of all
four are shown. Passwords that omsctl knows, and what is named like one, are shown as [removed].

Exit code: 0, 2 wrong input, 4 the host is unreachable, 130 interrupted.

Examples:
  omsctl logs node1
  omsctl logs node1 init -n 500
  omsctl logs node1 cm -f
";

#[derive(Debug, Args)]
#[command(after_help = LOGS_EXAMPLES)]
pub(super) struct LogsArguments {
    /// The host, by its name in the inventory
    #[arg(value_name = "HOST", value_parser = super::setup::host)]
    host: NodeName,
    #[arg(
        value_name = "PART",
        help = "Whose logs: docker_init.sh's, the cluster manager's, the console's, the supervisor's"
    )]
    part: Option<Part>,
    /// Go on with what is added, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Show the last N lines of each log
    #[arg(short = 'n', long, value_name = "N", default_value_t = 30)]
    lines: u32,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

// The names say it, and help stays on one line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Part {
    Init,
    Cm,
    Console,
    Supervisor,
}

impl LogsArguments {
    pub(super) fn into_request(self) -> LogsRequest {
        let part = self.part.map(|part| match part {
            Part::Init => LogPart::Init,
            Part::Cm => LogPart::Cm,
            Part::Console => LogPart::Console,
            Part::Supervisor => LogPart::Supervisor,
        });
        let lines = usize::try_from(self.lines).unwrap_or(usize::MAX);
        LogsRequest { host: self.host, part, follow: self.follow, lines }
    }
}

const BUNDLE_EXAMPLES: &str = "\
One tar.gz that only you can read: the ends of OMS's logs of every host of --limit, docker inspect
and the output of its containers, what omsctl sees on the hosts, config.yaml with its secrets
masked, and the events of omsctl's last ten runs. Nothing is changed on the hosts, and a file that
is there is not overwritten.

Passwords that omsctl knows (of config.yaml, of the inventory, those that were asked for), what is
named like one, values of containers' variables and private keys are replaced by [removed]. Look
through it before you give it away.

Exit code: 0 done, 1 the file cannot be written, 2 wrong input, 4 a host could not be reached and
           the others are in it, 130 interrupted.

Examples:
  omsctl bundle --output oms.tar.gz
  omsctl bundle --output node3.tar.gz --limit node3 --file-limit 64MiB
";

#[derive(Debug, Args)]
#[command(after_help = BUNDLE_EXAMPLES)]
pub(super) struct BundleArguments {
    /// Where to write it; by convention a name that ends with .tar.gz
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Take so much of the end of each log
    #[arg(long, value_name = "SIZE", default_value = "4MiB", value_parser = size)]
    file_limit: u64,
    /// Take so much of all logs together
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    total_limit: u64,
    #[command(flatten)]
    pub(super) globals: GlobalArguments,
}

impl BundleArguments {
    pub(super) fn into_request(self) -> BundleRequest {
        let Self { output, file_limit, total_limit, globals: _ } = self;
        BundleRequest { output, file_limit, total_limit }
    }
}

/// At most a gigabyte, since each log is held in memory while its secrets are looked for.
fn size(text: &str) -> Result<u64, String> {
    let size: ByteSize = text.parse().map_err(|_| "a size is wanted, like 4MiB".to_owned())?;
    let size = size.as_u64();
    if (1..=1 << 30).contains(&size) { Ok(size) } else { Err("at most 1GiB".to_owned()) }
}
