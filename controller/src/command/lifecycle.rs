//! `omsctl stop`, `start`, `restart` and `remove`: the way of `apply`, for other purposes.

use std::num::NonZeroUsize;

use super::World;
use super::apply::{self, Aim};
use crate::cli::{ApplyRequest, LifecycleRequest, LifecycleVerb};
use crate::exit::Exit;
use crate::plan::Purpose;

/// From the files to the last word.
pub async fn lifecycle(world: &World, request: &LifecycleRequest, typed: &str) -> Exit {
    let (purpose, max_failures) = match &request.verb {
        LifecycleVerb::Stop => (Purpose::Stop, None),
        LifecycleVerb::Start => (Purpose::Start, None),
        // Whoever does not come back keeps the others from leaving.
        LifecycleVerb::Restart => (Purpose::Restart, Some(NonZeroUsize::MIN)),
        LifecycleVerb::Remove(hosts) => (Purpose::Remove(hosts.clone()), Some(NonZeroUsize::MIN)),
    };
    let as_apply = ApplyRequest {
        max_failures,
        wait: request.wait,
        take_over: request.take_over,
        give_up: request.give_up.clone(),
        ..ApplyRequest::default()
    };
    apply::change(world, &as_apply, typed, Aim { purpose, allow_outage: request.allow_outage }).await
}
