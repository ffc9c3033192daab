//! What is there now. Read-only, with few processes: what does not depend on each other is looked at side by side.

mod container;
mod files;
mod gather;
mod health;
mod host_id;
mod initialisation;
mod runs;
mod tsdb;

pub(crate) use files::disk;
pub(crate) use gather::gather;
pub(crate) use health::{health, health_url};
pub(crate) use initialisation::{init_facts, moment};
pub(crate) use runs::{is_alive, left};
