//! Chains of hosts, without any host.

use super::*;

const MIB: u64 = 1024 * 1024;

struct Site {
    relay: Relay,
    now: Instant,
    size: u64,
    links: BTreeMap<u8, Arc<Notify>>,
}

fn name(number: u8) -> NodeName {
    NodeName::new(format!("n{number}")).unwrap()
}

impl Site {
    fn new() -> Self {
        Self { relay: Relay::default(), now: Instant::now(), size: 1000 * MIB, links: BTreeMap::new() }
    }

    /// The number of the host that it gets it from; none is the bastion.
    fn asks_in(&mut self, net: u8, number: u8, content: &[u8], received: u64) -> Option<u8> {
        self.asks_at(SocketAddr::from(([10, 0, net, number], 4000)), number, content, received)
    }

    fn asks_at(&mut self, door: SocketAddr, number: u8, content: &[u8], received: u64) -> Option<u8> {
        let door = Some(door);
        let content = Digest::of(content);
        let source = self.relay.asks(&name(number), (&content, self.size), received, door, self.now);
        self.links.insert(number, self.relay.link(&name(number)));
        match source {
            Source::Bastion => None,
            Source::Peer(peer) => peer.node.as_str()[1..].parse().ok(),
        }
    }

    fn asks(&mut self, number: u8) -> Option<u8> {
        self.asks_in(0, number, b"image", 0)
    }

    fn ask_all(&mut self, numbers: std::ops::RangeInclusive<u8>) {
        for number in numbers {
            self.asks(number);
        }
    }

    fn is_unlinked(&self, number: u8) -> bool {
        let mut woken = std::pin::pin!(self.links[&number].notified());
        futures::poll_immediate(&mut woken)
    }
}

mod futures {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Waker};

    pub(super) fn poll_immediate(future: &mut Pin<&mut impl Future>) -> bool {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }
}

#[tokio::test]
async fn the_bastion_sends_to_the_first_and_each_host_to_the_next() {
    let mut site = Site::new();
    assert_eq!(
        (1..=4).map(|number| site.asks(number)).collect::<Vec<_>>(),
        [None, Some(1), Some(2), Some(3)]
    );
    assert_eq!(site.asks_in(0, 5, b"another image", 0), None);
}

#[tokio::test]
async fn a_host_whose_source_fails_gets_it_from_another_one_and_at_last_from_the_bastion() {
    let mut site = Site::new();
    site.ask_all(1..=6);
    // The third died: the fourth is linked to the second, which has nobody behind it now.
    site.relay.over(&name(3));
    assert_eq!(site.asks(4), Some(2));
    // Those behind it are no source for it, and the second died too.
    site.relay.over(&name(2));
    assert_eq!(site.asks(4), Some(1));
    site.relay.over(&name(1));
    assert_eq!(site.asks(4), None);
    assert_eq!(site.asks(7), Some(6));
}

#[tokio::test]
async fn a_host_that_reaches_nobody_tries_four() {
    let mut site = Site::new();
    site.ask_all(1..=6);
    assert_eq!((1..=5).map(|_| site.asks(6)).collect::<Vec<_>>(), [Some(4), Some(3), Some(2), None, None]);
}

#[tokio::test]
async fn hosts_that_do_not_reach_the_others_have_a_chain_of_their_own() {
    let mut site = Site::new();
    assert_eq!(site.asks_in(1, 1, b"image", 0), None);
    assert_eq!(site.asks_in(1, 2, b"image", 0), Some(1));
    let now = site.now;
    site.relay.progress(&name(2), 1, now);
    // The first host of the second network tries both, and then others of its own.
    assert_eq!(site.asks_in(2, 3, b"image", 0), Some(2));
    assert_eq!(site.asks_in(2, 3, b"image", 0), Some(1));
    assert_eq!(site.asks_in(2, 3, b"image", 0), None);
    assert_eq!(site.asks_in(2, 4, b"image", 0), Some(3), "the nearest");
    assert_eq!(site.asks_in(1, 5, b"image", 0), Some(2));
    assert_eq!(site.asks_in(2, 6, b"image", 0), Some(4));
}

#[tokio::test]
async fn an_agent_that_was_started_again_is_no_other_source() {
    let mut site = Site::new();
    site.ask_all(1..=3);
    assert_eq!(site.asks_at(SocketAddr::from(([10, 0, 0, 1], 4001)), 1, b"image", 5), None);
    assert_eq!(site.asks(2), Some(1), "it is there again");
}

#[tokio::test]
async fn nobody_waits_behind_a_host_that_the_bastion_cannot_feed() {
    let mut site = Site::new();
    site.ask_all(1..=3);
    site.relay.lost(&name(2));
    assert!(!site.is_unlinked(3), "the second gets it from the first all the same");
    site.relay.lost(&name(1));
    assert!(site.is_unlinked(2) && !site.is_unlinked(3));
    assert_eq!(site.asks(2), None);
    assert_eq!(site.asks(4), Some(3));
}

