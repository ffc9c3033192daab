//! From "start this" or "attach to that" to a daemon that answers.

use std::io;
use std::time::Duration;

use omsctl_proto::{Claim, ErrorCode, ErrorReport, Event, Operator, Refusal, RunId, ToAgent};
use tokio::time::Instant;

use crate::door::{knock, start_daemon};
use crate::facts::is_alive;
use crate::ports::ByteStream;
use crate::run_folder::{RunFolder, RunRecord};
use crate::serve::{claimed, lease};
use crate::world::World;
use crate::{clock, journal, private_file};

/// A daemon opens its door within this time, also on a busy host.
const OPENS_WITHIN: Duration = Duration::from_secs(20);

/// A run that can be attached to.
pub(super) enum Found {
    Daemon(Box<dyn ByteStream>),
    /// Its daemon has left; these are its events, and this is the last claim that it knew.
    Ended(Vec<Event>, Claim),
}

/// What to attach to, from where on, and by whose word.
pub(super) struct Wanted {
    pub(super) run: RunId,
    pub(super) after: u64,
    pub(super) claim: Option<Claim>,
    pub(super) operator: Operator,
}

/// What is wanted, and where its events come from. A new run is begun.
pub(super) async fn find(world: &World, message: ToAgent) -> Result<(Wanted, Found), Refusal> {
    match message {
        ToAgent::Start { plan, key, secrets, operator, claim } => {
            let run = plan.run.clone();
            let folder = RunFolder::new(&world.places, &run);
            if !folder.exists() {
                refuse_when_busy(world, &folder)?;
                let (operator, claim) = (operator.clone(), claim.clone());
                let record = RunRecord { plan, operator, started: clock::now(), claim };
                folder.create(&record, &key).map_err(|error| cannot_begin(&error))?;
            }
            if !ended(&folder)? && !folder.has_secrets() {
                folder.put_secrets(&secrets).map_err(|error| cannot_begin(&error))?;
            }
            let found = reach(world, &folder).await?;
            Ok((Wanted { run, after: 0, claim: Some(claim), operator }, found))
        }
        ToAgent::Attach { run, after, claim, operator } => {
            let folder = RunFolder::new(&world.places, &run);
            if !folder.exists() {
                return Err(Refusal::NoSuchRun { run });
            }
            let found = reach(world, &folder).await?;
            Ok((Wanted { run, after, claim, operator }, found))
        }
        ToAgent::Hello(_)
        | ToAgent::Request { .. }
        | ToAgent::Order { .. }
        | ToAgent::Alive
        | ToAgent::Unknown => Err(failed(ErrorReport::new(ErrorCode::Internal, "That begins nothing."))),
    }
}

/// The living daemon, the told story, or a daemon that is started again.
async fn reach(world: &World, folder: &RunFolder) -> Result<Found, Refusal> {
    if let Ok(daemon) = knock(world, &folder.run).await {
        return Ok(Found::Daemon(daemon));
    }
    if ended(folder)? {
        let events = journal::read(&folder.journal()).map_err(|error| damaged(&error))?;
        let record = folder.record().map_err(|error| cannot_begin(&error))?;
        let (claim, _) = claimed(events.iter(), &record);
        return Ok(Found::Ended(events, claim));
    }
    refuse_when_busy(world, folder)?;
    private_file::make_folder(&world.places.runtime).map_err(|error| cannot_begin(&error))?;
    start_daemon(world, folder).map_err(|error| cannot_begin(&error))?;
    let begun = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if let Ok(daemon) = knock(world, &folder.run).await {
            return Ok(Found::Daemon(daemon));
        }
        if begun.elapsed() > OPENS_WITHIN {
            refuse_when_busy(world, folder)?;
            return Err(silent(folder));
        }
    }
}

fn refuse_when_busy(world: &World, folder: &RunFolder) -> Result<(), Refusal> {
    let holder = lease::holder(&world.places).map_err(|error| cannot_begin(&error))?;
    match holder {
        Some(other) if !is_alive(folder, Some(&other)) => {
            Err(Refusal::Busy { run: other.run, operator: other.operator, since: other.since })
        }
        Some(_) | None => Ok(()),
    }
}

fn ended(folder: &RunFolder) -> Result<bool, Refusal> {
    let events = journal::read(&folder.journal()).map_err(|error| damaged(&error))?;
    Ok(journal::terminal(events.last()).is_some())
}

fn failed(error: ErrorReport) -> Refusal {
    Refusal::Failed { error }
}

fn cannot_begin(error: &io::Error) -> Refusal {
    let full = error.kind() == io::ErrorKind::StorageFull;
    let code = if full { ErrorCode::Disk } else { ErrorCode::Agent };
    let report = ErrorReport::new(code, "The run cannot be begun on this host.").cause(error.to_string());
    failed(report.hint("The agent needs root, and room in /var/lib/omsctl and /run/omsctl."))
}

fn damaged(error: &journal::JournalError) -> Refusal {
    failed(ErrorReport::from_error(ErrorCode::State, error))
}

fn silent(folder: &RunFolder) -> Refusal {
    let log = private_file::read(&folder.log(), 64 * 1024).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let mut report = ErrorReport::new(ErrorCode::Agent, "The agent's daemon does not answer.");
    let skipped = log.lines().count().saturating_sub(5);
    report.causes = log.lines().skip(skipped).map(str::to_owned).collect();
    failed(report.hint(format!("Its own log on the host: {}", folder.log().display())))
}
