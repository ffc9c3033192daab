//! Waits until OMS says that it is healthy (`research/oms.md` 5).

use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport, HealthFacts, WantedHealth};

use super::await_services::{count, describe, services};
use super::container_state::{down, look};
use super::{Context, Done, Stop};
use crate::facts::{health, health_url};
use crate::patience::{LONG, Patience};

const PAUSE: Duration = Duration::from_millis(500);

pub(crate) async fn await_healthy(
    context: &Context<'_>,
    name: &str,
    wanted: &WantedHealth,
) -> Result<Done, Stop> {
    let mut patience = Patience::new("OMS to be healthy");
    loop {
        let found = ask(context, name, wanted).await?;
        if found.healthy {
            let done = Done::unchanged().with("url", health_url(wanted));
            return Ok(done.with("answer", super::context::harmless(&found.answer)));
        }
        if !look(context, name).await?.is_some_and(|container| container.facts.running) {
            return Err(down(context, name, format!("The container {name} does not run.")).await.into());
        }
        if patience.elapsed() >= LONG {
            return Err(sick(context, name, wanted, &found).await);
        }
        patience.pause(context, PAUSE).await?;
    }
}

/// An image without that address is healthy when its services run and its pages are there.
async fn ask(context: &Context<'_>, name: &str, wanted: &WantedHealth) -> Result<HealthFacts, Stop> {
    let (found, status) = health(&*context.world.host, wanted).await;
    if status != Some(404) {
        return Ok(found);
    }
    let services = services(context, name).await?;
    let (running, total) = count(&services);
    Ok(HealthFacts { healthy: found.healthy && running == total, ..found })
}

async fn sick(context: &Context<'_>, name: &str, wanted: &WantedHealth, found: &HealthFacts) -> Stop {
    let what = format!("OMS did not become healthy within 15 minutes: {}", health_url(wanted));
    let mut report = ErrorReport::new(ErrorCode::Health, what).cause(super::context::harmless(&found.answer));
    if let Ok(services) = services(context, name).await {
        report = report.cause(describe(&services));
    }
    report
        .hint("OMS's own logs (`omsctl logs HOST`) say why; most often the MetaDB cannot be reached.")
        .into()
}
