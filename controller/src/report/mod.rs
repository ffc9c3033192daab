//! Events in, something readable out. Knows `omsctl_proto`, the records of the state store, the planner's data and the
//! one door, and nothing of who runs a rollout.
//!
//! - [`Tally`] folds events into a picture that everything else draws from.
//! - While a run goes on, an [`Audience`] feeds a [`Reporter`]: live lines, plain lines, or JSON lines.
//! - When it is over, [`summary`] has the last words; the documents are for `--format json`.
//! - What `plan`, `check`, `status` and `history` found is told by the functions named after them.

mod adopt_text;
mod agent_part;
mod agents_text;
mod audience;
mod bars;
#[cfg(test)]
mod buffer;
mod check_text;
mod controller_part;
mod document;
#[cfg(test)]
pub(crate) mod fixtures;
mod ha_text;
mod history_text;
mod json_lines;
mod lines;
mod plan_text;
mod redact;
mod reporter;
pub mod schema;
mod screen;
mod status_text;
mod summary;
mod table;
mod tally;
mod totals;
mod words;

pub use adopt_text::{AdoptDocument, AdoptView, Proof, adopt_text};
pub use agent_part::{AgentPart, CurrentStep, End, Progress};
pub use agents_text::{AgentDocument, AgentState, AgentsDocument, BegunImage, agents_text, forgotten_text};
pub use audience::{Audience, Heard};
pub use bars::Bars;
pub use check_text::check_text;
pub use controller_part::ControllerPart;
pub use document::{
    ApplyDocument, CheckDocument, HistoryDocument, PlanDocument, PlanView, PlannedNode, RefusalDocument,
    RunDocument, ShowDocument, StepDocument, passed,
};
pub use ha_text::ha_text;
pub use history_text::history_text;
pub use json_lines::JsonLines;
pub use lines::{Lines, Telling};
pub use plan_text::plan_text;
pub(crate) use redact::{Redactor, without_value};
pub use reporter::Reporter;
pub use status_text::status_text;
pub use summary::summary;
pub use tally::{Ending, NodePicture, Phase, Tally};
pub use totals::Totals;
