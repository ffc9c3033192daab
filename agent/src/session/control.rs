//! Frames in, frames out: greeting, then questions and orders as they come.

use omsctl_proto::{
    ErrorCode, ErrorReport, FrameError, Hello, Request, Response, ToAgent, ToController, agree, read_frame,
    write_frame,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::attach::{self, Attachment};
use super::{probe, stale_agents};
use crate::world::World;
use crate::{VERSION, clock, facts};

/// Frames that wait for a slow controller before whoever makes them waits too.
const BACKLOG: usize = 64;

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
    tokio::select! {
        ended = listen(&mut input, sender, &world) => ended,
        ended = speak(&mut output, frames) => ended,
    }
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
) -> Result<(), SessionError>
where
    R: AsyncRead + Unpin,
{
    let mut answers = JoinSet::new();
    let (lost, mut daemon_lost) = mpsc::channel(1);
    let mut attachment: Option<Attachment> = None;
    let reading = async {
        while let Some(message) = read_frame(input).await? {
            match message {
                ToAgent::Request { id, request } => {
                    let (world, frames) = (world.clone(), frames.clone());
                    answers.spawn(async move {
                        let response = answer(&world, request).await;
                        // The controller is gone: nobody waits for the answer.
                        let _ = frames.send(ToController::Response { id, response }).await;
                    });
                    while answers.try_join_next().is_some() {}
                }
                ToAgent::Start { .. } | ToAgent::Attach { .. } => {
                    attachment = Some(attach::begin(world, message, frames.clone(), lost.clone()));
                }
                ToAgent::OpenGate { .. } | ToAgent::Cancel { .. } | ToAgent::Acknowledge { .. } => {
                    if let Some(attachment) = &attachment {
                        attachment.order(message).await;
                    }
                }
                ToAgent::Hello(_) | ToAgent::Unknown => {}
            }
        }
        Ok(())
    };
    tokio::select! {
        ended = reading => ended,
        Some(()) = daemon_lost.recv() => Err(SessionError::DaemonLost),
    }
}

async fn answer(world: &World, request: Request) -> Response {
    match request {
        Request::Facts(request) => match facts::gather(world, &request).await {
            Ok(facts) => Response::Facts(Box::new(facts)),
            Err(error) => Response::Failed { error },
        },
        Request::Probe { target } => probe::probe(&*world.host, target).await,
        Request::Unknown => Response::Failed {
            error: ErrorReport::new(ErrorCode::Protocol, "This agent does not know that question.").hint(
                "The agent is older than the controller: reap it (`omsctl agents --reap`) and run again.",
            ),
        },
    }
}
