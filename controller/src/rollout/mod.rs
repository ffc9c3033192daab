//! Walks a plan with the agents: opens gates, gathers events, proves the end in the MetaDB. Sees ports, never
//! adapters, and knows nothing of how events are shown.

mod barriers;
mod cm_url;
mod content;
mod dialogue;
mod emit;
mod executor;
mod gates;
mod ground;
mod lead;
mod leadership;
mod metadb;
mod moving;
mod node;
mod orders;
mod outcomes;
mod password;
mod password_gate;
mod proof;
mod register;
mod relay;
mod requests;
mod sendings;
mod session;
mod survey;
mod uplink;

pub use cm_url::cm_url_check;
pub use dialogue::{Begin, NodeWork};
pub use emit::{Audience, Emitter, last_own, run_id, timestamp};
pub use executor::{Absent, Executor, Part, Rollout, Walked};
pub use gates::Gates;
pub use metadb::{LogIn, MetaDbReader};
pub use moving::Moving;
pub use password::Rotation;
pub use proof::{Proof, Removal};
pub use register::Registration;
pub use session::{Attached, FromAgent, Session};
pub use survey::{HostLink, Survey, Surveyor};
