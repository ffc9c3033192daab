//! One host's part, played to an agent that only asks for bytes.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_proto::{
    ConnectReply, ErrorCode, GateRow, Hello, MetaDbProof, Piece, Role, StepId, ToController, read_frame,
    write_frame,
};
use tokio::io::{AsyncRead, AsyncReadExt, DuplexStream, duplex};

use super::*;
use crate::ports::{Become, ByteStream, ConnectionDetails, ContentSource, Method, Parcel};

/// How the agent takes the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taking {
    /// It closes the channel after some of them and asks again.
    BreaksOff,
    /// The channel cannot be opened.
    NoChannel,
}

struct Line {
    taking: Taking,
    opened: AtomicU32,
    asks: mpsc::Sender<()>,
}

impl Transport for Line {
    fn connect<'a>(&'a self, _: &'a HostTarget) -> BoxFuture<'a, Result<Arc<dyn Connection>, ErrorReport>> {
        async { Err(ErrorReport::new(ErrorCode::Unreachable, "not in this test")) }.boxed()
    }
}

impl Connection for Line {
    fn run_agent(&self, _: AgentCommand) -> BoxFuture<'_, Result<Box<dyn ByteStream>, ErrorReport>> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        async {
            if self.taking == Taking::NoChannel {
                return Err(ErrorReport::new(ErrorCode::Unreachable, "no channel"));
            }
            let (ours, mut theirs) = duplex(16);
            let asks = self.asks.clone();
            tokio::spawn(async move {
                let reply = ConnectReply::Connected { peer: "test".to_owned() };
                write_frame(&mut theirs, &reply).await.unwrap();
                theirs.read_exact(&mut [0; 8]).await.unwrap();
                drop(theirs);
                let _ = asks.send(()).await;
            });
            Ok(Box::new(ours) as Box<dyn ByteStream>)
        }
        .boxed()
    }

    fn closed(&self) -> BoxFuture<'_, ()> {
        std::future::pending().boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }

    fn details(&self) -> ConnectionDetails {
        ConnectionDetails::default()
    }
}

struct Archive {
    readable: bool,
}

impl ContentSource for Archive {
    fn open(&self, _: Vec<Range<u64>>) -> BoxFuture<'_, io::Result<Box<dyn AsyncRead + Send + Unpin>>> {
        let opened = if self.readable {
            Ok(Box::new(io::Cursor::new(vec![7_u8; 4096])) as Box<dyn AsyncRead + Send + Unpin>)
        } else {
            Err(io::Error::other("stale file handle"))
        };
        async { opened }.boxed()
    }
}

struct NoTime;

impl Clock for NoTime {
    fn utc_ms(&self) -> u64 {
        0
    }
}

/// Asks whenever it may, and ends when it is told to.
async fn agent(mut control: DuplexStream, mut may_ask: mpsc::Receiver<()>) {
    let hello = ToController::Hello(Hello::new("test", 0));
    let _: Option<ToAgent> = read_frame(&mut control).await.unwrap();
    write_frame(&mut control, &hello).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(control);
    let cancelled = async {
        loop {
            match read_frame::<ToAgent, _>(&mut reader).await.unwrap() {
                Some(ToAgent::Order { order: Order::Cancel { by, .. }, .. }) => return by,
                Some(_) => {}
                None => panic!("the controller left"),
            }
        }
    };
    tokio::pin!(cancelled);
    let mut seq = 0;
    loop {
        let kind = tokio::select! {
            by = &mut cancelled => EventKind::NodeAborted { by, reason: "asked".to_owned() },
            Some(()) = may_ask.recv() => EventKind::ContentWanted {
                step: StepId::LoadImage,
                content: parcel().content().to_string(),
                offset: 0,
                door: None,
            },
        };
        seq += 1;
        let ended = kind.importance() == Importance::Terminal;
        let event = event(seq, kind);
        write_frame(&mut writer, &ToController::Event { event }).await.unwrap();
        if ended {
            return;
        }
    }
}

/// It pretends to be the controller, in another run.
fn event(seq: u64, kind: EventKind) -> Event {
    Event {
        v: Event::VERSION,
        run: RunId::new("r-2").unwrap(),
        node: None,
        boot: "1".to_owned(),
        seq,
        t: "2026-01-01T00:00:00.000Z".to_owned(),
        mono_ms: 0,
        kind,
    }
}

