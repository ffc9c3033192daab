//! The control channel: answers questions, starts daemons, and carries frames between a controller and a daemon.
//!
//! It holds nothing that matters: when it ends, the daemon goes on.

mod attach;
mod control;
mod endings;
mod hold;
mod host;
mod logs;
mod probe;
mod reach;
mod stale_agents;
mod start;

pub use control::{SessionError, session};
