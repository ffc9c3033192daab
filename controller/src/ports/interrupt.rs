//! What the operator asks for while a command runs.

/// The operator's signals, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// Open no further gate, finish running steps, leave the agents where they wait.
    Stop,
    /// End the agents after the step they are in.
    End,
    /// Leave at once; the agents go on by themselves.
    Leave,
}
