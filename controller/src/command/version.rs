//! `omsctl upgrade` and `omsctl rollback`: the way of `apply`, for another version of OMS on all hosts.

use std::collections::BTreeMap;

use omsctl_proto::EventKind;

use super::World;
use super::apply::{self, Aim};
use super::inputs::Inputs;
use super::look;
use super::telling::Telling;
use crate::cli::ApplyRequest;
use crate::exit::Exit;
use crate::plan::{self, Goal, Observed, Purpose};
use crate::ports::{DatabaseContent, MetaDbError};
use crate::rollout::Survey;

/// Both stop OMS everywhere: nobody has to allow that a second time.
fn aim(purpose: Purpose) -> Aim {
    Aim { purpose, allow_outage: true, confirm: None }
}

/// From the files to the last word.
pub async fn upgrade(world: &World, request: &ApplyRequest, typed: &str) -> Exit {
    apply::change(world, request, typed, aim(Purpose::Upgrade)).await
}

/// From the files to the last word.
pub async fn rollback(world: &World, request: &ApplyRequest, typed: &str) -> Exit {
    apply::change(world, request, typed, aim(Purpose::Rollback)).await
}

/// What OMS's databases hold, by way of any host that answers; `None` when there is none.
pub(super) async fn contents(
    world: &World,
    inputs: &Inputs,
    survey: &Survey,
) -> Option<Result<BTreeMap<String, DatabaseContent>, MetaDbError>> {
    let link = survey.metadb_link()?;
    Some(look::reader(world, &inputs.deployment).contents(link.connection.as_ref()).await)
}

/// What to do about HA once OMS runs again: it looks back only so far (`research/oms.md` 7.6, step 10). `goal` was made,
/// since the hosts were looked at at `looked_ms` by this bastion's clock.
pub(super) async fn remind(
    (world, inputs): (&World, &Inputs),
    (observed, goal): (&Observed, &Goal),
    looked_ms: u64,
    telling: &mut Telling,
) {
    if !matches!(goal.purpose, Purpose::Upgrade | Purpose::Rollback) {
        return;
    }
    let since_s = world.clock.utc_ms().saturating_sub(looked_ms) / 1000;
    let minutes = (plan::stood_for(&inputs.deployment, observed, goal) + since_s).div_ceil(60).max(1);
    let message = format!(
        "HA is off, as it has to be for this. If you want it on again: `omsctl ha enable --after-outage {minutes}m` (OMS \
         was stopped for {minutes} min at most; the command adds a reserve)"
    );
    telling.emitter.say(EventKind::Notice { message }).await;
}
