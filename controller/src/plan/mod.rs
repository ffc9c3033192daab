//! The planner: what was seen and what is wanted become steps with reasons, or refusals. Pure: no async, no clock, no
//! randomness, no input or output.
//!
//! [`facts_request`] says what has to be looked at; [`preflight`] judges the hosts; [`plan`] decides what to do;
//! [`status`] tells what is there. All four read the same [`Observed`].

mod addresses;
mod adoption;
mod certificate;
mod check_plan;
mod checks;
mod config;
mod container;
mod destruction;
mod findings;
mod gates;
mod giving_up;
mod goal;
mod ground;
mod high_availability;
mod image;
mod input;
mod lifecycle;
mod moving;
mod output;
mod ownership;
mod planner;
mod refusal;
mod registration;
mod registry;
mod relay;
mod removal;
mod rotation;
mod situation;
mod status;
mod steps;
mod tsdb;
mod upgrade;
mod version;
mod virtual_ip;
mod wanted;
mod warnings;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use addresses::{Addresses, resolve as resolve_addresses};
pub use adoption::{
    Adopted, AdoptedHost, Reading, SeenHost, certificate_file, find_container, look_at, look_for, look_into,
};
pub use check_plan::broken_rules;
pub use checks::{Mend, cluster_failed, failed_nodes, mends, passed, preflight};
pub use destruction::data_paths;
pub use giving_up::giving_up;
pub use goal::goal as goal_of;
pub use ground::{Ground, Place, ground};
pub use high_availability::{
    HaChange, HaField, HaHost, HighAvailability, changed_ha_config, ha_differences, high_availability,
};
pub use input::{Destruction, Goal, Observed, Purpose};
pub use output::{NodeSteps, Plan};
pub use planner::{plan, secrets};
pub use refusal::{Refusal, Refusals};
pub use registration::Registered;
pub use rotation::takes_another_password;
pub use status::{DumpStatus, NodeState, NodeStatus, Status, TsdbStatus, status};
pub use tsdb::{tsdb_facts_request, tsdb_request, tsdb_urls};
pub use upgrade::stood_for;
pub use version::OmsVersion;
pub use virtual_ip::held_addresses;
pub use wanted::facts_request;
