//! What lies between a bastion and the hosts: delays, pauses in which nothing moves, and connections whose two ends
//! learn at different times that they are gone, or not at all. Bytes of one connection are never reordered.
//!
//! It stands in front of the links of the in-process suite, and knows nothing of what passes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_controller::ports::{
    AgentCommand, ByteStream, Connection, ConnectionDetails, HostTarget, Transport,
};
use omsctl_proto::{ErrorCode, ErrorReport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::link::FakeTransport;

const WINDOW: usize = 64 * 1024;
const CHUNK: usize = 16 * 1024;
/// A host that is told nothing more gives a connection up after this time, as sshd does with keep-alives.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(90);

/// The weather on the way to one host.
#[derive(Debug)]
pub(crate) struct Weather {
    delay_ms: RangeInclusive<u64>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: Rng,
    /// Nothing moves until then.
    still: Option<Instant>,
    cables: Vec<watch::Sender<Cable>>,
}

/// One connection as its two ends know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cable {
    Whole,
    /// The bastion knows; the host still gets what was under way, and learns it after this time.
    Torn(Duration),
}

impl Weather {
    pub(crate) fn new(delay_ms: RangeInclusive<u64>, random: Rng) -> Self {
        Self { delay_ms, state: Mutex::new(State { random, still: None, cables: Vec::new() }) }
    }

    /// Nothing moves for so long; nobody is told.
    pub(crate) fn pause(&self, length: Duration) {
        self.state.lock().unwrap().still = Some(Instant::now() + length);
    }

    /// The bastion's end of every connection closes; the host's end so much later.
    pub(crate) fn tear(&self, later: Duration) {
        for cable in self.state.lock().unwrap().cables.drain(..) {
            cable.send_replace(Cable::Torn(later));
        }
    }

    async fn travel(&self) {
        let (delay, still) = {
            let mut state = self.state.lock().unwrap();
            (state.random.u64(self.delay_ms.clone()), state.still)
        };
        if delay > 0 {
            sleep(Duration::from_millis(delay)).await;
        }
        if let Some(until) = still {
            sleep_until(until).await;
        }
    }
}

/// The way of one controller to all hosts, by their addresses.
pub(crate) struct Network {
    pub(crate) links: FakeTransport,
    pub(crate) weathers: Arc<BTreeMap<String, Arc<Weather>>>,
    /// False when the bastion has lost its power: nobody closes anything any more.
    pub(crate) power: watch::Sender<bool>,
}

impl Transport for Network {
    fn connect<'a>(
        &'a self,
        target: &'a HostTarget,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, ErrorReport>> {
        async {
            let weather = Arc::clone(&self.weathers[&target.address]);
            weather.travel().await;
            let inner = self.links.connect(target).await?;
            let cable = watch::Sender::new(Cable::Whole);
            weather.state.lock().unwrap().cables.push(cable.clone());
            let power = self.power.subscribe();
            Ok(Arc::new(Wire { inner, weather, cable, power }) as Arc<dyn Connection>)
        }
        .boxed()
    }
}

struct Wire {
    inner: Arc<dyn Connection>,
    weather: Arc<Weather>,
    cable: watch::Sender<Cable>,
    power: watch::Receiver<bool>,
}

impl Connection for Wire {
    fn run_agent(&self, command: AgentCommand) -> BoxFuture<'_, Result<Box<dyn ByteStream>, ErrorReport>> {
        async move {
            if *self.cable.borrow() != Cable::Whole {
                return Err(ErrorReport::new(ErrorCode::Unreachable, "the connection is closed"));
            }
            let far = self.inner.run_agent(command).await?;
            let (ours, near) = tokio::io::duplex(WINDOW);
            let ends = Ends { cable: self.cable.subscribe(), power: self.power.clone() };
            tokio::spawn(carry(near, far, Arc::clone(&self.weather), ends));
            Ok(Box::new(ours) as Box<dyn ByteStream>)
        }
        .boxed()
    }

    fn closed(&self) -> BoxFuture<'_, ()> {
        let mut cable = self.cable.subscribe();
        async move {
            tokio::select! {
                _ = cable.wait_for(|cable| *cable != Cable::Whole) => {}
                () = self.inner.closed() => {}
            }
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }

    fn details(&self) -> ConnectionDetails {
        self.inner.details()
    }
}

/// Where the end of a connection is heard of.
#[derive(Clone)]
struct Ends {
    cable: watch::Receiver<Cable>,
    power: watch::Receiver<bool>,
}

impl Ends {
    /// How much later than the bastion's end the host's end learns that it is over.
    async fn torn(&mut self) -> Duration {
        let cable = async {
            match self.cable.wait_for(|cable| *cable != Cable::Whole).await.map(|cable| *cable) {
                Ok(Cable::Torn(later)) => later,
                // Whoever held the connection dropped it: the stream itself says so.
                Ok(Cable::Whole) | Err(_) => std::future::pending().await,
            }
        };
        let power = async {
            if self.power.wait_for(|power| !power).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            later = cable => later,
            () = power => GIVEN_UP_AFTER,
        }
    }
}

async fn carry(near: impl ByteStream, far: Box<dyn ByteStream>, weather: Arc<Weather>, ends: Ends) {
    let (mut near_reader, mut near_writer) = tokio::io::split(near);
    let (mut far_reader, mut far_writer) = tokio::io::split(far);
    let mut end = ends.clone();
    let up = async {
        let mut later = flow(&mut near_reader, &mut far_writer, &weather, ends.clone()).await;
        if later.is_none() {
            // The host may still have something to say.
            let _ = far_writer.shutdown().await;
            later = Some(end.torn().await);
        }
        sleep(later.unwrap_or_default()).await;
    };
    let down = async {
        let torn = flow(&mut far_reader, &mut near_writer, &weather, ends.clone()).await.is_some();
        // The bastion may be gone.
        let _ = near_writer.shutdown().await;
        if torn {
            // The host's end stays until the other direction says that it is over.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

/// `Some` when the connection was torn; what had been read by then still arrives.
async fn flow(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    weather: &Weather,
    mut ends: Ends,
) -> Option<Duration> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = tokio::select! {
            biased;
            later = ends.torn() => return Some(later),
            count = from.read(&mut chunk) => count.unwrap_or(0),
        };
        weather.travel().await;
        if count == 0 || to.write_all(&chunk[..count]).await.is_err() {
            return None;
        }
    }
}
