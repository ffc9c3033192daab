//! The way from the bastion to one simulated host: pipes in memory instead of SSH, with switches to make it fail. It
//! reads along to know when; it changes nothing of what passes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_agent::World;
use omsctl_controller::ports::{
    AgentCommand, ByteStream, Connection, ConnectionDetails, HostTarget, Transport,
};
use omsctl_proto::{ErrorCode, ErrorReport, Event, ToAgent, ToController, read_frame, write_frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;

/// As much as a channel of SSH takes before its writer waits.
const WINDOW: usize = 64 * 1024;
/// A dead host is known as such after this time.
const TIME_OUT: Duration = Duration::from_secs(10);

/// Whether new connections come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Nobody answers.
    Dead,
    /// Somebody answers and does not let us in.
    Refusing,
}

/// When every connection to the host breaks, once.
pub(crate) enum Moment {
    /// Instead of the first event that fits.
    Event(Box<dyn Fn(&Event) -> bool + Send>),
    /// Instead of the first word of the controller that fits.
    Asked(fn(&ToAgent) -> bool),
    /// After so many bytes of the image.
    Bytes(u64),
    /// When the controller asks for its so-manieth connection to the MetaDB by way of this host.
    Dial(u32),
}

/// What follows the break.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Then {
    Back,
    BackAfter(Duration),
    Away,
}

struct State {
    way: Way,
    fault: Option<(Moment, Then)>,
    struck: bool,
    dials: u32,
    image_bytes: u64,
    /// How long a part of an image is on its way.
    pace: Duration,
    /// True ends a connection.
    connections: Vec<watch::Sender<bool>>,
}

/// The way to one host, and the agent there.
pub(crate) struct Link {
    world: World,
    state: Mutex<State>,
    /// Cloned by every open channel.
    channels: Arc<()>,
}

impl Link {
    pub(crate) fn new(world: World) -> Arc<Self> {
        let state = State {
            way: Way::Open,
            fault: None,
            struck: false,
            dials: 0,
            image_bytes: 0,
            pace: Duration::ZERO,
            connections: Vec::new(),
        };
        Arc::new(Self { world, state: Mutex::new(state), channels: Arc::default() })
    }

    pub(crate) fn set(&self, way: Way) {
        self.state.lock().unwrap().way = way;
    }

    pub(crate) fn break_at(&self, moment: Moment, then: Then) {
        self.state.lock().unwrap().fault = Some((moment, then));
    }

    /// The planned break came to pass.
    pub(crate) fn broke(&self) -> bool {
        self.state.lock().unwrap().struck
    }

    /// Every 16 KiB of an image take so long.
    pub(crate) fn slow_down(&self, pace: Duration) {
        self.state.lock().unwrap().pace = pace;
    }

    /// Bytes of images and their announcements that the bastion has sent this way.
    pub(crate) fn image_bytes(&self) -> u64 {
        self.state.lock().unwrap().image_bytes
    }

    /// Channels that somebody holds open.
    pub(crate) fn open_channels(&self) -> usize {
        Arc::strong_count(&self.channels) - 1
    }

    /// Breaks all connections; new ones come through.
    pub(crate) fn cut(&self) {
        for connection in self.state.lock().unwrap().connections.drain(..) {
            connection.send_replace(true);
        }
    }

