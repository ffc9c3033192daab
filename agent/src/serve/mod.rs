//! The daemon of one run: walks the node plan, journals, lets readers in, and leaves when it is not needed any more.
//!
//! It outlives sessions and controllers. It starts nothing by itself but the steps of its plan.

mod content;
mod daemon;
mod desk;
mod guests;
mod history;
pub(crate) mod lease;
mod visitor;
mod walk;

pub use daemon::{ServeError, serve};

pub(crate) use content::Delivery;
pub(crate) use daemon::{claimed, passed_gates};
pub(crate) use desk::{Called, Desk, PATIENCE};
