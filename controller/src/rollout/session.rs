//! The control channel of one host: hello, questions and answers, and the stream of a run's events.
//!
//! Two tasks own the two directions, so that a question never waits for an event that nobody reads yet. Dropping
//! the session closes the channel; the agent on the host goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use omsctl_proto::{
    Claim, ErrorCode, ErrorReport, Event, FrameError, Gate, Hello, NodeName, Refusal, Request, Response,
    ToAgent, ToController, agree, read_frame, write_frame,
};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::ports::ByteStream;

/// How long an agent may take for its hello, and for an answer. Facts of a host under load take seconds.
const HELLO_LIMIT: Duration = Duration::from_secs(20);
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
/// An agent that is held takes a controller that says nothing for six times this for dead.
const ALIVE_EVERY: Duration = Duration::from_secs(5);

/// What comes from an agent that walks a run.
#[derive(Debug, Clone, PartialEq)]
pub enum FromAgent {
    Attached(Attached),
    Refused(Refusal),
    Event(Box<Event>),
    /// Another controller gives the orders of this run from now on; its operator.
    Superseded(String),
    /// Nobody gives orders to this run.
    Unheld,
    /// Somebody does, now or again.
    Led,
}

/// How a run stands on a host at the moment of attaching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The number of the last event that was there.
    pub latest: u64,
    /// The greatest that the host has seen.
    pub claim: Claim,
    /// Passed or not.
    pub opened: BTreeSet<Gate>,
}

/// Questions without an answer yet.
#[derive(Debug, Default)]
struct Questions {
    waiting: BTreeMap<u64, oneshot::Sender<Response>>,
    /// Nothing will be read any more.
    ended: bool,
    /// What came that cannot be read.
    broken: Option<String>,
}

type Pending = Arc<Mutex<Questions>>;

/// An open control channel.
#[derive(Debug)]
pub struct Session {
    node: NodeName,
    outbox: mpsc::Sender<ToAgent>,
    pending: Pending,
    next: AtomicU64,
    /// Events and answers to `start` and `attach`; ends when the channel is lost.
    pub inbox: mpsc::Receiver<FromAgent>,
    tasks: [JoinHandle<()>; 2],
    /// The host's clock less the bastion's, in milliseconds.
    pub clock_offset_ms: i64,
}