    /// Breaks all connections when the moment has come.
    fn strike(self: &Arc<Self>, fits: impl FnOnce(&Moment) -> bool) -> bool {
        let mut state = self.state.lock().unwrap();
        if !state.fault.as_ref().is_some_and(|(moment, _)| fits(moment)) {
            return false;
        }
        let (_, then) = state.fault.take().expect("a fault that fits");
        state.struck = true;
        for connection in state.connections.drain(..) {
            connection.send_replace(true);
        }
        match then {
            Then::Back => {}
            Then::Away => state.way = Way::Dead,
            Then::BackAfter(pause) => {
                state.way = Way::Dead;
                let link = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(pause).await;
                    link.set(Way::Open);
                });
            }
        }
        true
    }

    async fn live(self: Arc<Self>, command: AgentCommand, stream: DuplexStream) {
        let world = self.world.clone();
        let (mut input, mut output) = tokio::io::split(stream);
        match command {
            AgentCommand::Session => {
                let (theirs, said) = tokio::io::duplex(WINDOW);
                let (asked, heard) = tokio::io::duplex(WINDOW);
                let session = omsctl_agent::session(heard, theirs, world);
                let _ = tokio::join!(session, self.read_along(said, output), self.listen_along(input, asked));
            }
            AgentCommand::Connect { host, port } => {
                let dials = {
                    let mut state = self.state.lock().unwrap();
                    state.dials += 1;
                    state.dials
                };
                if !self.strike(|moment| matches!(moment, Moment::Dial(number) if *number == dials)) {
                    // The controller sees how it ended by what came through.
                    let _ = omsctl_agent::connect(input, output, &world, &host, port).await;
                }
            }
            AgentCommand::Receive { run, content } => {
                let (sent, theirs) = tokio::io::duplex(WINDOW);
                tokio::select! {
                    () = self.count(&mut input, sent) => {}
                    _ = omsctl_agent::receive(theirs, &mut output, &world, &run, &content) => {}
                }
            }
        }
    }

    async fn read_along(self: &Arc<Self>, mut said: DuplexStream, mut output: impl AsyncWrite + Unpin) {
        while let Ok(Some(frame)) = read_frame::<ToController, _>(&mut said).await {
            if let ToController::Event { event } = &frame
                && self.strike(|moment| matches!(moment, Moment::Event(fits) if fits(event)))
            {
                return;
            }
            if write_frame(&mut output, &frame).await.is_err() {
                return;
            }
        }
        let _ = output.shutdown().await;
    }

    async fn listen_along(self: &Arc<Self>, mut input: impl AsyncRead + Unpin, mut asked: DuplexStream) {
        while let Ok(Some(frame)) = read_frame::<ToAgent, _>(&mut input).await {
            if self.strike(|moment| matches!(moment, Moment::Asked(fits) if fits(&frame))) {
                return;
            }
            if write_frame(&mut asked, &frame).await.is_err() {
                return;
            }
        }
    }

    /// Ends only when the link breaks: the receiver knows by itself when it has all.
    async fn count(self: &Arc<Self>, input: &mut (impl AsyncRead + Unpin), mut sent: DuplexStream) {
        let mut part = vec![0; 16 * 1024];
        let mut passed = 0;
        while let Ok(count @ 1..) = input.read(&mut part).await {
            passed += u64::try_from(count).unwrap();
            let pace = {
                let mut state = self.state.lock().unwrap();
                state.image_bytes += u64::try_from(count).unwrap();
                state.pace
            };
            if !pace.is_zero() {
                tokio::time::sleep(pace).await;
            }
            if self.strike(|moment| matches!(moment, Moment::Bytes(limit) if passed >= *limit)) {
                return;
            }
            if sent.write_all(&part[..count]).await.is_err() {
                break;
            }
        }
        drop(sent);
        std::future::pending::<()>().await;
    }
}

/// Finds hosts by their address.
pub(crate) struct FakeTransport(pub(crate) Vec<(String, Arc<Link>)>);

impl Transport for FakeTransport {
    fn connect<'a>(
        &'a self,
        target: &'a HostTarget,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, ErrorReport>> {
        async {
            let found = self.0.iter().find(|(address, _)| *address == target.address);
            let link = Arc::clone(&found.expect("only hosts of the inventory are connected to").1);
            let way = link.state.lock().unwrap().way;
            match way {
                Way::Open => {
                    let closed = watch::Sender::new(false);
                    link.state.lock().unwrap().connections.push(closed.clone());
                    Ok(Arc::new(FakeConnection { link, closed }) as Arc<dyn Connection>)
                }
                Way::Dead => {
                    tokio::time::sleep(TIME_OUT).await;
                    Err(ErrorReport::new(ErrorCode::Unreachable, format!("{} does not answer", target.node)))
                }
                Way::Refusing => Err(ErrorReport::new(
                    ErrorCode::Authentication,
                    format!("{} does not let us in", target.node),
                )),
            }
        }
        .boxed()
    }
}

struct FakeConnection {
    link: Arc<Link>,
    closed: watch::Sender<bool>,
}

impl Connection for FakeConnection {
    fn run_agent(&self, command: AgentCommand) -> BoxFuture<'_, Result<Box<dyn ByteStream>, ErrorReport>> {
        let mut closed = self.closed.subscribe();
        let (link, channel) = (Arc::clone(&self.link), Arc::clone(&self.link.channels));
        async move {
            if *closed.borrow() {
                return Err(ErrorReport::new(ErrorCode::Unreachable, "the connection is closed"));
            }
            let (ours, theirs) = tokio::io::duplex(WINDOW);
            tokio::spawn(async move {
                tokio::select! {
                    biased;
                    _ = closed.wait_for(|closed| *closed) => {}
                    () = link.live(command, theirs) => {}
                }
                drop(channel);
            });
            Ok(Box::new(ours) as Box<dyn ByteStream>)
        }
        .boxed()
    }

    fn closed(&self) -> BoxFuture<'_, ()> {
        let mut closed = self.closed.subscribe();
        async move {
            let _ = closed.wait_for(|closed| *closed).await;
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.closed.send_replace(true);
        async {}.boxed()
    }

    fn details(&self) -> ConnectionDetails {
        ConnectionDetails { address: "10.0.0.0:22".to_owned(), ..ConnectionDetails::default() }
    }
}
