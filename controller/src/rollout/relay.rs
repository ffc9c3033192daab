//! Who gets an image from whom. For each content the hosts are a chain, in the order in which they ask: the bastion sends
//! to the first, and each host sends to the next while it receives. So the bastion's uplink carries the content once.
//!
//! A host that cannot have it from another one asks again; after some such failures the bastion sends it. A host that is
//! much slower than the one before it keeps its place, but nobody stays behind it. Before the first there is nobody to
//! compare it with: see [`Trial`]. Decides only; sends nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use omsctl_proto::{Digest, NodeName, Peer};
use tokio::sync::Notify;
use tokio::time::Instant;

/// After so many hosts that it could not have it from, a host gets it from the bastion.
const REFUSALS: usize = 4;
/// Over which a rate is measured.
const WINDOW: Duration = Duration::from_secs(2);
/// A slow host is at least so many bytes behind the one that it gets them from.
const LAG: u64 = 32 * 1024 * 1024;
/// What takes less is not worth a trial: it costs the uplink about two windows.
const TRIAL_FROM: Duration = Duration::from_mins(1);

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Bastion,
    Peer(Peer),
}

/// The hosts that receive.
#[derive(Debug, Default)]
pub(super) struct Relay {
    hosts: BTreeMap<NodeName, Host>,
    /// At most one for each content.
    trials: BTreeMap<Digest, Trial>,
}

/// Whether the uplink or the first host's own link is what a chain waits for cannot be seen from one stream. So, when much
/// is still to come, the bastion sends to the second host as well for as long as it takes to measure it. When it is no
/// faster, it goes back behind the first one. When it is, the first one's link is narrow, and it leaves its place.
#[derive(Debug)]
struct Trial {
    second: NodeName,
    first: NodeName,
    /// Of the first host before the trial, in bytes a second.
    rate: u64,
    over: bool,
}

#[derive(Debug)]
struct Host {
    content: Digest,
    /// Of the content, in bytes.
    size: u64,
    door: Option<SocketAddr>,
    received: u64,
    source: Source,
    /// Something came from there.
    confirmed: bool,
    /// It could not have it from them.
    refused: BTreeSet<NodeName>,
    /// Nobody shall wait behind it.
    slow: bool,
    /// The controller does not reach it.
    lost: bool,
    /// Wakes whoever sends to it, or told it whom to ask: it shall ask again.
    unlink: Arc<Notify>,
    window: (Instant, u64),
    /// Bytes in a second.
    rate: Option<u64>,
}

impl Relay {
    /// A host asks for a content of so many bytes from a byte on.
    pub(super) fn asks(
        &mut self,
        node: &NodeName,
        (content, size): (&Digest, u64),
        received: u64,
        door: Option<SocketAddr>,
        now: Instant,
    ) -> Source {
        let before = self.hosts.remove(node).filter(|before| before.content == *content);
        let tried = self.trials.get(content).is_some_and(|trial| !trial.over && trial.second == *node);
        let (mut refused, mut slow) = (BTreeSet::new(), false);
        if let Some(before) = before {
            (refused, slow) = (before.refused, before.slow);
            // An agent that was started again has another door: nothing came since one of the two was gone.
            if let Source::Peer(peer) = before.source
                && before.door == door
                && !tried
                && !self.opened_anew(&peer)
            {
                refused.insert(peer.node);
            }
        }
        let peer = if tried { None } else { self.source(node, content, door, &refused) };
        let source = peer.map_or(Source::Bastion, Source::Peer);
        let host = Host {
            content: content.clone(),
            size,
            door,
            received,
            source: source.clone(),
            confirmed: false,
            refused,
            slow,
            lost: false,
            unlink: Arc::default(),
            window: (now, received),
            rate: None,
        };
        self.hosts.insert(node.clone(), host);
        source
    }

    /// Woken when the host shall ask again.
    pub(super) fn link(&self, node: &NodeName) -> Arc<Notify> {
        self.hosts.get(node).map(|host| Arc::clone(&host.unlink)).unwrap_or_default()
    }

    fn opened_anew(&self, peer: &Peer) -> bool {
        self.hosts.get(&peer.node).is_some_and(|host| host.door.is_some_and(|door| door != peer.door))
    }

