//! The vocabulary that controller and agent share: names, node plans, actions, events, error reports, frames.
//!
//! This crate describes; it does nothing. It opens no file and no socket: frames are read from and written to
//! whatever the caller brings. A change here is a change of the wire: see [`PROTOCOL`].

mod action;
mod content;
mod dump;
mod error_report;
mod event;
mod facts;
mod fingerprint;
mod frame;
mod id;
mod logs;
mod message;
mod plan;
mod rollout;
mod secret;
mod tsdb;
mod virtual_ip;

pub use action::{
    Action, ContainerSpec, FormerText, ImageOrigin, Initialiser, Mount, SecretFile, WantedImage, former_path,
};
pub use content::{
    Consignment, Door, MAX_PIECE, MAX_SLICE, Peer, PeerAsk, PeerReply, Piece, content_digest, content_size,
};
pub use dump::{DumpFacts, DumpSpec, DumpedDatabase, HEARTBEAT_SEQUENCE};
pub use error_report::{ErrorCode, ErrorReport};
pub use event::{
    CheckResult, CheckStatus, Event, EventKind, Evidence, Importance, Milestone, NodeOutcome, NodeResult,
    Outcome, PlannedStep, RunResult, Unit,
};
pub use facts::{
    ContainerFacts, DiskFacts, DockerFacts, Facts, FactsRequest, FileFacts, HealthFacts, ImageFacts,
    InitFacts, InitState, Left, MadeFacts, OtherContainer, PathState, PortHolder, RunFacts, RunPhase,
    SelinuxMode, SystemFacts, WantedHealth,
};
pub use fingerprint::{Fingerprint, FingerprintKey};
pub use frame::{FrameError, MAX_FRAME, read_frame, write_frame};
pub use id::{ControllerId, Digest, InvalidName, NodeName, RunId, SecretName};
pub use logs::{ContainerLook, LogFile, LogFolders, LogList, LogPart, LogText};
pub use message::{
    CancelMode, ConnectReply, Hello, Hold, Holder, Operator, Order, PROTOCOL, PROTOCOL_OLDEST, ProbeTarget,
    Protocol, Refusal, Remedy, Request, Response, RunStory, ToAgent, ToController, Unreached, agree,
};
pub use plan::{Gate, NodePlan, Step, StepId};
pub use rollout::{Claim, GateRow, GateTable, InitOrder, MetaDbProof, Role};
pub use secret::{Secret, WireSecret};
pub use tsdb::{TsdbFacts, TsdbLogIn, TsdbRequest, TsdbSpec};
pub use virtual_ip::{OtherKeepalived, Subnet, VirtualIpFacts, VirtualIpSpec};
