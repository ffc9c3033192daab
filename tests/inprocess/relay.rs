//! Hosts that send the image to each other: the bastion sends it once, and whatever happens between hosts costs little.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::Mutex;
use std::time::Duration;

use omsctl_controller::cli::{ApplyRequest, AttachRequest};
use omsctl_controller::exit::Exit;
use omsctl_proto::{Event, EventKind, StepId};
use tokio::time::Instant;

use crate::bastion::{Applied, Bastion};
use crate::fleet::Fleet;
use crate::link::Way;

const HOSTS: u8 = 5;
const ARCHIVE: u64 = 900_000;
/// Announcements, and pieces that are sent twice after a break.
const LITTLE: u64 = 150_000;

/// The image takes half a second, so that there is a middle of it.
fn fleet() -> Fleet {
    let fleet = Fleet::new(HOSTS);
    fleet.hosts.iter().for_each(|host| host.link.slow_down(Duration::from_millis(10)));
    fleet
}

fn sent(fleet: &Fleet) -> u64 {
    fleet.hosts.iter().map(|host| host.link.image_bytes()).sum()
}

fn address(number: u8) -> IpAddr {
    [10, 0, 0, number].into()
}

/// Fits once so many different events of this kind were heard.
fn times(wanted: u8, fits: fn(&EventKind) -> bool) -> impl Fn(&Event) -> bool {
    let seen = Mutex::new(BTreeSet::new());
    move |event| {
        let mut seen = seen.lock().unwrap();
        if fits(&event.kind) {
            seen.insert((event.node.clone(), event.seq));
        }
        seen.len() >= usize::from(wanted)
    }
}

fn all_asked() -> impl Fn(&Event) -> bool {
    times(HOSTS, |kind| matches!(kind, EventKind::ContentWanted { .. }))
}

async fn assert_done(fleet: &Fleet, applied: &Applied) {
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert_eq!(fleet.judge.initialised().len(), usize::from(HOSTS));
    assert_eq!(fleet.leftovers(), Vec::<String>::new());
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn the_bastion_sends_it_once() {
    let fleet = fleet();
    let applied = Bastion::new(&fleet).apply().await;
    assert_done(&fleet, &applied).await;
    assert!((ARCHIVE..ARCHIVE + LITTLE).contains(&sent(&fleet)), "{}", sent(&fleet));
    assert_eq!(fleet.network.met().len(), usize::from(HOSTS) - 1);
}

#[tokio::test(start_paused = true)]
async fn without_relay_it_sends_it_to_each() {
    let fleet = fleet();
    let request = ApplyRequest { direct: true, ..ApplyRequest::default() };
    let applied = Bastion::new(&fleet).apply_with(&request).await;
    assert_done(&fleet, &applied).await;
    assert!(sent(&fleet) >= ARCHIVE * u64::from(HOSTS), "{}", sent(&fleet));
    assert_eq!(fleet.network.met(), []);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_bandwidth_leaves_the_bastion() {
    let took = async |bandwidth| {
        let fleet = Fleet::new(HOSTS);
        let request = ApplyRequest { direct: true, bandwidth, ..ApplyRequest::default() };
        let begun = Instant::now();
        let applied = Bastion::new(&fleet).apply_with(&request).await;
        assert_done(&fleet, &applied).await;
        begun.elapsed()
    };
    let (free, limited) = (took(None).await, took(NonZeroU64::new(100_000)).await);
    // Five times 900 kB at 100 kB/s; the last part leaves at once.
    let more = limited.saturating_sub(free).as_secs();
    assert!((38..=46).contains(&more), "{free:?} and {limited:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_attaches_and_leads_keeps_to_its_own_bandwidth() {
    let took = async |bandwidth| {
        let fleet = Fleet::new(HOSTS);
        Bastion::new(&fleet).apply_until(all_asked()).await;
        let request = AttachRequest { bandwidth, ..AttachRequest::default() };
        let begun = Instant::now();
        let attached = Bastion::of(&fleet, "bob@elsewhere").attach_with(&request).await;
        assert_done(&fleet, &attached).await;
        begun.elapsed()
    };
    let (free, limited) = (took(None).await, took(NonZeroU64::new(50_000)).await);
    // 900 kB once at 50 kB/s, less what had come.
    let more = limited.saturating_sub(free).as_secs();
    assert!((8..=20).contains(&more), "{free:?} and {limited:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_host_that_the_bastion_cannot_feed() {
    let fleet = fleet();
    let bastion = Bastion::new(&fleet);
    let (applied, ()) = tokio::join!(bastion.apply(), async {
        bastion.store.heard(all_asked()).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let first = fleet.hosts.iter().max_by_key(|host| host.link.image_bytes()).unwrap();
        first.link.set(Way::Dead);
        first.link.cut();
        let others =
            times(HOSTS - 1, |kind| matches!(kind, EventKind::StepDone { step: StepId::LoadImage, .. }));
        let in_time = tokio::time::timeout(Duration::from_secs(5), bastion.store.heard(others)).await;
        first.link.set(Way::Open);
        in_time.expect("the others have it before the first is back");
    });
    assert_done(&fleet, &applied).await;
}

#[tokio::test(start_paused = true)]
async fn hosts_that_do_not_reach_each_other_are_served_by_the_bastion() {
    let fleet = fleet();
    for from in 1..=HOSTS {
        for to in 1..=HOSTS {
            fleet.network.separate_but_for_known_ports(address(from), address(to));
        }
    }
    let applied = Bastion::new(&fleet).apply().await;
    assert_done(&fleet, &applied).await;
    assert!(sent(&fleet) >= ARCHIVE * u64::from(HOSTS), "{}", sent(&fleet));
}

#[tokio::test(start_paused = true)]
async fn two_groups_get_it_once_each() {
    let fleet = fleet();
    for (from, to) in [(1, 4), (1, 5), (2, 4), (2, 5), (3, 4), (3, 5)] {
        fleet.network.separate_but_for_known_ports(address(from), address(to));
        fleet.network.separate_but_for_known_ports(address(to), address(from));
    }
    let applied = Bastion::new(&fleet).apply().await;
    assert_done(&fleet, &applied).await;
    let sent = sent(&fleet);
    assert!((2 * ARCHIVE..2 * ARCHIVE + LITTLE).contains(&sent), "{sent}");
}

/// The agent of this host dies in the middle of the image, which all hosts wait for.
async fn dies(number: usize) -> (Fleet, Applied) {
    let fleet = fleet();
    let bastion = Bastion::new(&fleet);
    let (applied, ()) = tokio::join!(bastion.apply(), async {
        bastion.store.heard(all_asked()).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        fleet.hosts[number].machine.daemons.kill();
    });
    (fleet, applied)
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_dies_in_the_chain_costs_a_new_link() {
    for number in 0..usize::from(HOSTS) {
        let (fleet, applied) = dies(number).await;
        assert_done(&fleet, &applied).await;
        let sent = sent(&fleet);
        assert!(sent < ARCHIVE + 2 * LITTLE, "{number}: {sent}");
    }
}
