//! The planner's promises, one file a subject. Everything goes through [`super::plan`] as a command would call it.

mod addresses;
mod checks;
mod cluster;
mod destruction;
mod https;
mod lifecycle;
mod more_checks;
mod moving;
mod properties;
mod regions;
mod removal;
mod repair;
mod rollout;
mod rotation;
mod scale_out;
mod status;
mod tsdb;
mod upgrade;
mod virtual_ip;