#[tokio::test]
async fn a_host_that_is_lost_leaves_its_place_to_the_one_behind_it() {
    let mut site = Site::new();
    site.ask_all(1..=5);
    site.relay.lost(&name(3));
    assert_eq!(site.asks(4), Some(2));
}

#[tokio::test]
async fn nobody_stays_behind_a_slow_host() {
    let mut site = Site::new();
    site.ask_all(1..=3);
    for second in 1..=4 {
        site.now += Duration::from_secs(1);
        let now = site.now;
        site.relay.progress(&name(1), second * 40 * MIB, now);
        site.relay.progress(&name(2), second * MIB, now);
        site.relay.progress(&name(3), second * MIB, now);
    }
    assert!(site.is_unlinked(3) && !site.is_unlinked(2));
    assert_eq!(site.asks_in(0, 3, b"image", 4 * MIB), Some(1));
    assert_eq!(site.asks(4), Some(3), "not the slow one");
}

#[tokio::test]
async fn absurd_numbers_are_only_numbers() {
    let mut site = Site::new();
    site.ask_all(1..=3);
    for number in [u64::MAX, 0, u64::MAX, u64::MAX] {
        site.now += Duration::from_secs(3);
        let now = site.now;
        for node in 1..=3 {
            site.relay.progress(&name(node), number, now);
        }
    }
    assert_eq!(site.asks(4), Some(3));
}

#[tokio::test]
async fn whoever_keeps_up_is_not_slow() {
    let mut site = Site::new();
    // The first has it all from an earlier run.
    site.asks_in(0, 1, b"image", 900 * MIB);
    site.ask_all(2..=3);
    for second in 1..=6 {
        site.now += Duration::from_secs(1);
        let now = site.now;
        site.relay.progress(&name(1), 900 * MIB, now);
        site.relay.progress(&name(2), second * 40 * MIB, now);
        site.relay.progress(&name(3), second * 39 * MIB, now);
    }
    assert!(!site.is_unlinked(2) && !site.is_unlinked(3));
}

/// Two hosts and a third; the first two get so many bytes a second, from the bastion and from the first. Ends when the
/// second is tried.
fn until_the_trial(content: u64, rate: u64) -> Site {
    let mut site = Site { size: content, ..Site::new() };
    site.ask_all(1..=3);
    for second in 1..=4 {
        site.all_have(1..=3, second * rate);
    }
    site
}

impl Site {
    /// A second later.
    fn all_have(&mut self, numbers: std::ops::RangeInclusive<u8>, received: u64) {
        self.now += Duration::from_secs(1);
        for number in numbers {
            self.relay.progress(&name(number), received, self.now);
        }
    }
}

#[tokio::test]
async fn a_narrow_link_of_the_first_host_holds_up_nobody() {
    let mut site = until_the_trial(1000 * MIB, 10 * MIB);
    assert!(site.is_unlinked(2) && !site.is_unlinked(1) && !site.is_unlinked(3));
    assert_eq!(site.asks_in(0, 2, b"image", 40 * MIB), None);
    for second in 1..=2 {
        site.all_have(1..=1, 40 * MIB + second * 10 * MIB);
        site.all_have(2..=3, 40 * MIB + second * 90 * MIB);
    }
    assert!(site.is_unlinked(1) && !site.is_unlinked(2) && !site.is_unlinked(3));
    assert_eq!(site.asks_in(0, 1, b"image", 60 * MIB), Some(3), "the bastion sends once again");
    assert_eq!(site.asks(4), Some(3), "nobody goes behind it");
}

#[tokio::test]
async fn where_the_uplink_is_narrow_the_second_host_goes_back() {
    let mut site = until_the_trial(1000 * MIB, 10 * MIB);
    assert!(site.is_unlinked(2));
    assert_eq!(site.asks_in(0, 2, b"image", 40 * MIB), None);
    for second in 1..=2 {
        site.all_have(1..=3, 40 * MIB + second * 5 * MIB);
    }
    assert!(site.is_unlinked(2) && !site.is_unlinked(1) && !site.is_unlinked(3));
    assert_eq!(site.asks_in(0, 2, b"image", 50 * MIB), Some(1));
    for second in 1..=10 {
        site.all_have(1..=3, 50 * MIB + second * 10 * MIB);
    }
    assert!(!site.is_unlinked(2), "once is enough");
}

#[tokio::test]
async fn what_is_nearly_there_is_not_worth_a_trial() {
    let site = until_the_trial(500 * MIB, 10 * MIB);
    assert!(!site.is_unlinked(2));
}
