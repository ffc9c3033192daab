//! Tests of the whole conversation, with a real sh on this machine.
