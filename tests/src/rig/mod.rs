//! A cluster of real hosts on one machine: containers with their own addresses, each with a real sshd and a real
//! nested Docker, a MetaDB on a real OceanBase server, a virtual address, and a strict stand-in for OMS's image.
//!
//! Start with [`Rig::up`]. The rig never calls omsctl: it is what omsctl is pointed at.

mod archives;
mod assembly;
mod cable;
mod capabilities;
mod deadline;
mod engine;
mod error;
mod host_docker;
mod images;
mod instance;
mod judge;
mod keys;
mod layout;
mod lifecycle;
mod metadb;
mod node;
mod oci_layout;
mod operator_files;
mod packages;
mod poised;
mod process;
mod sql;
mod status;
mod subnet;

pub use archives::{INFLUXDB, OmsImage};
pub use cable::Unplugged;
pub use deadline::until;
pub use error::RigError;
pub use host_docker::HostDocker;
pub use judge::{Fault, FaultMode, Record, Step};
pub use layout::Layout;
pub use lifecycle::{Options, Rig, TEST_INSTANCE};
pub use metadb::{META_PASSWORD, META_USER, MetaDbKind, MetaDbServer};
pub use node::{DBA_PASSWORD, Node, User};
pub use operator_files::HostLine;
pub use packages::ensure_originals;
pub use poised::Poised;
pub use process::Output;
pub use status::Report;
