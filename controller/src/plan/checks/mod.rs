//! The preflight checks, one subject a file. Each turns facts into rows of what was expected, what was found and what
//! to do; none looks at a host by itself. The names of the rows are stable.

mod address;
mod clock;
mod cluster;
mod connect;
mod disk;
mod docker;
mod identity;
mod image;
mod metadb;
mod paths;
mod ports;
pub(super) mod row;
mod sizing;
mod suite;

pub use suite::{cluster_failed, failed_nodes, passed, preflight};
