//! `omsctl stop`, `start`, `restart`, `remove` and `destroy`: the way of `apply`, for other purposes.

use std::num::NonZeroUsize;

use super::World;
use super::apply::{self, Aim};
use crate::cli::{ApplyRequest, Destroying, LifecycleRequest, LifecycleVerb};
use crate::exit::Exit;
use crate::plan::{Destruction, Purpose};

/// From the files to the last word.
pub async fn lifecycle(world: &World, request: &LifecycleRequest, typed: &str) -> Exit {
    let (purpose, max_failures) = match &request.verb {
        LifecycleVerb::Stop => (Purpose::Stop, None),
        LifecycleVerb::Start => (Purpose::Start, None),
        // Whoever does not come back keeps the others from leaving.
        LifecycleVerb::Restart => (Purpose::Restart, Some(NonZeroUsize::MIN)),
        LifecycleVerb::Destroy(Destroying { delete_data, drop_databases, .. }) => {
            let what = Destruction { delete_data: *delete_data, drop_databases: *drop_databases };
            (Purpose::Destroy(what), None)
        }
        LifecycleVerb::Remove(hosts) => (Purpose::Remove(hosts.clone()), Some(NonZeroUsize::MIN)),
    };
    let as_apply = ApplyRequest {
        max_failures,
        wait: request.wait,
        take_over: request.take_over,
        give_up: request.give_up.clone(),
        ..ApplyRequest::default()
    };
    let confirm = match &request.verb {
        LifecycleVerb::Destroy(destroying) => destroying.confirm.clone(),
        _ => None,
    };
    apply::change(world, &as_apply, typed, Aim { purpose, allow_outage: request.allow_outage, confirm }).await
}
