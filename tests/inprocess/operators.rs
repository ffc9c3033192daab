//! Two operators, and one who changes his mind.

use std::time::Duration;

use omsctl_agent::fakes::InitScript;
use omsctl_controller::cli::ApplyRequest;
use omsctl_controller::exit::Exit;
use omsctl_controller::ports::Interrupt;
use omsctl_proto::{Event, EventKind, Gate, Milestone, NodeName};

use crate::bastion::Bastion;
use crate::fleet::Fleet;

fn is_in_schema(event: &Event) -> bool {
    matches!(event.kind, EventKind::StepMilestone { milestone: Milestone::SchemaEntered, .. })
}

fn slowly(fleet: &Fleet) {
    let slow = InitScript { step: Duration::from_secs(30), ..InitScript::default() };
    fleet.hosts.iter().for_each(|host| host.machine.docker.set_script(slow.clone()));
}

#[tokio::test(start_paused = true)]
async fn the_second_is_told_who_holds_the_hosts() {
    let fleet = Fleet::new(3);
    slowly(&fleet);
    let ann = Bastion::new(&fleet);
    let bob = Bastion::of(&fleet, "bob@elsewhere");
    let (first, second) = tokio::join!(ann.apply(), async {
        // Until every host of ann's has begun.
        for node in ["n1", "n2", "n3"] {
            let on_node = |event: &Event| event.node.as_ref().map(NodeName::as_str) == Some(node);
            let waits = |event: &Event| matches!(event.kind, EventKind::GateWaiting { .. });
            ann.store.heard(|event| on_node(event) && waits(event)).await;
        }
        ann.store.heard(is_in_schema).await;
        bob.apply().await
    });
    assert_eq!(second.exit, Exit::Busy, "{}", second.stderr);
    for node in ["n1", "n2", "n3"] {
        let error = second.error(node);
        assert!(error.contains("ann@bastion") && error.contains(first.run.as_str()), "{error}");
    }
    assert_eq!(second.ends(), 0);
    assert_eq!(first.exit, Exit::Done, "{}", first.stderr);
    assert_eq!(fleet.judge.initialised().len(), 3);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_opens_no_further_gate_and_leaves_the_agents_where_they_wait() {
    let fleet = Fleet::new(3);
    slowly(&fleet);
    let bastion = Bastion::new(&fleet);
    let (world, written, interrupt) = bastion.world();
    let request = ApplyRequest::default();
    let (applied, ()) = tokio::join!(bastion.apply_in(&world, &written, &request), async {
        bastion.store.heard(is_in_schema).await;
        interrupt.send(Interrupt::Stop).await.unwrap();
    });
    assert_eq!(applied.exit, Exit::Interrupted, "{}", applied.stderr);
    assert_eq!(applied.exit.code(), 130);
    assert_eq!(applied.results(), [("n1", "changed"), ("n2", "waiting"), ("n3", "waiting")]);
    let opened = applied.count(|kind| matches!(kind, EventKind::GateOpened { gate: Gate::Schema, .. }));
    assert_eq!(opened, 1);
    assert_eq!(fleet.judge.initialised(), ["n1/oms"], "what runs is finished");
    let alive = fleet.hosts.iter().map(|host| host.machine.daemons.alive());
    assert_eq!(alive.collect::<Vec<_>>(), [0, 1, 1]);

    let next = bastion.apply().await;
    assert_eq!(next.exit, Exit::Done, "{}", next.stderr);
    assert!(next.stderr.contains("is carried on"), "{}", next.stderr);
    assert_eq!(fleet.judge.initialised().len(), 3);
    assert_eq!(fleet.judge.interrupted(), Vec::<String>::new());
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn the_second_interrupt_ends_the_agents_after_the_step_they_are_in() {
    let fleet = Fleet::new(3);
    slowly(&fleet);
    let bastion = Bastion::new(&fleet);
    let (world, written, interrupt) = bastion.world();
    let request = ApplyRequest::default();
    let (applied, ()) = tokio::join!(bastion.apply_in(&world, &written, &request), async {
        bastion.store.heard(is_in_schema).await;
        interrupt.send(Interrupt::Stop).await.unwrap();
        interrupt.send(Interrupt::End).await.unwrap();
    });
    assert_eq!(applied.exit, Exit::Interrupted, "{}", applied.stderr);
    assert!(applied.results().iter().all(|(_, result)| *result == "waiting"), "{:?}", applied.results());
    assert_eq!(fleet.judge.initialised(), ["n1/oms"], "the step that runs is finished");
    assert_eq!(fleet.judge.interrupted(), Vec::<String>::new());
    assert!(fleet.is_left_alone().await);
    assert_eq!(bastion.apply().await.exit, Exit::Done);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_at_once_leaves_agents_that_go_on() {
    let fleet = Fleet::new(2);
    slowly(&fleet);
    let bastion = Bastion::new(&fleet);
    let (world, written, interrupt) = bastion.world();
    let request = ApplyRequest::default();
    let (applied, ()) = tokio::join!(bastion.apply_in(&world, &written, &request), async {
        bastion.store.heard(is_in_schema).await;
        interrupt.send(Interrupt::Leave).await.unwrap();
    });
    assert_eq!(applied.exit, Exit::Interrupted, "{}", applied.stderr);
    assert_eq!(fleet.judge.initialised(), Vec::<String>::new(), "nobody waited for it");
    // Time goes by for the agents, not for us.
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(fleet.judge.initialised(), ["n1/oms"]);
    assert!(fleet.hosts.iter().all(|host| host.machine.daemons.alive() == 1));
}
