//! The preflight checks, one subject a file. Each turns facts into rows of what was expected, what was found and what
//! to do; none looks at a host by itself. The names of the rows are stable.

mod address;
mod certificate;
mod clock;
mod cluster;
mod connect;
mod database;
mod disk;
mod docker;
mod identity;
mod image;
mod keepalived;
mod mending;
mod metadb;
mod neighbours;
mod paths;
mod ports;
mod reach;
pub(super) mod row;
mod sizing;
mod suite;
mod system;
mod tsdb;

pub use mending::{Mend, mends};
pub use suite::{cluster_failed, failed_nodes, passed, preflight};
