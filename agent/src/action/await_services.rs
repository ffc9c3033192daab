//! Waits until supervisord says RUNNING of every one of OMS's programs (`research/oms.md` 4.5).

use std::collections::BTreeMap;
use std::time::Duration;

use omsctl_proto::{ErrorCode, ErrorReport, Unit};
use tokio::time::Instant;

use super::container_state::{down, look};
use super::{Context, Done, Stop};
use crate::patience::Patience;
use crate::ports::Look;

/// Listed by every version; sshd and crond count when they are listed.
const NEEDED: [&str; 4] = ["nginx", "oms_console", "oms_drc_cm", "oms_drc_supervisor"];
const WHEN_LISTED: [&str; 2] = ["sshd", "crond"];
/// A program that is FATAL stays so until somebody starts it; the initialisation of another may do that.
const FATAL_FOR: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) async fn await_services(context: &Context<'_>, name: &str) -> Result<Done, Stop> {
    let mut patience = Patience::new("the services to run");
    let mut fatal_since = None;
    loop {
        let services = services(context, name).await?;
        let (running, total) = count(&services);
        if running == total {
            return Ok(Done::unchanged().with("services", describe(&services)));
        }
        context.progress(running, Some(total), Unit::Services)?;
        let fatal = fatal(&services);
        if fatal.is_empty() {
            fatal_since = None;
        } else if fatal_since.get_or_insert_with(Instant::now).elapsed() >= FATAL_FOR {
            return Err(broken(context, name, &services, &fatal).await);
        }
        patience.pause(context, PAUSE).await?;
    }
}

/// Empty while supervisord does not answer; a container that does not run is a failure.
pub(crate) async fn services(context: &Context<'_>, name: &str) -> Result<BTreeMap<String, String>, Stop> {
    match context.world.docker.inside(name, Look::Services).await {
        Ok(inside) => Ok(inside.services),
        // A look that fails while the container is coming up is repeated.
        Err(_) if look(context, name).await?.is_some_and(|container| container.facts.running) => {
            Ok(BTreeMap::new())
        }
        Err(_) => Err(down(context, name, format!("The container {name} does not run.")).await.into()),
    }
}

/// How many of those that matter run, and how many matter.
pub(crate) fn count(services: &BTreeMap<String, String>) -> (u64, u64) {
    let listed = WHEN_LISTED.into_iter().filter(|service| services.contains_key(*service));
    NEEDED.into_iter().chain(listed).fold((0, 0), |(running, total), service| {
        let runs = services.get(service).is_some_and(|state| state == "RUNNING");
        (running + u64::from(runs), total + 1)
    })
}

pub(crate) fn describe(services: &BTreeMap<String, String>) -> String {
    services.iter().map(|(name, state)| format!("{name} {state}")).collect::<Vec<_>>().join(", ")
}

fn fatal(services: &BTreeMap<String, String>) -> Vec<&str> {
    let dead = |state: &str| matches!(state, "FATAL" | "EXITED" | "UNKNOWN");
    let matters = |name: &str| NEEDED.contains(&name) || WHEN_LISTED.contains(&name);
    services
        .iter()
        .filter(|(name, state)| matters(name) && dead(state))
        .map(|(name, _)| name.as_str())
        .collect()
}

async fn broken(
    context: &Context<'_>,
    name: &str,
    services: &BTreeMap<String, String>,
    fatal: &[&str],
) -> Stop {
    let what = format!("{} of OMS does not run in the container {name}.", fatal.join(", "));
    let mut report = ErrorReport::new(ErrorCode::Service, what).cause(describe(services));
    for service in fatal {
        let lines =
            context.world.docker.exec(name, &["supervisorctl", "tail", "-2000", service, "stderr"]).await;
        let lines = lines.map(|output| output.stdout).unwrap_or_default();
        let last = lines.lines().filter(|line| !line.trim().is_empty()).rev().take(5).collect::<Vec<_>>();
        report.causes.extend(last.into_iter().rev().map(super::context::harmless));
    }
    report
        .hint("OMS's own logs of that program (`omsctl logs HOST`) say more; mend the cause and run again.")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crond_counts_only_when_it_is_listed() {
        let mut services: BTreeMap<String, String> =
            NEEDED.iter().map(|name| ((*name).to_owned(), "RUNNING".to_owned())).collect();
        assert_eq!(count(&services), (4, 4));
        services.insert("crond".into(), "STARTING".into());
        services.insert("something_else".into(), "FATAL".into());
        assert_eq!(count(&services), (4, 5));
        assert!(fatal(&services).is_empty());
        services.insert("oms_drc_cm".into(), "FATAL".into());
        assert_eq!(fatal(&services), ["oms_drc_cm"]);
        assert_eq!(count(&BTreeMap::new()), (0, 4));
    }
}
