//! The controller: reads what should be, looks at what is, makes a plan, and walks it with the agents.

pub mod adapters;
pub mod app;
pub mod cli;
pub mod command;
pub mod exit;
pub mod out;
pub mod plan;
pub mod ports;
pub mod report;
pub mod rollout;
