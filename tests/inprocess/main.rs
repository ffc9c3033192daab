//! The in-process suite: the controller's real commands and the agents' real sessions and daemons, joined by pipes in
//! memory, over simulated hosts on a paused clock. One file a story. It judges by what is there afterwards: containers,
//! files, the hosts' own event files, the history, and the judge that sees every initialisation.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what is wrong by ending")]

mod adopt;
mod agents;
#[path = "../simulated/bastion.rs"]
mod bastion;
mod bundle;
mod checks;
mod cluster;
mod commands;
mod controllers;
mod cuts;
mod destroy;
mod failures;
mod first_rollout;
#[path = "../simulated/fleet.rs"]
mod fleet;
#[path = "../simulated/history.rs"]
mod history;
mod lifecycle;
#[path = "../simulated/link.rs"]
mod link;
mod lost;
#[path = "../simulated/metadb.rs"]
mod metadb;
mod moving;
mod operators;
mod password;
mod registry;
mod relay;
mod repair;
mod scale_out;
mod tsdb;
mod upgrade;
