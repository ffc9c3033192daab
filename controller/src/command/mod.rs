//! One use case a file, read as the list of what happens. Sees ports and rooms, never an adapter.

mod act;
mod agents;
mod apply;
mod attach;
mod carry;
mod check;
mod closing;
mod config_render;
mod detach;
mod giving_up;
mod history;
mod init;
mod inputs;
mod interrupt;
mod inventory;
mod look;
mod outcome;
mod plan;
mod reach;
mod show;
mod standing;
mod status;
mod telling;
mod world;

pub use agents::agents;
pub use apply::apply;
pub use attach::attach;
pub use check::check;
pub use config_render::config_render;
pub use history::history;
pub use init::init;
pub use inventory::inventory;
pub use plan::plan;
pub use show::show;
pub use status::status;
pub use world::{Passwords, Randomness, State, World};
