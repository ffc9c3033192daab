//! The end-to-end suite: what operators do with the built `omsctl`, on real hosts, judged by what is really there
//! afterwards. One file a story. It never looks into omsctl: only at its words, the hosts, the databases and the judge.
//!
//! `cargo test --test e2e` runs it, on the rig that `OMSCTL_RIG` names or on one of its own.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what is wrong by ending")]

mod adopt;
mod again;
mod bad_input;
mod bundle;
mod checks;
mod delivery;
mod destroy;
mod detached;
mod evidence;
mod faults;
mod first_rollout;
mod full_disk;
mod https;
mod idle;
mod init_faults;
mod interrupted;
mod join;
mod lifecycle;
mod log_in;
mod newer_docker;
mod operator;
mod other_machines;
mod outcome;
mod password;
mod pseudoterminal;
mod refusals;
mod regions;
mod repair;
mod running;
mod scale_out;
mod secrets;
mod self_initialising;
mod single_to_many;
mod stage;
mod state_mysql;
mod survive;
mod terminal;
mod tsdb;
mod upgrade;
mod virtual_ip;
