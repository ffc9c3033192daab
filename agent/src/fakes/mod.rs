//! In-memory twins of Docker and of a host that behave: images are loaded, containers start, initialisations take time
//! and write their log. Time is tokio's, so a paused clock rules it.
//!
//! They are strict: what the real parts would refuse is refused, and what must never happen is recorded by the
//! [`Judge`].

mod archive;
mod clock;
mod container;
mod docker;
mod host;
mod influx;
mod initialisation;
mod judge;
mod machine;
mod mysql;
mod network;
mod relay;
mod runtime;

pub use archive::FakeArchive;
pub use clock::{now, set_time};
pub use docker::{Daemon, FakeDocker, FakeImage};
pub use host::FakeHost;
pub use initialisation::{InitScript, Verdict};
pub use judge::Judge;
pub use machine::FakeMachine;
pub use mysql::FakeDatabases;
pub use network::Network;
pub use relay::{fetch, serve_guest};
