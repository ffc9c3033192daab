//! What a test must be able to replace: the container runtime and the machine. Traits and plain types, nothing else.

mod container_runtime;
mod host;

pub use container_runtime::{
    ByteSource, Container, ContainerRuntime, Engine, EngineImage, ExecOutput, Helper, HelperMount, Inside,
    Look, RuntimeError, Since,
};
pub use host::{
    ByteStream, Connected, Host, HostError, HttpAnswer, HttpPost, KeepalivedSeen, Listening, Machine,
    Measured,
};