impl Session {
    /// Says hello and agrees on a protocol.
    pub async fn open(node: NodeName, stream: Box<dyn ByteStream>, utc_ms: u64) -> Result<Self, ErrorReport> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let ours = Hello::new(env!("CARGO_PKG_VERSION"), utc_ms);
        let greeting = async {
            write_frame(&mut writer, &ToAgent::Hello(ours.clone())).await?;
            read_frame::<ToController, _>(&mut reader).await
        };
        let theirs = match timeout(HELLO_LIMIT, greeting).await {
            Ok(Ok(Some(ToController::Hello(theirs)))) => theirs,
            Ok(Ok(_)) => {
                return Err(protocol_error(&node, "it closed the channel or said something else than hello"));
            }
            Ok(Err(error)) => return Err(frame_error(&node, &error)),
            Err(_) => return Err(protocol_error(&node, "it said nothing for 20 s")),
        };
        if agree(&ours, &theirs).is_none() {
            let versions = format!("it is version {}, this is {}", theirs.version, ours.version);
            return Err(protocol_error(&node, &versions));
        }
        let clock_offset_ms = i64::try_from(i128::from(theirs.utc_ms) - i128::from(utc_ms));
        Ok(Self::run(node, reader, writer, clock_offset_ms.unwrap_or(i64::MAX)))
    }

    fn run(
        node: NodeName,
        reader: ReadHalf<Box<dyn ByteStream>>,
        writer: WriteHalf<Box<dyn ByteStream>>,
        clock_offset_ms: i64,
    ) -> Self {
        let (outbox, to_send) = mpsc::channel(64);
        let (received, inbox) = mpsc::channel(256);
        let pending = Pending::default();
        let tasks = [
            tokio::spawn(send_all(to_send, writer)),
            tokio::spawn(receive_all(reader, received, Arc::clone(&pending))),
        ];
        Self { node, outbox, pending, next: AtomicU64::new(1), inbox, tasks, clock_offset_ms }
    }

    pub(super) fn node(&self) -> &NodeName {
        &self.node
    }

    /// Sends a command; an error means that the channel is lost.
    pub async fn send(&self, message: ToAgent) -> Result<(), ErrorReport> {
        self.outbox.send(message).await.map_err(|_| lost(&self.node))
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&self, request: Request) -> Result<Response, ErrorReport> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        {
            let mut questions = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            if questions.ended {
                return Err(gone(&self.node, questions.broken.as_deref()));
            }
            questions.waiting.insert(id, answer);
        }
        self.send(ToAgent::Request { id, request }).await?;
        let response = timeout(ANSWER_LIMIT, answered).await;
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&id);
        match response {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) => {
                let questions = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
                Err(gone(&self.node, questions.broken.as_deref()))
            }
            Err(_) => Err(protocol_error(&self.node, "it gave no answer for 60 s")
                .hint("look at the host's load and at its Docker: `docker info` must answer")),
        }
    }

    /// Closes our end and waits until the agent has closed its own, at most `limit`.
    pub async fn close(mut self, limit: Duration) {
        let (outbox, _) = mpsc::channel(1);
        self.outbox = outbox;
        let drained = async { while self.inbox.recv().await.is_some() {} };
        let _ = timeout(limit, drained).await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn send_all(mut messages: mpsc::Receiver<ToAgent>, mut writer: WriteHalf<Box<dyn ByteStream>>) {
    loop {
        let message = match timeout(ALIVE_EVERY, messages.recv()).await {
            Ok(Some(message)) => message,
            Ok(None) => break,
            Err(_) => ToAgent::Alive,
        };
        if let Err(error) = write_frame(&mut writer, &message).await {
            tracing::debug!(%error, "control channel lost while writing");
            return;
        }
    }
    // A failure here means that the other end is gone already.
    let _ = tokio::io::AsyncWriteExt::shutdown(&mut writer).await;
}

async fn receive_all(
    mut reader: ReadHalf<Box<dyn ByteStream>>,
    inbox: mpsc::Sender<FromAgent>,
    pending: Pending,
) {
    let mut broken = None;
    loop {
        let message = match read_frame::<ToController, _>(&mut reader).await {
            Ok(Some(message)) => message,
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "control channel lost while reading");
                if !matches!(error, FrameError::Truncated | FrameError::Connection(_)) {
                    broken = Some(error.to_string());
                }
                break;
            }
        };
        let forwarded = match message {
            ToController::Response { id, response } => {
                let waiting = pending.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&id);
                // Nobody waits any more after a time-out.
                let _ = waiting.map(|answer| answer.send(response));
                continue;
            }
            ToController::Attached { run: _, latest, claim, opened } => {
                FromAgent::Attached(Attached { latest, claim, opened })
            }
            ToController::Refused { refusal: Refusal::Superseded { by, .. } }
            | ToController::Superseded { by, .. } => FromAgent::Superseded(by),
            ToController::Evicted => FromAgent::Superseded("another controller".to_owned()),
            ToController::Refused { refusal } => FromAgent::Refused(refusal),
            ToController::Event { event } => FromAgent::Event(Box::new(event)),
            ToController::Unheld => FromAgent::Unheld,
            ToController::Led => FromAgent::Led,
            // What was said is said again after a lost connection, whether or not it was taken.
            ToController::Hello(_) | ToController::Taken { .. } | ToController::Unknown => continue,
        };
        if inbox.send(forwarded).await.is_err() {
            break;
        }
    }
    let mut questions = pending.lock().unwrap_or_else(PoisonError::into_inner);
    questions.ended = true;
    questions.broken = broken;
    questions.waiting.clear();
}

/// The channel ended without a word.
pub(super) fn lost(node: &NodeName) -> ErrorReport {
    ErrorReport::new(ErrorCode::Unreachable, format!("the connection to {node} was lost"))
        .hint("run the same command again: it looks at what is there and goes on")
}

