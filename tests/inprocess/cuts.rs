//! Connections that break in the middle: found again, nothing done twice, nothing told twice, the same end.

use std::time::Duration;

use omsctl_controller::exit::Exit;
use omsctl_proto::{Event, EventKind};

use crate::bastion::{Applied, Bastion};
use crate::fleet::Fleet;
use crate::link::{Moment, Then};

const HOSTS: u8 = 3;

/// What is there when all is over, but for what depends on who was first.
#[derive(Debug, PartialEq, Eq)]
struct End {
    calls: Vec<Vec<String>>,
    configs: Vec<String>,
    initialised: Vec<String>,
    running: Vec<bool>,
}

async fn end(fleet: &Fleet) -> End {
    let mut initialised = fleet.judge.initialised();
    initialised.sort();
    let mut running = Vec::new();
    for host in &fleet.hosts {
        running.push(host.container().await.unwrap().running);
    }
    let configs = fleet.hosts.iter().map(crate::fleet::Host::config).collect();
    End { calls: fleet.calls(), configs, initialised, running }
}

async fn undisturbed() -> End {
    let fleet = Fleet::new(HOSTS);
    assert_eq!(Bastion::new(&fleet).apply().await.exit, Exit::Done);
    end(&fleet).await
}

/// One rollout with one break; everything that must be true of it whatever broke.
async fn check(what: &str, node: &str, moment: Moment, then: Then) -> Option<Applied> {
    let fleet = Fleet::new(HOSTS);
    let bastion = Bastion::new(&fleet);
    fleet.host(node).link.break_at(moment, then);
    let applied = bastion.apply().await;
    if !fleet.host(node).link.broke() {
        return None;
    }
    assert_eq!(applied.exit, Exit::Done, "{what}: {}", applied.stderr);
    assert_eq!(applied.ends(), usize::from(HOSTS), "{what}: one terminal event a host");
    assert_eq!(applied.count(|kind| matches!(kind, EventKind::HostLost { .. })), 1, "{what}");
    assert_eq!(applied.count(|kind| matches!(kind, EventKind::HostRegained { .. })), 1, "{what}");
    assert_eq!(fleet.judge.offences(), Vec::<String>::new(), "{what}");
    assert_eq!(fleet.judge.interrupted(), Vec::<String>::new(), "{what}");
    assert_eq!(end(&fleet).await, undisturbed().await, "{what}");
    assert!(fleet.is_left_alone().await, "{what}");
    Some(applied)
}

#[tokio::test(start_paused = true)]
async fn at_every_event_of_a_host() {
    for node in ["n1", "n2"] {
        for then in [Then::Back, Then::BackAfter(Duration::from_secs(7))] {
            let mut number = 1;
            let at = |number| Moment::Event(Box::new(move |event: &Event| event.seq == number));
            while check(&format!("{node} at {number}, {then:?}"), node, at(number), then).await.is_some() {
                number += 1;
            }
            assert!(number > 15, "only {number} events were reached");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn in_the_middle_of_an_image() {
    for bytes in [1, 300_000, 899_999] {
        let applied = check(&format!("{bytes} bytes"), "n2", Moment::Bytes(bytes), Then::Back).await.unwrap();
        let asked = applied.count(|kind| matches!(kind, EventKind::ContentWanted { .. }));
        assert_eq!(asked, usize::from(HOSTS) + 1, "one host asks once more");
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_metadb_is_asked_for_the_last_proof() {
    // The first is the log-in before the plan.
    for dial in [2, 3] {
        check(&format!("dial {dial}"), "n2", Moment::Dial(dial), Then::Back).await.unwrap();
    }
}
