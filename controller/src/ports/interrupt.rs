//! What the operator asks for while a command runs.

/// The operator's signals, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// Open no further gate, finish running steps.
    Stop,
    /// Leave at once; the agents go on by themselves.
    Leave,
}
