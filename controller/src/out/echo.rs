//! The terminal while live lines are on it: a typed Ctrl-C is not shown, since its `^C` moves the cursor away from where
//! the lines are drawn anew and one of them would be left behind.

use std::io;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// Control characters are not echoed until this is dropped.
#[derive(Debug)]
pub(super) struct WithoutControlEcho(Termios);

impl WithoutControlEcho {
    /// `None` where stderr is no terminal, or another job's.
    pub(super) fn begin() -> Option<Self> {
        let former = tcgetattr(io::stderr()).ok()?;
        let mut without = former.clone();
        without.local_modes.remove(LocalModes::ECHOCTL);
        set(&without).then_some(Self(former))
    }
}

impl Drop for WithoutControlEcho {
    fn drop(&mut self) {
        set(&self.0);
    }
}

/// A job in the background that touches its terminal is stopped by the kernel: it leaves it alone.
fn set(wanted: &Termios) -> bool {
    tcgetpgrp(io::stderr()).is_ok_and(|foreground| foreground == getpgrp())
        && tcsetattr(io::stderr(), OptionalActions::Now, wanted).is_ok()
}
