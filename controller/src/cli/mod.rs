//! What the operator types, turned into plain requests. No logic: nothing here opens a file or decides anything
//! beyond what the words mean.
//!
//! Options for every command are accepted before and after the command, also both: lists are joined, and of two
//! values the later one counts.

mod adopt;
mod arguments;
mod destroy;
mod globals;
mod high_availability;
mod lifecycle;
mod observe;
mod parse;
mod reference;
mod request;
mod rollout;
mod setup;
mod support;
mod version;

pub use clap_complete::Shell;
pub use globals::{Format, Globals};
pub use parse::{ManualPage, Stopped, completion, manual, parse};
pub use request::{
    AdoptRequest, AgentsRequest, ApplyRequest, AttachRequest, BundleRequest, Command, Destroying, HaRequest,
    HistoryRequest, InitRequest, InventoryRequest, InventoryView, LifecycleRequest, LifecycleVerb,
    LogsRequest, ManRequest, PlanRequest, RenderRequest, Request, SchemaName, ShowRequest, SshConfigRequest,
    StatusRequest, TypedHost,
};
