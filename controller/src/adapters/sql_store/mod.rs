//! The history of runs, in SQLite on the bastion or in a MySQL-protocol database that several bastions share.
//!
//! One code for both: the SQL that they share is written once, what differs is in `dialect`. Nothing here is read to
//! decide what to do on a host.

mod body;
mod database;
mod dialect;
mod place;
mod problem;
mod schema;
mod server;
mod store;

pub use place::{PlaceError, ServerPlace, StatePlace, state_folder};
pub use problem::StoreProblem;
pub use store::SqlStore;

#[cfg(test)]
mod tests;
