//! `ansible_connection=local`: the bastion is itself a host. The same agent, put in place in the same way, as child
//! processes.
//!
//! No network here.

mod transport;

pub use transport::LocalTransport;
