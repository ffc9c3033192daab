//! Events in, something readable out. Knows `omsctl_proto` and the one door, and nothing of who runs a rollout.

mod agent_part;
mod audience;
mod bars;
#[cfg(test)]
mod buffer;
mod controller_part;
#[cfg(test)]
pub(crate) mod fixtures;
mod json_lines;
mod lines;
mod reporter;
mod screen;
mod tally;
mod words;

pub use agent_part::{AgentPart, CurrentStep, End, Progress};
pub use audience::{Audience, Heard};
pub use bars::Bars;
pub use controller_part::ControllerPart;
pub use json_lines::JsonLines;
pub use lines::Lines;
pub use reporter::Reporter;
pub use tally::{Ending, NodePicture, Phase, Tally, Totals};