    /// So many bytes are there. Whoever waits behind a slow host is told to ask again.
    pub(super) fn progress(&mut self, node: &NodeName, received: u64, now: Instant) {
        let Some(host) = self.hosts.get_mut(node) else { return };
        host.confirmed |= received > host.received;
        host.received = received;
        let (since, from) = host.window;
        let elapsed = now.duration_since(since);
        if elapsed < WINDOW {
            return;
        }
        // The numbers are the host's: any.
        let more = received.saturating_sub(from).saturating_mul(1000);
        host.rate = Some(more / u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
        host.window = (now, received);
        if self.is_slow(node) {
            self.nobody_behind(node);
        }
        self.try_the_second(node);
        self.judge_the_first(node);
    }

    fn nobody_behind(&mut self, node: &NodeName) {
        if let Some(host) = self.hosts.get_mut(node) {
            host.slow = true;
        }
        self.unlink_behind(node);
    }

    /// Begins a [`Trial`] when this host is a first one that has much to come and one behind it that keeps up.
    fn try_the_second(&mut self, node: &NodeName) {
        let Some(host) = self.hosts.get(node) else { return };
        let Some(rate) = host.rate.filter(|rate| *rate > 0) else { return };
        let left = host.size.saturating_sub(host.received) / rate;
        let keeps_up = |other: &Host| {
            other.takes() && other.confirmed && other.received.saturating_add(LAG) >= host.received
        };
        let wanted = host.source == Source::Bastion && !host.lost && left >= TRIAL_FROM.as_secs();
        if !wanted || self.trials.contains_key(&host.content) {
            return;
        }
        let behind = self.hosts.iter().filter(|(_, other)| other.parent() == Some(node));
        let Some((second, other)) = behind.into_iter().find(|(_, other)| keeps_up(other)) else { return };
        other.unlink.notify_one();
        let trial = Trial { second: second.clone(), first: node.clone(), rate, over: false };
        self.trials.insert(host.content.clone(), trial);
    }

    /// Ends the [`Trial`] in which this host is the second, once its rate from the bastion is known.
    fn judge_the_first(&mut self, node: &NodeName) {
        let Some(host) = self.hosts.get(node).filter(|host| host.source == Source::Bastion) else { return };
        let (Some(rate), Some(trial)) = (host.rate, self.trials.get_mut(&host.content)) else { return };
        if trial.over || trial.second != *node {
            return;
        }
        trial.over = true;
        // Two streams share a full uplink, so that the second gets half of what the first one had.
        if rate.saturating_mul(2) < trial.rate.saturating_mul(3) {
            host.unlink.notify_one();
            return;
        }
        let first = trial.first.clone();
        self.nobody_behind(&first);
        self.link(&first).notify_one();
    }

    /// The controller does not reach the host: nobody waits for what only the controller can send it.
    pub(super) fn lost(&mut self, node: &NodeName) {
        let Some(host) = self.hosts.get_mut(node) else { return };
        host.lost = true;
        if host.source == Source::Bastion {
            self.unlink_behind(node);
        }
    }

    /// The host has everything, or wants nothing any more. Those that get it from there go on.
    pub(super) fn over(&mut self, node: &NodeName) {
        self.hosts.remove(node);
    }

    fn unlink_behind(&self, node: &NodeName) {
        self.behind(node).for_each(|host| host.unlink.notify_one());
    }

    fn behind<'a>(&'a self, node: &'a NodeName) -> impl Iterator<Item = &'a Host> {
        self.hosts.values().filter(move |host| host.parent() == Some(node))
    }

    /// It receives less than half of what the host before it does, and is far behind.
    fn is_slow(&self, node: &NodeName) -> bool {
        let Some(host) = self.hosts.get(node) else { return false };
        let Some(parent) = host.parent().and_then(|parent| self.hosts.get(parent)) else { return false };
        let (Some(own), Some(of_parent)) = (host.rate, parent.rate) else { return false };
        own.saturating_mul(2) < of_parent && host.received.saturating_add(LAG) < parent.received
    }

    /// The best host to have it from, if any.
    fn source(
        &self,
        node: &NodeName,
        content: &Digest,
        door: Option<SocketAddr>,
        refused: &BTreeSet<NodeName>,
    ) -> Option<Peer> {
        if refused.len() >= REFUSALS {
            return None;
        }
        let useful = |host: &Host| {
            host.content == *content && !host.slow && !(host.lost && host.source == Source::Bastion)
        };
        // Two behind one share what it can send, which is still better than the bastion's sending it once more.
        let alone = |name: &NodeName| !self.behind(name).any(Host::takes);
        // Whoever does not reach one of a group of hosts that reach each other seldom reaches the others.
        let elsewhere = |name: &NodeName| {
            let group = self.first_of(name);
            !refused.iter().any(|refused| self.first_of(refused) == group)
        };
        let near = |address: &SocketAddr| door.map_or(0, |own| common_bits(own.ip(), address.ip()));
        let candidates = self.hosts.iter().filter_map(|(name, host)| {
            let address = host.door?;
            let wanted = name != node && !refused.contains(name) && useful(host);
            (wanted && !self.is_behind(name, node)).then_some((name, host, address))
        });
        let best = candidates
            .max_by_key(|(name, host, address)| (elsewhere(name), alone(name), near(address), host.received));
        best.map(|(name, _, address)| Peer { node: name.clone(), door: address })
    }

    /// The one that gets it gets it, at some place before, from the other.
    fn is_behind(&self, name: &NodeName, other: &NodeName) -> bool {
        self.before(name, |_| true).any(|before| before == other)
    }

    /// The first of the hosts that are known to reach each other, one after the other, down to this one.
    fn first_of<'a>(&'a self, name: &'a NodeName) -> &'a NodeName {
        self.before(name, |host| host.confirmed).last().unwrap_or(name)
    }

    /// From where this host gets it, and that one, up to the bastion, as long as the links are wanted.
    fn before<'a>(
        &'a self,
        name: &'a NodeName,
        wanted: fn(&Host) -> bool,
    ) -> impl Iterator<Item = &'a NodeName> {
        let parent = move |name: &&'a NodeName| {
            self.hosts.get(*name).filter(|host| wanted(host)).and_then(Host::parent)
        };
        std::iter::successors(parent(&name), parent).take(self.hosts.len())
    }
}

impl Host {
    /// Takes what the one before it can send, and could hand it on.
    fn takes(&self) -> bool {
        self.door.is_some() && !self.slow && !self.lost
    }

    fn parent(&self) -> Option<&NodeName> {
        match &self.source {
            Source::Bastion => None,
            Source::Peer(peer) => Some(&peer.node),
        }
    }
}

/// How near two addresses are: the length of what they begin with.
fn common_bits(one: IpAddr, other: IpAddr) -> u32 {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => 0,
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
