//! Connections that break in the middle: found again, nothing done twice, nothing told twice, the same end.

use std::collections::BTreeSet;
use std::time::Duration;

use omsctl_controller::cli::ApplyRequest;
use omsctl_controller::exit::Exit;
use omsctl_proto::{Event, EventKind, Milestone, Request, ToAgent};

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

/// One rollout with one break; everything that must be true of it whatever broke. `None` when nothing did.
async fn check(what: &str, node: &str, moment: Moment, then: Then, expected: &End) -> Option<Applied> {
    check_with(&ApplyRequest::default(), what, node, moment, then, expected).await
}

async fn check_with(
    request: &ApplyRequest,
    what: &str,
    node: &str,
    moment: Moment,
    then: Then,
    expected: &End,
) -> Option<Applied> {
    let fleet = Fleet::new(HOSTS);
    let bastion = Bastion::new(&fleet);
    fleet.host(node).link.break_at(moment, then);
    let applied = bastion.apply_with(request).await;
    if !fleet.host(node).link.broke() {
        return None;
    }
    assert_eq!(applied.count(|kind| matches!(kind, EventKind::HostLost { .. })), 1, "{what}");
    assert_eq!(applied.count(|kind| matches!(kind, EventKind::HostRegained { .. })), 1, "{what}");
    assert_undisturbed(what, &fleet, &applied, expected).await;
    Some(applied)
}

async fn assert_undisturbed(what: &str, fleet: &Fleet, applied: &Applied, expected: &End) {
    assert_eq!(applied.exit, Exit::Done, "{what}: {}", applied.stderr);
    assert_eq!(applied.ends(), usize::from(HOSTS), "{what}: one terminal event a host");
    assert_eq!(fleet.judge.offences(), Vec::<String>::new(), "{what}");
    assert_eq!(fleet.judge.interrupted(), Vec::<String>::new(), "{what}");
    assert_eq!(end(fleet).await, *expected, "{what}");
    assert!(fleet.is_left_alone().await, "{what}");
}

/// At every event of the host's agent, which the controller does not hear before the connection is back.
async fn sweep(node: &str, then: Then) {
    let expected = undisturbed().await;
    let mut number = 1;
    let at = |number| Moment::Event(Box::new(move |event: &Event| event.seq == number));
    while check(&format!("{node} at {number}, {then:?}"), node, at(number), then, &expected).await.is_some() {
        number += 1;
    }
    assert!(number > 15, "only {number} events were reached");
}

#[tokio::test(start_paused = true)]
async fn at_every_event_of_the_first_host() {
    sweep("n1", Then::Back).await;
}

#[tokio::test(start_paused = true)]
async fn at_every_event_of_the_first_host_for_a_while() {
    sweep("n1", Then::BackAfter(Duration::from_secs(7))).await;
}

#[tokio::test(start_paused = true)]
async fn at_every_event_of_another_host() {
    sweep("n2", Then::Back).await;
}

#[tokio::test(start_paused = true)]
async fn at_every_event_of_another_host_for_a_while() {
    sweep("n2", Then::BackAfter(Duration::from_secs(7))).await;
}

#[tokio::test(start_paused = true)]
async fn before_the_agent_has_its_plan() {
    let expected = undisturbed().await;
    for then in [Then::Back, Then::BackAfter(Duration::from_secs(7))] {
        let moment = Moment::Asked(|word| matches!(word, ToAgent::Start { .. }));
        check(&format!("{then:?}"), "n2", moment, then, &expected).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn before_anything_has_begun() {
    let expected = undisturbed().await;
    let holds = |word: &ToAgent| matches!(word, ToAgent::Request { request: Request::Hold(_), .. });
    let looks = |word: &ToAgent| matches!(word, ToAgent::Request { request: Request::Facts(_), .. });
    for (what, moment) in [("the hold", Moment::Asked(holds)), ("the facts", Moment::Asked(looks))] {
        let fleet = Fleet::new(HOSTS);
        let bastion = Bastion::new(&fleet);
        fleet.host("n2").link.break_at(moment, Then::Back);
        let applied = bastion.apply().await;
        assert!(fleet.host("n2").link.broke(), "{what}");
        assert_undisturbed(what, &fleet, &applied, &expected).await;
    }
}

#[tokio::test(start_paused = true)]
async fn in_the_middle_of_an_image() {
    let expected = undisturbed().await;
    let direct = ApplyRequest { direct: true, ..ApplyRequest::default() };
    for bytes in [1, 300_000, 899_999] {
        let what = format!("{bytes} bytes");
        let moment = Moment::Bytes(bytes);
        let applied = check_with(&direct, &what, "n2", moment, Then::Back, &expected).await.unwrap();
        let asked = applied.count(|kind| matches!(kind, EventKind::ContentWanted { .. }));
        assert_eq!(asked, usize::from(HOSTS) + 1, "one host asks once more");
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_metadb_is_asked_for_the_last_proof() {
    let expected = undisturbed().await;
    // The first is the log-in before the plan. The second comes with the acknowledgement still under way.
    for dial in [2, 3] {
        check(&format!("dial {dial}"), "n2", Moment::Dial(dial), Then::Back, &expected).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn of_all_hosts_at_once() {
    let fleet = Fleet::new(HOSTS);
    let bastion = Bastion::new(&fleet);
    let (applied, ()) = tokio::join!(bastion.apply(), async {
        bastion.store.heard(is_in_schema).await;
        fleet.hosts.iter().for_each(|host| host.link.cut());
    });
    let lost = applied.count(|kind| matches!(kind, EventKind::HostLost { .. }));
    assert_eq!(lost, usize::from(HOSTS));
    assert_undisturbed("all", &fleet, &applied, &undisturbed().await).await;
}

#[tokio::test(start_paused = true)]
async fn by_an_agent_that_is_killed() {
    let fleet = Fleet::new(HOSTS);
    let bastion = Bastion::new(&fleet);
    let (applied, ()) = tokio::join!(bastion.apply(), async {
        bastion.store.heard(is_in_schema).await;
        fleet.hosts.iter().for_each(|host| host.machine.daemons.kill());
    });
    let boots: BTreeSet<_> = applied.events.iter().map(|event| &event.boot).collect();
    assert_eq!(boots.len(), 1 + 2 * usize::from(HOSTS), "every agent was started again");
    assert_undisturbed("killed", &fleet, &applied, &undisturbed().await).await;
}

fn is_in_schema(event: &Event) -> bool {
    matches!(event.kind, EventKind::StepMilestone { milestone: Milestone::SchemaEntered, .. })
}
