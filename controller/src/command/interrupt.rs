//! Ctrl-C, a hang-up or a termination before anything was changed: whatever waits is given up.

use super::World;
use crate::exit::Exit;

/// The outcome, or `None` when the operator did not want to wait for it.
pub(super) async fn or_interrupted<T>(world: &World, work: impl Future<Output = T>) -> Option<T> {
    let mut interrupts = world.interrupts.lock().await;
    tokio::select! {
        done = work => Some(done),
        Some(_) = interrupts.recv() => None,
    }
}

/// For commands that only look.
pub(super) fn interrupted(world: &World) -> Exit {
    world.out.message("interrupted: nothing was changed on any host");
    Exit::Interrupted
}
