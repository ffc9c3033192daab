//! The omsctl agent: looks at one host, walks the plan of one host, tells what happens. It knows no inventory, no SQL,
//! no SSH and no YAML.
//!
//! | module | what for |
//! |---|---|
//! | `session` | the control channel of one controller: questions, start, attach |
//! | `serve` | the daemon of one run: walk, journal, readers, orders |
//! | `connect`, `receive` | bytes: to a TCP address, into a waiting step |
//! | `delivery` | bytes of an image: kept on the host's disk, and from one agent to the next |
//! | `facts`, `action` | looking; doing, one action a file |
//! | `ports`, `adapters`, `fakes` | what a test replaces, the real things, their in-memory twins |
//!
//! Everything touches its host through [`World`], so that several hosts can live in one process of a test.

mod action;
mod adapters;
mod clock;
mod connect;
mod delivery;
mod door;
mod dumps;
mod facts;
#[cfg(any(test, feature = "fakes"))]
pub mod fakes;
mod influx;
mod init_log;
mod journal;
mod keepalived_conf;
mod log;
mod made;
mod oms_logs;
mod patience;
mod perform;
pub mod ports;
mod private_file;
mod receive;
mod run_folder;
#[cfg(test)]
mod scenarios;
mod serve;
mod session;
mod virtual_ip;
mod world;

pub use adapters::{DockerCli, LinuxHost, ports_answer};
pub use connect::connect;
pub use door::Daemons;
#[cfg(any(test, feature = "fakes"))]
pub use door::TaskDaemons;
pub use journal::JournalError;
pub use log::line as log_error;
pub use receive::receive;
pub use serve::{ServeError, serve};
pub use session::{SessionError, session};
pub use world::{Places, World};

/// Of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
