//! `cargo rig`: the rig of real hosts by hand. It only translates between the command line and the library.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand, ValueEnum};
use system_tests::rig::{
    Fault, FaultMode, HostDocker, MetaDbKind, Node, OmsImage, Options, Rig, RigError, Step,
};

/// Real hosts on one machine, to point omsctl at. See tests/rig/README.md.
#[derive(Debug, Parser)]
#[command(name = "cargo rig")]
struct Arguments {
    /// The instance; its files are in target/rig/NAME.
    #[arg(long, global = true, default_value = "demo")]
    name: String,
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Server {
    Seekdb,
    Mariadb,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Bring up this many hosts, a MetaDB and a virtual address; what is there is reused.
    Up {
        nodes: usize,
        /// How many of them inventory.ini lists [default: all].
        #[arg(long)]
        listed: Option<usize>,
        /// The server of the MetaDB.
        #[arg(long, value_enum, default_value = "seekdb")]
        metadb: Server,
        /// The hosts' Debian and so their Docker: 12 has 20.10, 13 has 26.1.
        #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u8).range(12..=13))]
        debian: u8,
        /// Images in containerd's store instead of Docker's own; takes Debian 13.
        #[arg(long)]
        containerd_store: bool,
        /// A MariaDB beside it, for `--state mysql://…`.
        #[arg(long)]
        mariadb: bool,
    },
    /// Bring up one more host; inventory.ini stays, its new line is printed.
    Add,
    /// Remove everything of the instance.
    Down,
    /// Say what there is.
    Status,
    /// Empty the hosts and the databases.
    Reset {
        /// Remove the hosts' images too.
        #[arg(long)]
        images: bool,
    },
    /// Log in to a host, or run a command there.
    Ssh {
        node: String,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Cut a host's network: packets vanish.
    Cut { node: String },
    /// Give it back.
    Heal { node: String },
    /// Pull a host's plug.
    Kill { node: String },
    /// Switch it on again.
    Start { node: String },
    /// Set how long steps take: `check|schema|config|restart|resource=SECONDS`.
    Timing { settings: Vec<String> },
    /// Break a step: `STEP=fail|hang`, on one host or all, once or always.
    Fault {
        setting: String,
        /// The host [default: all].
        #[arg(long)]
        node: Option<String>,
        /// How often [default: always].
        #[arg(long)]
        times: Option<u32>,
    },
    /// Take all faults away.
    Mend,
    /// Print what the stand-in's judge wrote down.
    Judge,
    /// Make the archives of all stand-in images.
    Images,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("rig: {error}"));
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                say(&format!("  because {error}"));
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Progress and complaints, for people.
fn say(line: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Results.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn run(arguments: &Arguments) -> Result<ExitCode, RigError> {
    let name = &arguments.name;
    match &arguments.command {
        Action::Up { nodes, listed, metadb, debian, containerd_store, mariadb } => {
            let metadb = match metadb {
                Server::Seekdb => MetaDbKind::Seekdb,
                Server::Mariadb => MetaDbKind::Mariadb,
            };
            let listed = listed.unwrap_or(*nodes);
            let docker = match (debian, containerd_store) {
                (12, false) => HostDocker::Debian12,
                (12, true) => {
                    let text = "Docker 20.10 keeps images in its own store only: add `--debian 13`";
                    return Err(RigError::Usage(text.to_owned()));
                }
                (_, false) => HostDocker::Debian13,
                (_, true) => HostDocker::Debian13Containerd,
            };
            let options = Options {
                listed,
                docker,
                metadb,
                mariadb: *mariadb,
                progress: say,
                ..Options::new(name, *nodes)
            };
            print(&Rig::up(&options)?.report()?.to_string());
        }
        Action::Down => Rig::down(name)?,
        Action::Ssh { node, command } => return ssh(&Rig::attach(name)?, node, command),
        Action::Images => {
            let rig = Rig::attach(name)?;
            for image in OmsImage::ALL {
                print(&format!("{} {}", rig.archive(image)?.display(), image.reference()));
            }
            print(&rig.archive_gzip(OmsImage::Script)?.display().to_string());
        }
        other => on_rig(&Rig::attach(name)?, name, other)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn on_rig(rig: &Rig, name: &str, action: &Action) -> Result<(), RigError> {
    match action {
        Action::Add => add(rig, name),
        Action::Status => {
            print(&rig.report()?.to_string());
            Ok(())
        }
        Action::Reset { images } => rig.reset(*images),
        Action::Cut { node } => rig.node(node)?.cut(),
        Action::Heal { node } => rig.node(node)?.heal(),
        Action::Kill { node } => rig.node(node)?.kill(),
        Action::Start { node } => rig.node(node)?.start(),
        Action::Timing { settings } => timing(rig, settings),
        Action::Fault { setting, node, times } => fault(rig, setting, node.as_deref(), *times),
        Action::Mend => rig.clear_faults(),
        Action::Judge => {
            for record in rig.judge()? {
                let mark = if record.violation { "VIOLATION " } else { "" };
                print(&format!(
                    "{} {} {} {mark}{} {}",
                    record.at, record.host, record.container, record.kind, record.detail
                ));
            }
            Ok(())
        }
        Action::Up { .. } | Action::Down | Action::Ssh { .. } | Action::Images => Ok(()),
    }
}

fn add(rig: &Rig, name: &str) -> Result<(), RigError> {
    let inventory = std::fs::read_to_string(rig.inventory());
    let config = std::fs::read_to_string(rig.config());
    let count = rig.nodes().len() + 1;
    let options = Options { progress: say, ..Options::new(name, count) };
    let options = Options { metadb: rig.metadb().kind(), ..options };
    let grown = Rig::up(&options)?;
    // What the operator wrote stays.
    for (path, text) in [(rig.inventory(), inventory), (rig.config(), config)] {
        if let Ok(text) = text {
            std::fs::write(&path, text).map_err(|source| RigError::File { what: "write", path, source })?;
        }
    }
    let node = grown.node(&format!("node{count}"))?;
    print(&format!("{} ansible_host={}", node.name(), node.address()));
    Ok(())
}

fn timing(rig: &Rig, settings: &[String]) -> Result<(), RigError> {
    let mut seconds = Vec::new();
    for setting in settings {
        let parsed =
            setting.split_once('=').and_then(|(step, value)| Some((step, value.parse::<f64>().ok()?)));
        seconds.push(parsed.ok_or_else(|| RigError::Usage(format!("`{setting}` is not STEP=SECONDS")))?);
    }
    rig.timing(&seconds)
}

fn fault(rig: &Rig, setting: &str, node: Option<&str>, times: Option<u32>) -> Result<(), RigError> {
    let names = Step::ALL.map(Step::name).join(", ");
    let wrong = || RigError::Usage(format!("`{setting}` is not STEP=fail or STEP=hang; steps are {names}"));
    let (step, mode) = setting.split_once('=').ok_or_else(wrong)?;
    let step = Step::ALL.into_iter().find(|known| known.name() == step).ok_or_else(wrong)?;
    let mode = match mode {
        "fail" => FaultMode::Fail,
        "hang" => FaultMode::Hang,
        _ => return Err(wrong()),
    };
    let host = node.map_or(Ok("*"), |node| rig.node(node).map(Node::address))?;
    rig.fault(&Fault { step, host, mode, times })
}

fn ssh(rig: &Rig, node: &str, command: &[String]) -> Result<ExitCode, RigError> {
    let name = rig.node(node)?.name();
    // Becomes ssh: its terminal, signals and status are the caller's.
    let source = Command::new("ssh").arg("-F").arg(rig.ssh_config()).arg(name).args(command).exec();
    Err(RigError::NotStarted { program: "ssh".to_owned(), source })
}
