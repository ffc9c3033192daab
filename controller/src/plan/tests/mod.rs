//! The planner's promises, one file a subject. Everything goes through [`super::plan`] as a command would call it.

mod addresses;
mod checks;
mod cluster;
mod destruction;
mod lifecycle;
mod more_checks;
mod properties;
mod regions;
mod removal;
mod repair;
mod rollout;
mod scale_out;
mod status;
mod virtual_ip;
