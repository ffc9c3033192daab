//! Events in, something readable out. Knows `omsctl_proto` and the one door, and nothing of who runs a rollout.

mod agent_part;
#[cfg(test)]
mod buffer;
mod controller_part;
#[cfg(test)]
pub(crate) mod fixtures;
mod lines;
mod tally;
mod words;

pub use agent_part::{AgentPart, CurrentStep, End, Progress};
pub use controller_part::ControllerPart;
pub use lines::Lines;
pub use tally::{Ending, NodePicture, Phase, Tally, Totals};
