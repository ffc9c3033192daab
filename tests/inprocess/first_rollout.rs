//! From fresh hosts to a cluster, and the same command again.

use std::time::{Duration, Instant};

use omsctl_controller::exit::Exit;
use omsctl_proto::{Event, EventKind, Gate, Milestone, StepId};

use crate::bastion::{Applied, Bastion};
use crate::fleet::Fleet;

/// The hosts in the order in which such events came.
fn order(applied: &Applied, host: impl Fn(&Event) -> Option<String>) -> Vec<String> {
    applied.events.iter().filter_map(host).collect()
}

fn let_through(event: &Event) -> Option<String> {
    match &event.kind {
        EventKind::GateOpened { host, gate: Gate::Schema } => Some(host.to_string()),
        _ => None,
    }
}

fn registered(event: &Event) -> Option<String> {
    if let EventKind::HostRegistered { host, .. } = &event.kind { Some(host.to_string()) } else { None }
}

#[tokio::test(start_paused = true)]
async fn three_fresh_hosts_become_a_cluster() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert_eq!(applied.results(), [("n1", "changed"), ("n2", "changed"), ("n3", "changed")]);
    assert_eq!(applied.ends(), 3);
    assert_eq!(order(&applied, let_through)[0], "n1", "the first host creates the schemas");
    let mut proved = order(&applied, registered);
    proved.sort();
    assert_eq!(proved, ["n1", "n2", "n3"]);
    assert_eq!(fleet.judge.initialised().len(), 3);
    assert_eq!(fleet.judge.initialised()[0], "n1/oms");
    assert_eq!(fleet.judge.most_in_schema(), 1);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert_eq!(fleet.metadb.log_ins(), ["n1", "n2", "n3"]);
    for host in &fleet.hosts {
        let container = host.container().await.unwrap();
        assert!(container.environment.contains(&format!("OMS_HOST_IP={}", host.address)));
        let config = host.config();
        assert!(["10.0.0.1", "10.0.0.2", "10.0.0.3"].iter().all(|node| config.contains(node)), "{config}");
    }
    assert!(fleet.is_left_alone().await);
    let (exit, status) = bastion.status().await;
    assert_eq!((exit, &status["healthy"]), (Exit::Done, &true.into()), "{status}");
    let history = bastion.history().await;
    assert_eq!(history["runs"].as_array().unwrap().len(), 1);
    assert_eq!(history["runs"][0]["result"], "done");
}

#[tokio::test(start_paused = true)]
async fn the_next_host_begins_when_the_schema_step_before_it_is_over() {
    let fleet = Fleet::new(2);
    let applied = Bastion::new(&fleet).apply().await;
    let milestone = |wanted| move |kind: &EventKind| matches!(kind, EventKind::StepMilestone { milestone, .. } if *milestone == wanted);
    let first_over = applied.position("n1", milestone(Milestone::SchemaOver)).unwrap();
    let second_begins = applied.position("n2", milestone(Milestone::SchemaEntered)).unwrap();
    let initialised = |kind: &EventKind| matches!(kind, EventKind::StepDone { step: StepId::Initialise, .. });
    let first_done = applied.position("n1", initialised).unwrap();
    assert!(first_over < second_begins, "one at a time");
    assert!(second_begins < first_done, "and no later than needed");
}

#[tokio::test(start_paused = true)]
async fn a_second_apply_changes_nothing() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    bastion.apply().await;
    let (ids, calls) = (fleet.container_ids().await, fleet.calls());
    let again = bastion.apply().await;
    assert_eq!(again.exit, Exit::Done, "{}", again.stderr);
    assert_eq!(again.document["result"], "unchanged");
    assert_eq!(again.results(), [("n1", "unchanged"), ("n2", "unchanged"), ("n3", "unchanged")]);
    assert_eq!((fleet.container_ids().await, fleet.calls()), (ids, calls));
    assert!(fleet.is_left_alone().await);
    let plan = bastion.plan().await;
    assert_eq!(plan.len(), 3);
    assert!(plan.iter().all(|(_, steps)| steps.is_empty()), "{plan:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_changes_nothing_and_is_what_apply_does() {
    let fleet = Fleet::new(2);
    let bastion = Bastion::new(&fleet);
    let plan = bastion.plan().await;
    assert!(fleet.calls().iter().all(Vec::is_empty));
    assert!(fleet.is_left_alone().await);
    let applied = bastion.apply().await;
    for (node, planned) in plan {
        let done: Vec<String> = applied
            .events
            .iter()
            .filter(|event| event.node.as_ref().is_some_and(|name| name.as_str() == node))
            .filter_map(|event| match &event.kind {
                EventKind::StepDone { step, .. } => Some(step.to_string()),
                _ => None,
            })
            .collect();
        let by_agent: Vec<String> = planned.into_iter().filter(|step| step != "register").collect();
        assert_eq!(done, by_agent, "{node}");
        assert!(!done.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_hosts_are_a_matter_of_seconds() {
    let begun = Instant::now();
    let fleet = Fleet::new(50);
    let applied = Bastion::new(&fleet).apply().await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert_eq!((applied.ends(), fleet.judge.initialised().len()), (50, 50));
    assert_eq!(fleet.judge.most_in_schema(), 1);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert!(fleet.is_left_alone().await);
    // Far above what it takes, and far below what one quadratic loop too many would take.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}
