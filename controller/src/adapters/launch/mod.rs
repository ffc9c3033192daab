//! Puts the agent in place on a host and starts it, over whatever runs commands there: one command, one round trip
//! when the host has the agent already.
//!
//! Knows neither SSH nor child processes: see [`Spawn`]. What is agreed with the shell over there is in `script`.

mod dialogue;
mod launcher;
mod process;
mod script;
mod stream;

pub(crate) use launcher::Launcher;
pub(crate) use process::{Ended, Process, Spawn, StderrTail};
