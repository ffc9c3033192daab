//! The controller: reads what should be, looks at what is, makes a plan, and walks it with the agents.

pub mod adapters;
pub mod plan;
pub mod ports;