/// The channel ended: without a word, or with one that cannot be read.
fn gone(node: &NodeName, broken: Option<&str>) -> ErrorReport {
    broken.map_or_else(
        || lost(node),
        |why| {
            protocol_error(node, why).hint(
                "omsctl and omsctl-agent are of two versions: lay both files of one release side by side",
            )
        },
    )
}

pub(super) fn protocol_error(node: &NodeName, why: &str) -> ErrorReport {
    ErrorReport::new(ErrorCode::Protocol, format!("the agent on {node} cannot be talked to")).cause(why)
}

fn frame_error(node: &NodeName, error: &FrameError) -> ErrorReport {
    match error {
        FrameError::Truncated | FrameError::Connection(_) => lost(node),
        FrameError::TooLarge(_) | FrameError::Malformed(_) | FrameError::Oversized(_) => {
            let report = ErrorReport::from_error(ErrorCode::Protocol, error);
            report.hint(
                "something prints to the SSH session before the agent does: look at the log-in shell's files",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use omsctl_proto::{ProbeTarget, RunId};

    use super::*;

    fn name() -> NodeName {
        NodeName::new("n1").unwrap()
    }

    async fn agent_says(messages: Vec<ToController>) -> Result<Session, ErrorReport> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move {
            let _ = read_frame::<ToAgent, _>(&mut theirs).await;
            for message in messages {
                write_frame(&mut theirs, &message).await.unwrap();
            }
        });
        Session::open(name(), Box::new(ours), 0).await
    }

    #[test]
    fn a_word_that_cannot_be_read_is_not_a_lost_connection() {
        assert_eq!(gone(&name(), None).code, ErrorCode::Unreachable);
        let report = gone(&name(), Some("malformed"));
        assert_eq!((report.code, report.causes), (ErrorCode::Protocol, vec!["malformed".to_owned()]));
    }

    fn hello(newest: u16) -> ToController {
        ToController::Hello(Hello { oldest: newest, newest, version: "9".to_owned(), utc_ms: 0 })
    }

    #[tokio::test]
    async fn another_protocol_is_refused_with_both_versions() {
        let error = agent_says(vec![hello(99)]).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Protocol);
        assert!(error.causes[0].contains("version 9"), "{error:?}");
    }

    #[tokio::test]
    async fn a_closed_channel_is_no_hello() {
        assert_eq!(agent_says(vec![]).await.unwrap_err().code, ErrorCode::Protocol);
    }

    #[tokio::test]
    async fn a_question_on_a_lost_channel_is_unreachable_and_the_inbox_ends() {
        let mut session = agent_says(vec![hello(1)]).await.unwrap();
        assert_eq!(session.inbox.recv().await, None);
        let target = ProbeTarget::Tcp { host: "h".to_owned(), port: 1 };
        assert_eq!(session.probe(target).await.unwrap_err().code, ErrorCode::Unreachable);
    }

    #[tokio::test]
    async fn an_answer_reaches_its_question_past_events_and_unknown_messages() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let agent = tokio::spawn(async move {
            let _ = read_frame::<ToAgent, _>(&mut theirs).await;
            write_frame(&mut theirs, &hello(1)).await.unwrap();
            let question = read_frame::<ToAgent, _>(&mut theirs).await.unwrap();
            let Some(ToAgent::Request { id, .. }) = question else { panic!("{question:?}") };
            write_frame(&mut theirs, &ToController::Unknown).await.unwrap();
            let refusal = Refusal::NoSuchRun { run: RunId::new("r").unwrap() };
            write_frame(&mut theirs, &ToController::Refused { refusal }).await.unwrap();
            let response = Response::Probe { reached: true, status: Some(200), found: "ok".to_owned() };
            write_frame(&mut theirs, &ToController::Response { id, response }).await.unwrap();
            theirs
        });
        let mut session = Session::open(name(), Box::new(ours), 0).await.unwrap();
        let target = ProbeTarget::Http { url: "http://h/".to_owned() };
        assert_eq!(session.probe(target).await.unwrap(), (true, Some(200), "ok".to_owned()));
        assert!(matches!(session.inbox.recv().await, Some(FromAgent::Refused(_))));
        drop(agent.await.unwrap());
    }
}