fn parcel() -> Parcel {
    Parcel { pieces: vec![Piece::of(&[7; 4096])], ranges: vec![0..4096], unpacked: 4096 }
}

/// How the host ends, how often a channel for bytes was opened, and what was told.
async fn play(taking: Taking, readable: bool) -> (ErrorReport, u32, Vec<Event>) {
    let node = NodeName::new("n1").unwrap();
    let (asks, may_ask) = mpsc::channel(8);
    asks.send(()).await.unwrap();
    let line = Arc::new(Line { taking, opened: AtomicU32::new(0), asks });
    let (ours, theirs) = duplex(1 << 16);
    tokio::spawn(agent(theirs, may_ask));
    let session = Session::open(node.clone(), Box::new(ours), 0).await.unwrap();
    let target = HostTarget {
        node: node.clone(),
        address: "n1".to_owned(),
        port: None,
        user: None,
        password: None,
        private_key_file: None,
        ssh_arguments: Vec::new(),
        escalation: Become::default(),
        method: Method::Ssh,
    };
    let source: Arc<dyn ContentSource> = Arc::new(Archive { readable });
    let shared = Shared {
        transport: line.clone(),
        clock: Arc::new(NoTime),
        contents: BTreeMap::from([(parcel().content(), Content { parcel: parcel(), source })]),
        run: RunId::new("r-1").unwrap(),
        key: FingerprintKey::new([7; 32]),
        operator: Operator { who: "ann@bastion".to_owned(), pid: 1 },
        controller: ControllerId::new("ann0").unwrap(),
        reconnect: Duration::from_secs(1),
        relay: Mutex::default(),
        moving: None,
        rotation: None,
        uplink: Arc::new(Uplink::new(None)),
    };
    let way = HostLink { target, connection: line.clone(), session, held_by: None };
    let (events, mut heard) = mpsc::channel(64);
    let (commands, received) = mpsc::channel(1);
    let row = GateRow {
        node,
        role: Role::New,
        gates: BTreeSet::new(),
        proof: MetaDbProof::Registered,
        serves_tsdb: false,
    };
    let work = NodeWork { row, begin: Begin::Attach, secrets: BTreeMap::new(), proof: None };
    let claim = Some(Claim::first(shared.controller.clone()));
    let walk = tokio::spawn(NodeWalk::new(Arc::new(shared), way, claim, events).run(work, received));
    let mut told = Vec::new();
    let error = loop {
        match heard.recv().await.unwrap().1 {
            FromNode::Ended(End::GivenUp(error)) => break error,
            FromNode::Ended(end) => panic!("{end:?}"),
            FromNode::Event(event) => told.push(*event),
            _ => {}
        }
    };
    drop(commands);
    walk.await.unwrap();
    (error, line.opened.load(Ordering::Relaxed), told)
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_asks_without_end_is_told_to_end_and_its_host_has_failed() {
    let (error, opened, _) = play(Taking::BreaksOff, true).await;
    assert_eq!((error.code, opened), (ErrorCode::Unreachable, 5));
    assert!(error.message.contains("5 attempts") && !error.causes.is_empty(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_find_no_channel_are_sent_again_and_then_given_up() {
    let (error, opened, _) = play(Taking::NoChannel, true).await;
    assert_eq!((error.code, opened), (ErrorCode::Unreachable, 5));
    assert!(error.causes[0].contains("no channel"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_archive_that_cannot_be_read_any_more_is_not_waited_for() {
    let (error, opened, _) = play(Taking::BreaksOff, false).await;
    assert_eq!((error.code, opened), (ErrorCode::Image, 0));
    assert_eq!(error.causes, ["stale file handle"]);
}

#[tokio::test(start_paused = true)]
async fn a_host_speaks_for_nobody_else() {
    let (_, _, told) = play(Taking::BreaksOff, false).await;
    assert!(!told.is_empty());
    for event in told {
        assert_eq!((event.node.unwrap().as_str(), event.run.as_str()), ("n1", "r-1"));
    }
}
