//! Readers: exactly what comes after the number they name, from a living daemon or from the file.

use omsctl_proto::{Action, EventKind, Gate, Importance, Order, Refusal, RunId, ToController};

use super::setup::{Setup, Talk, last, plan, step};

fn folder(name: &str) -> Action {
    Action::MakeDirectories { paths: vec![format!("/data/{name}")] }
}

#[tokio::test(start_paused = true)]
async fn two_readers_each_get_exactly_what_they_lack() {
    let setup = Setup::new();
    let steps = vec![step(None, folder("one")), step(Some(Gate::Turn), folder("two"))];
    let mut first = Talk::open(&setup.machine).await;
    first.start(plan("r-1", steps)).await;
    let seen = first.until(|kind| matches!(kind, EventKind::GateWaiting { .. })).await;
    assert!(seen.iter().map(|event| event.seq).eq(1..=4));
    let mut second = Talk::open(&setup.machine).await;
    second.attach("r-1", 2).await;
    let seen = second.until(|kind| matches!(kind, EventKind::GateWaiting { .. })).await;
    assert!(seen.iter().map(|event| event.seq).eq(3..=4));
    second.order(Order::OpenGate { gate: Gate::Turn, waiting: u64::MAX }).await;
    for talk in [&mut first, &mut second] {
        let seen = talk.until(|kind| kind.importance() == Importance::Terminal).await;
        assert!(seen.iter().map(|event| event.seq).eq(5..=8));
    }
}

#[tokio::test(start_paused = true)]
async fn an_ended_run_is_told_from_its_file() {
    let setup = Setup::new();
    let mut talk = Talk::open(&setup.machine).await;
    talk.start(plan("r-1", vec![step(None, folder("one"))])).await;
    let seen = talk.until(|kind| kind.importance() == Importance::Terminal).await;
    talk.order(Order::Acknowledge { seq: seen.last().unwrap().seq }).await;
    while setup.machine.daemons.alive() > 0 {
        tokio::task::yield_now().await;
    }
    talk.attach("r-1", 1).await;
    let again = talk.until(|kind| kind.importance() == Importance::Terminal).await;
    assert_eq!(again, seen[1..]);
    assert_eq!(setup.machine.daemons.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_run_on_the_host_is_refused_with_its_holder() {
    let setup = Setup::new();
    let mut first = Talk::open(&setup.machine).await;
    first.start(plan("r-1", vec![step(Some(Gate::Turn), folder("one"))])).await;
    first.until(|kind| matches!(kind, EventKind::GateWaiting { .. })).await;
    let mut second = Talk::open(&setup.machine).await;
    second.start(plan("r-2", vec![step(None, folder("two"))])).await;
    let ToController::Refused { refusal: Refusal::Busy { run, operator, .. } } = second.hear().await else {
        panic!("busy")
    };
    assert_eq!((run.as_str(), operator.as_str()), ("r-1", "ann@bastion"));
    second.attach("r-9", 0).await;
    let refusal = Refusal::NoSuchRun { run: RunId::new("r-9").unwrap() };
    assert_eq!(second.hear().await, ToController::Refused { refusal });
    // Once the first has ended, acknowledged or not, the host is free.
    first.order(Order::OpenGate { gate: Gate::Turn, waiting: u64::MAX }).await;
    first.until(|kind| kind.importance() == Importance::Terminal).await;
    second.start(plan("r-2", vec![step(None, folder("two"))])).await;
    let seen = second.until(|kind| kind.importance() == Importance::Terminal).await;
    assert_eq!(*last(&seen), EventKind::NodeDone { changed: true });
}
