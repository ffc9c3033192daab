//! Hosts that do not answer, from the beginning or from some moment on.

use omsctl_agent::fakes::InitScript;
use omsctl_controller::cli::ApplyRequest;
use omsctl_controller::exit::Exit;
use omsctl_controller::ports::SessionRow;
use omsctl_proto::{Event, EventKind, Gate, Milestone, NodeName};
use std::sync::Arc;
use std::time::Duration;

use crate::bastion::Bastion;
use crate::fleet::Fleet;
use crate::link::{Moment, Then, Way};

fn milestone(wanted: Milestone) -> Moment {
    Moment::Event(Box::new(
        move |event: &Event| matches!(event.kind, EventKind::StepMilestone { milestone, .. } if milestone == wanted),
    ))
}

#[tokio::test(start_paused = true)]
async fn the_others_finish_and_the_next_apply_does_only_the_third() {
    for way in [Way::Dead, Way::Refusing] {
        let fleet = Fleet::new(3);
        let bastion = Bastion::new(&fleet);
        fleet.host("n3").link.set(way);
        let applied = bastion.apply().await;
        assert_eq!(applied.exit, Exit::Unreachable, "{}", applied.stderr);
        assert_eq!(applied.document["result"], "unreachable");
        assert_eq!(applied.results(), [("n1", "changed"), ("n2", "changed"), ("n3", "unreachable")]);
        assert_eq!(bastion.status().await.0, Exit::Unreachable);
        let calls = fleet.calls();

        fleet.host("n3").link.set(Way::Open);
        let applied = bastion.apply().await;
        assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
        assert_eq!(applied.results(), [("n1", "unchanged"), ("n2", "unchanged"), ("n3", "changed")]);
        assert_eq!(fleet.calls()[..2], calls[..2]);
        assert_eq!(fleet.judge.offences(), Vec::<String>::new());
        assert!(fleet.is_left_alone().await);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_answers() {
    let fleet = Fleet::new(2);
    let bastion = Bastion::new(&fleet);
    fleet.hosts.iter().for_each(|host| host.link.set(Way::Dead));
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Unreachable);
    assert_eq!(applied.results(), [("n1", "unreachable"), ("n2", "unreachable")]);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_may_be_in_the_schema_step_keeps_the_gate_shut() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    // The event is the first that the controller does not hear: it cannot know how far the host is.
    fleet.host("n1").link.break_at(milestone(Milestone::SchemaEntered), Then::Away);
    let applied = bastion.apply().await;
    assert!(fleet.host("n1").link.broke());
    assert_eq!(applied.exit, Exit::Unreachable, "{}", applied.stderr);
    assert_eq!(applied.results(), [("n1", "unreachable"), ("n2", "waiting"), ("n3", "waiting")]);
    let opened = applied.count(|kind| matches!(kind, EventKind::GateOpened { gate: Gate::Schema, .. }));
    assert_eq!(opened, 1);
    assert_eq!(fleet.judge.initialised(), ["n1/oms"], "a lost connection does not interrupt it");
    for node in ["n2", "n3"] {
        assert!(fleet.host(node).container().await.is_some(), "{node}: everything before the gate is done");
    }
    assert!(applied.error("n2").contains("--give-up n1"), "{}", applied.error("n2"));
    let ids = fleet.container_ids().await;
    // Their agents wait, so that no other command begins beside it; and it stays so as often as one tries.
    for (request, word) in [
        (ApplyRequest::default(), "n1 is lost"),
        (ApplyRequest { take_over: true, ..ApplyRequest::default() }, "n1 is lost"),
    ] {
        let again = bastion.apply_with(&request).await;
        assert_eq!(again.exit, Exit::Unreachable, "{}", again.stderr);
        assert!(again.error("n3").contains(word), "{}", again.error("n3"));
        assert_eq!(fleet.judge.initialised(), ["n1/oms"]);
    }

    fleet.host("n1").link.set(Way::Open);
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert_eq!(fleet.container_ids().await, ids);
    assert_eq!(fleet.judge.initialised().len(), 3);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert!(fleet.is_left_alone().await);
}

/// A rollout whose first host is lost in the schema step; the others wait for it.
async fn with_a_lost_holder(fleet: &Fleet, bastion: &Bastion<'_>) {
    fleet.host("n1").link.break_at(milestone(Milestone::SchemaEntered), Then::Away);
    assert_eq!(bastion.apply().await.exit, Exit::Unreachable);
}

fn giving_up(node: &str) -> ApplyRequest {
    ApplyRequest { give_up: [NodeName::new(node).unwrap()].into(), ..ApplyRequest::default() }
}

#[tokio::test(start_paused = true)]
async fn a_lost_host_is_given_up_when_the_metadb_hears_nothing_of_it() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    with_a_lost_holder(&fleet, &bastion).await;
    let session = SessionRow {
        client: fleet.host("n1").address.clone(),
        database: Some("oms_rm".to_owned()),
        age_s: 4,
    };
    fleet.metadb.sessions.lock().unwrap().push(session);
    let refused = bastion.apply_with(&giving_up("n1")).await;
    assert_eq!(refused.exit, Exit::Refused, "{}", refused.stderr);
    assert!(refused.stderr.contains("1 in oms_rm from"), "{}", refused.stderr);
    assert_eq!(fleet.judge.initialised(), ["n1/oms"]);

    fleet.metadb.sessions.lock().unwrap().clear();
    let applied = bastion.apply_with(&giving_up("n1")).await;
    assert_eq!(applied.exit, Exit::Unreachable, "{}", applied.stderr);
    let mut initialised = fleet.judge.initialised();
    initialised.sort();
    assert_eq!(initialised, ["n1/oms", "n2/oms", "n3/oms"]);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_is_not_given_up_and_nobody_of_another_name() {
    let fleet = Fleet::new(2);
    let bastion = Bastion::new(&fleet);
    let applied = bastion.apply_with(&giving_up("n1")).await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert!(applied.stderr.contains("n1 answers: it is not given up"), "{}", applied.stderr);
    let (world, written, _interrupt) = bastion.world();
    let exit = omsctl_controller::command::apply(&world, &giving_up("n9"), "omsctl apply").await;
    assert_eq!(exit, Exit::Usage);
    assert!(written.stderr().contains("--give-up n9"), "{}", written.stderr());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_known_to_be_past_it_holds_nobody_up() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    let done = Moment::Event(Box::new(|event: &Event| matches!(event.kind, EventKind::NodeDone { .. })));
    fleet.host("n1").link.break_at(done, Then::Away);
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Unreachable, "{}", applied.stderr);
    assert_eq!(applied.results(), [("n1", "unreachable"), ("n2", "changed"), ("n3", "changed")]);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_lost_before_the_gate_is_passed_over() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    let waits = Moment::Event(Box::new(|event: &Event| matches!(event.kind, EventKind::GateWaiting { .. })));
    fleet.host("n1").link.break_at(waits, Then::Away);
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Unreachable, "{}", applied.stderr);
    assert_eq!(applied.results(), [("n1", "unreachable"), ("n2", "changed"), ("n3", "changed")]);
    assert_eq!(fleet.judge.initialised(), ["n2/oms", "n3/oms"]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_returns_late_in_a_long_initialisation_is_found_again() {
    let fleet = Fleet::new(2);
    let bastion = Bastion::new(&fleet);
    let slow = InitScript { step: Duration::from_mins(2), ..InitScript::default() };
    fleet.hosts.iter().for_each(|host| host.machine.docker.set_script(slow.clone()));
    let away = Then::BackAfter(Duration::from_secs(100));
    fleet.host("n1").link.break_at(milestone(Milestone::SchemaOver), away);
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert_eq!(applied.count(|kind| matches!(kind, EventKind::HostRegained { .. })), 1);
    assert_eq!((fleet.judge.initialised().len(), fleet.judge.most_in_schema()), (2, 1));
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_lost_after_its_end_does_not_make_the_rollout_fail() {
    for way in [Way::Open, Way::Dead] {
        let fleet = Fleet::new(3);
        let bastion = Bastion::new(&fleet);
        // At the last one's end the first one is asked whether the CM answers.
        let first = Arc::clone(&fleet.host("n1").link);
        let last_is_done = move |event: &Event| {
            if matches!(event.kind, EventKind::NodeDone { .. }) {
                first.set(way);
                first.cut();
            }
            false
        };
        fleet.host("n3").link.break_at(Moment::Event(Box::new(last_is_done)), Then::Back);
        let applied = bastion.apply().await;
        assert_eq!(applied.exit, Exit::Done, "{way:?}: {}", applied.stderr);
        let asked =
            applied.count(|kind| matches!(kind, EventKind::Check { check } if check.name == "cm_url"));
        assert_eq!(asked, 1);
    }
}
