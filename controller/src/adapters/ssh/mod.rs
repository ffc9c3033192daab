//! Hosts over SSH: connect as strictly as `ssh` does, log in, run agents on channels of the one connection.
//!
//! The only place that knows russh. Settings come from `config`, known keys from `known_hosts`; the agent is put in
//! place by `launch`.

mod authenticate;
mod certificates;
mod channel;
mod client;
mod config;
mod connection;
mod dial;
mod further;
mod host_keys;
mod identities;
mod known_hosts;
mod routes;
mod session;
#[cfg(test)]
mod tests;
mod transport;

pub use config::{
    ConfigError, ConfigErrors, ConfigFiles, Destination, Environment, HONOURED, LocalUser, Tables, list,
};
pub use identities::Prompter;
pub use known_hosts::KnownHosts;
pub use transport::{SshOptions, SshTransport};
