//! What simulated hosts reach of each other.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeFrom;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omsctl_proto::Door;
use tokio::sync::mpsc;

use crate::ports::{ByteStream, Listening};

/// The first port that is given to whoever does not choose.
const EPHEMERAL: u16 = 40_000;
/// Bytes on their way between two hosts.
const WINDOW: usize = 64 * 1024;

/// Shared by the hosts of one fleet; clones are the same network.
#[derive(Debug, Clone, Default)]
pub struct Network(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    doors: BTreeMap<SocketAddr, mpsc::Sender<Box<dyn ByteStream>>>,
    /// On all ports, or only on those that were given to whoever did not choose.
    apart: BTreeMap<(IpAddr, IpAddr), RangeFrom<u16>>,
    /// Who came to whom.
    met: Vec<(IpAddr, IpAddr)>,
    /// Ports that were given.
    given: u16,
}

impl Network {
    /// The first of them does not reach the second any more.
    pub fn separate(&self, from: IpAddr, to: IpAddr) {
        self.state().apart.insert((from, to), 0..);
    }

    /// As behind a firewall that lets pass only the ports that are known beforehand.
    pub fn separate_but_for_known_ports(&self, from: IpAddr, to: IpAddr) {
        self.state().apart.insert((from, to), EPHEMERAL..);
    }

    /// Where somebody listens.
    pub fn doors(&self) -> Vec<SocketAddr> {
        let mut state = self.state();
        state.doors.retain(|_, door| !door.is_closed());
        state.doors.keys().copied().collect()
    }

    /// Connections that were made to ports that nobody chose, from and to, in their order.
    pub fn met(&self) -> Vec<(IpAddr, IpAddr)> {
        self.state().met.clone()
    }

    pub(super) fn listen(&self, door: Door) -> io::Result<Listening> {
        let mut state = self.state();
        state.doors.retain(|_, door| !door.is_closed());
        let port = if door.port == 0 { EPHEMERAL + state.given } else { door.port };
        state.given += 1;
        let address = SocketAddr::new(door.address, port);
        if state.doors.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (sender, incoming) = mpsc::channel(8);
        state.doors.insert(address, sender);
        Ok((address, incoming))
    }

    pub(super) async fn connect(&self, from: Option<IpAddr>, to: SocketAddr) -> Option<Box<dyn ByteStream>> {
        let sender = {
            let mut state = self.state();
            let from = from?;
            if state.apart.get(&(from, to.ip())).is_some_and(|ports| ports.contains(&to.port())) {
                return None;
            }
            let sender = state.doors.get(&to)?.clone();
            if to.port() >= EPHEMERAL {
                state.met.push((from, to.ip()));
            }
            sender
        };
        let (near, far) = tokio::io::duplex(WINDOW);
        sender.send(Box::new(far)).await.ok()?;
        Some(Box::new(near))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
