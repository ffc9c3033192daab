//! Lost sessions, killed daemons, rebooted hosts.

use std::time::Duration;

use omsctl_proto::{EventKind, InitState, Milestone, ToController};

use super::setup::{Setup, Talk, last, names};
use crate::fakes::InitScript;

fn in_schema(kind: &EventKind) -> bool {
    matches!(kind, EventKind::StepMilestone { milestone: Milestone::SchemaEntered, .. })
}

/// Walks on until the initialisation has begun.
async fn until_schema(setup: &Setup, talk: &mut Talk) -> u64 {
    loop {
        let event = talk.event().await;
        if in_schema(&event.kind) {
            return event.seq;
        }
        setup.obey(talk, &event).await;
    }
}

fn slow(setup: &Setup) {
    setup.machine.docker.set_script(InitScript { step: Duration::from_mins(1), ..InitScript::default() });
}

#[tokio::test(start_paused = true)]
async fn a_lost_session_stops_nothing() {
    let setup = Setup::new();
    slow(&setup);
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(setup.plan("r-1")).await;
    let seq = until_schema(&setup, &mut talk).await;
    talk.cut();
    tokio::time::sleep(Duration::from_mins(20)).await;
    let mut talk = Talk::open(&setup.machine).await;
    talk.attach("r-1", seq).await;
    let events = setup.see_through(&mut talk).await;
    assert_eq!(events[0].seq, seq + 1);
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert_eq!(setup.judge.initialised(), ["n1/oms"]);
}

#[tokio::test(start_paused = true)]
async fn a_killed_daemon_is_started_again_and_finds_the_initialisation() {
    let setup = Setup::new();
    slow(&setup);
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(setup.plan("r-1")).await;
    let seq = until_schema(&setup, &mut talk).await;
    setup.machine.daemons.kill();
    while !matches!(talk.hear_or_end().await, None | Some(ToController::Refused { .. })) {}
    let mut talk = Talk::open(&setup.machine).await;
    talk.attach("r-1", seq).await;
    let events = setup.see_through(&mut talk).await;
    assert!(events.iter().map(|event| event.seq).eq(seq + 1..=events.last().unwrap().seq));
    assert_eq!(*last(&events), EventKind::NodeDone { changed: true });
    assert!(!names(&events).contains(&"gate_waiting initialise".to_owned()), "the gate stays open");
    assert_eq!(setup.judge.offences(), Vec::<String>::new());
    assert_eq!(setup.judge.initialised(), ["n1/oms"]);
}

#[tokio::test(start_paused = true)]
async fn a_reboot_interrupts_and_the_same_container_is_initialised_again() {
    let setup = Setup::new();
    slow(&setup);
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(setup.plan("r-1")).await;
    let seq = until_schema(&setup, &mut talk).await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    let before = Talk::open(&setup.machine).await.facts().await.container.unwrap();
    setup.machine.reboot();
    let mut talk = Talk::open(&setup.machine).await;
    let stopped = talk.facts().await.container.unwrap();
    assert_eq!(
        (before.initialisation.state, stopped.initialisation.state),
        (InitState::Running, InitState::CannotTell)
    );
    // Secrets do not survive a reboot: the controller brings them again with the plan.
    talk.start(setup.plan("r-1")).await;
    let fresh = setup.see_through_after(&mut talk, seq).await;
    assert_eq!(*last(&fresh), EventKind::NodeDone { changed: true });
    assert!(fresh.iter().any(|event| matches!(&event.kind, EventKind::StepWarning { message, .. } if message.contains("interrupted"))));
    assert_eq!(setup.judge.interrupted(), ["n1/oms"]);
    assert_eq!(setup.judge.offences(), Vec::<String>::new());
    let after = talk.facts().await.container.unwrap();
    assert_eq!((after.id, after.initialisation.state), (before.id, InitState::Succeeded));
}
