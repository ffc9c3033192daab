//! Walks a plan with the agents: opens gates, gathers events, proves the end in the MetaDB. Sees ports, never
//! adapters, and knows nothing of how events are shown.

mod content;
mod emit;
mod executor;
mod gates;
mod metadb;
mod node;
mod register;
mod sendings;
mod session;
mod survey;

pub use emit::{Audience, Emitter, run_id, timestamp};
pub use executor::{Executor, Rollout, Walked, cm_url_check};
pub use gates::{Gates, InitOrder};
pub use metadb::MetaDbReader;
pub use node::NodeWork;
pub use register::Registration;
pub use session::{FromAgent, Session};
pub use survey::{HostLink, Survey, Surveyor};
