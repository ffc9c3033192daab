//! Frames in, frames out: greeting, then questions and orders as they come.

use std::time::Duration;

use omsctl_proto::{
    ErrorCode, ErrorReport, FrameError, Hello, Holder, Refusal, Request, Response, RunId, RunStory, ToAgent,
    ToController, agree, read_frame, write_frame,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::attach::{self, Attachment};
use super::host::Host;
use super::reach::{self, Doors};
use super::{endings, logs, probe, stale_agents};
use crate::run_folder::{RunFolder, RunRecord};
use crate::serve::claimed;
use crate::world::World;
use crate::{VERSION, clock, facts, journal};

/// Frames that wait for a slow controller before whoever makes them waits too.
const BACKLOG: usize = 64;
/// How long the last word of an evicted session may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a session ended before its controller closed it.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("the controller cannot be understood")]
    Frame(#[from] FrameError),
    #[error("the controller did not greet")]
    NoGreeting,
    #[error("controller {controller} and agent {} have no protocol in common", VERSION)]
    NoCommonProtocol { controller: String },
    #[error("the daemon of the run was lost")]
    DaemonLost,
    #[error("the controller that holds this host has said nothing for 30 s")]
    Silent,
    #[error("another controller took the host")]
    Evicted,
    #[error("another session cannot be told to give way")]
    Eviction(#[source] std::io::Error),
}

/// Serves one controller until it closes its end. Daemons that were started go on.
pub async fn session<R, W>(mut input: R, mut output: W, world: World) -> Result<(), SessionError>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin,
{
    let ours = Hello::new(VERSION, clock::utc_ms());
    write_frame(&mut output, &ToController::Hello(ours.clone())).await?;
    match read_frame(&mut input).await? {
        Some(ToAgent::Hello(theirs)) if agree(&ours, &theirs).is_some() => {}
        Some(ToAgent::Hello(theirs)) => {
            return Err(SessionError::NoCommonProtocol { controller: theirs.version });
        }
        Some(_) => return Err(SessionError::NoGreeting),
        None => return Ok(()),
    }
    if let Some(program) = world.daemons.program() {
        stale_agents::remove(program);
    }
    let (sender, frames) = mpsc::channel(BACKLOG);
    let (number, mut evicted) = world.daemons.evictions().map_err(SessionError::Eviction)?;
    let host = Host::new(&world, number);
    let ended = tokio::select! {
        ended = listen(&mut input, sender, &world, &host) => ended,
        ended = speak(&mut output, frames) => ended,
        Some(()) = evicted.recv() => Err(SessionError::Evicted),
    };
    if matches!(ended, Err(SessionError::Evicted)) {
        // A controller that is gone does not hear it.
        let _ = tokio::time::timeout(FAREWELL, write_frame(&mut output, &ToController::Evicted)).await;
        return Ok(());
    }
    ended
}

async fn speak<W>(output: &mut W, mut frames: mpsc::Receiver<ToController>) -> Result<(), SessionError>
where
    W: AsyncWrite + Unpin,
{
    while let Some(frame) = frames.recv().await {
        write_frame(output, &frame).await?;
    }
    Ok(())
}

async fn listen<R>(
    input: &mut R,
    frames: mpsc::Sender<ToController>,
    world: &World,
    host: &Host<'_>,
) -> Result<(), SessionError>
where
    R: AsyncRead + Unpin,
{
    let mut answers = JoinSet::new();
    let (lost, mut daemon_lost) = mpsc::channel(1);
    let mut attachment: Option<Attachment> = None;
    let mut doors = Doors::default();
    let reading = async {
        while let Some(message) = next(input, host).await? {
            match message {
                ToAgent::Request { id, request } => {
                    if let Some(response) = in_order(host, &mut doors, world, &request).await {
                        let _ = frames.send(ToController::Response { id, response }).await;
                        continue;
                    }
                    let (world, frames) = (world.clone(), frames.clone());
                    answers.spawn(async move {
                        let response = answer(&world, request).await;
                        // The controller is gone: nobody waits for the answer.
                        let _ = frames.send(ToController::Response { id, response }).await;
                    });
                    while answers.try_join_next().is_some() {}
                }
                ToAgent::Start { .. } | ToAgent::Attach { .. } => match refused(host, &message).await {
                    Some(refusal) => {
                        let _ = frames.send(ToController::Refused { refusal }).await;
                    }
                    None => attachment = Some(attach::begin(world, message, frames.clone(), lost.clone())),
                },
                ToAgent::Order { .. } => {
                    if let Some(attachment) = &attachment {
                        attachment.order(message).await;
                    }
                }
                ToAgent::Hello(_) | ToAgent::Alive | ToAgent::Unknown => {}
            }
        }
        Ok(())
    };
    tokio::select! {
        ended = reading => ended,
        Some(()) = daemon_lost.recv() => Err(SessionError::DaemonLost),
    }
}

/// The next frame; a controller that holds the host and falls silent is gone. Half a frame does not matter then.
async fn next<R>(input: &mut R, host: &Host<'_>) -> Result<Option<ToAgent>, SessionError>
where
    R: AsyncRead + Unpin,
{
    tokio::select! {
        frame = read_frame(input) => Ok(frame?),
        () = host.silence() => Err(SessionError::Silent),
    }
}

/// Whoever would change something while another controller has the host.
async fn refused(host: &Host<'_>, message: &ToAgent) -> Option<Refusal> {
    if matches!(message, ToAgent::Attach { claim: None, .. }) {
        return None;
    }
    match host.other().await {
        Ok(None) => None,
        Ok(Some(Holder { run, operator, since })) => Some(Refusal::Busy { run, operator, since }),
        Err(error) => Some(Refusal::Failed { error }),
    }
}

/// The answer to what changes something about the session or the host, in the order in which it was asked.
async fn in_order(host: &Host<'_>, doors: &mut Doors, world: &World, request: &Request) -> Option<Response> {
    match request {
        Request::OpenDoors { address, ports } => {
            Some(Response::Doors { opened: doors.open(&*world.host, *address, ports) })
        }
        Request::CloseDoors => {
            doors.close();
            Some(Response::Done)
        }
        Request::Hold(hold) => Some(host.take(hold).await),
        Request::Release => {
            host.release();
            Some(Response::Done)
        }
        Request::Forget => Some(host.forget().await),
        Request::Mend { remedy } => Some(host.mend(*remedy).await),
        Request::Facts(_)
        | Request::Probe { .. }
        | Request::Reach { .. }
        | Request::LogFiles { .. }
        | Request::LogText { .. }
        | Request::Container { .. }
        | Request::Runs
        | Request::Run { .. }
        | Request::Close { .. }
        | Request::Unknown => None,
    }
}

async fn answer(world: &World, request: Request) -> Response {
    match request {
        Request::Facts(request) => match facts::gather(world, &request).await {
            Ok(facts) => Response::Facts(Box::new(facts)),
            Err(error) => Response::Failed { error },
        },
        Request::Probe { target } => probe::probe(&*world.host, target).await,
        Request::Reach { targets } => {
            Response::Unreached { targets: reach::unreached(&*world.host, targets).await }
        }
        Request::LogFiles { folders } => logs::files(world, folders).await,
        Request::LogText { folders, path, from, most } => {
            logs::text(world, folders, (path, from, most)).await
        }
        Request::Container { name, look } => logs::container(world, &name, look).await,
        Request::Runs => Response::Runs(facts::left(world).await),
        Request::Run { run } => match story(world, &run) {
            Ok(story) => Response::Run(Box::new(story)),
            Err(error) => Response::Failed { error },
        },
        Request::Close { run } => match endings::close(world, &run) {
            Ok(()) => Response::Done,
            Err(error) => Response::Failed { error },
        },
        // Answered where they were heard.
        Request::Hold(_)
        | Request::Release
        | Request::Forget
        | Request::Mend { .. }
        | Request::OpenDoors { .. }
        | Request::CloseDoors
        | Request::Unknown => Response::Failed {
            error: ErrorReport::new(ErrorCode::Protocol, "This agent does not know that question.").hint(
                "The agent is older than the controller: reap it (`omsctl agents --reap`) and run again.",
            ),
        },
    }
}

fn story(world: &World, run: &RunId) -> Result<RunStory, ErrorReport> {
    let folder = RunFolder::new(&world.places, run);
    let unreadable = |error: &dyn std::error::Error| {
        ErrorReport::new(ErrorCode::State, format!("The run {run} cannot be read on this host."))
            .cause(error.to_string())
    };
    let record = folder.record().map_err(|error| unreadable(&error))?;
    let events = journal::read(&folder.journal()).map_err(|error| unreadable(&error))?;
    let (claim, _) = claimed(events.iter(), &record);
    let RunRecord { plan, operator, started, .. } = record;
    Ok(RunStory { plan, key: folder.key().ok(), operator, started, claim })
}
