//! Hosts that send the image to each other: the bastion sends it once, and whatever happens between hosts costs little.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use omsctl_controller::cli::ApplyRequest;
use omsctl_controller::exit::Exit;
use omsctl_proto::{Event, EventKind};

use crate::bastion::{Applied, Bastion};
use crate::fleet::Fleet;

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
async fn hosts_that_do_not_reach_each_other_are_served_by_the_bastion() {
    let fleet = fleet();
    for from in 1..=HOSTS {
        for to in 1..=HOSTS {
            fleet.network.separate(address(from), address(to));
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
        fleet.network.separate(address(from), address(to));
        fleet.network.separate(address(to), address(from));
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
    let asked = AtomicU8::new(0);
    let all_asked = move |event: &Event| {
        let asks = matches!(event.kind, EventKind::ContentWanted { .. });
        asks && asked.fetch_add(1, Ordering::Relaxed) + 1 == HOSTS
    };
    let (applied, ()) = tokio::join!(bastion.apply(), async {
        bastion.store.heard(all_asked).await;
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
