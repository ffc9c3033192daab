//! Agents that are left alone: their hosts restart, or somebody ends them.

use std::time::Duration;

use omsctl_agent::fakes::InitScript;
use omsctl_controller::exit::Exit;
use omsctl_proto::{Event, EventKind, NodeName, StepId};
use serde_json::Value;

use crate::bastion::{Bastion, PASSWORD};
use crate::controllers::{assert_nothing_left, in_schema, slow};
use crate::fleet::{Fleet, Host};

fn restart(host: &Host) {
    host.machine.reboot();
    host.link.cut();
}

fn starts(step: StepId) -> impl Fn(&Event) -> bool {
    move |event: &Event| matches!(event.kind, EventKind::StepStarted { step: started, .. } if started == step)
}

/// A reboot interrupts what ran; everything else is as always.
async fn assert_mended(fleet: &Fleet) {
    let mut initialised = fleet.judge.initialised();
    initialised.sort();
    assert_eq!(initialised, ["n1/oms", "n2/oms", "n3/oms"]);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert!(fleet.hosts.iter().all(|host| host.config().contains(PASSWORD)));
    assert_nothing_left(fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_restarts_gets_its_secrets_again_from_its_controller() {
    for step in [StepId::WriteConfig, StepId::LoadImage, StepId::CreateContainer, StepId::Initialise] {
        let fleet = slow(3);
        let ann = Bastion::new(&fleet);
        let (applied, ()) = tokio::join!(ann.apply(), async {
            ann.store.heard(starts(step)).await;
            restart(fleet.host("n1"));
        });
        assert_eq!(applied.exit, Exit::Done, "{step}: {}", applied.stderr);
        assert_mended(&fleet).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_restarts_after_its_schema_step_waits_for_the_gate_again() {
    for fleet in [Fleet::new(3), Fleet::self_initialising(3)] {
        let script = InitScript { step: Duration::from_secs(30), ..InitScript::default() };
        fleet.hosts.iter().for_each(|host| host.machine.docker.set_script(script.clone()));
        let ann = Bastion::new(&fleet);
        let (applied, ()) = tokio::join!(ann.apply(), async {
            let second =
                |event: &Event| event.node.as_ref().map(NodeName::as_str) == Some("n2") && in_schema(event);
            ann.store.heard(second).await;
            // It is in the third step, whose interruption makes it begin with the first.
            tokio::time::sleep(Duration::from_secs(5)).await;
            restart(fleet.host("n1"));
        });
        assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
        assert_eq!(fleet.judge.interrupted(), ["n1/oms"]);
        let opened = |node: &str| {
            applied.count(|kind| matches!(kind, EventKind::GateOpened { host, .. } if host.as_str() == node))
        };
        assert_eq!(["n1", "n2", "n3"].map(opened), [2, 1, 1]);
        assert_mended(&fleet).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_script_that_was_started_and_is_not_seen_yet_is_not_started_again() {
    let fleet = Fleet::new(1);
    let script = InitScript { begins_after: Duration::from_secs(3), ..InitScript::default() };
    fleet.host("n1").machine.docker.set_script(script);
    let ann = Bastion::new(&fleet);
    let (applied, ()) = tokio::join!(ann.apply(), async {
        ann.store.heard(in_schema).await;
        fleet.host("n1").machine.daemons.kill();
    });
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert_eq!(fleet.judge.initialised(), ["n1/oms"]);
}

#[tokio::test(start_paused = true)]
async fn all_hosts_restart_and_the_next_apply_brings_the_secrets() {
    for step in [StepId::WriteConfig, StepId::LoadImage, StepId::Initialise] {
        let fleet = slow(3);
        let ann = Bastion::new(&fleet);
        ann.apply_until(starts(step)).await;
        fleet.hosts.iter().for_each(restart);
        let next = ann.apply().await;
        assert_eq!(next.exit, Exit::Done, "{step}: {}", next.stderr);
        assert_mended(&fleet).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_host_restarts_without_a_controller_and_the_next_apply_carries_all_on() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    ann.apply_until(in_schema).await;
    restart(fleet.host("n1"));
    let next = ann.apply().await;
    assert_eq!(next.exit, Exit::Done, "{}", next.stderr);
    assert!(next.stderr.contains("is carried on"), "{}", next.stderr);
    assert_eq!(fleet.judge.interrupted(), ["n1/oms"]);
    let warned = ann.store.of_run(&ann.store.all_runs()[0]).into_iter().any(|event| {
        matches!(event.kind, EventKind::StepWarning { message, .. } if message.contains("interrupted"))
    });
    assert!(warned, "it is told");
    assert_mended(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn they_are_listed_and_reaped() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    assert_eq!(ann.agents(false).await, (Exit::Done, Vec::new()));
    ann.apply_until(in_schema).await;
    let run = ann.store.last().run;
    let bob = Bastion::of(&fleet, "bob@elsewhere");
    bob.lose_config();
    let (exit, agents) = bob.agents(false).await;
    assert_eq!((exit, agents.len()), (Exit::Done, 3), "{agents:?}");
    for agent in &agents {
        assert_eq!(
            (agent["run"].as_str(), agent["operator"].as_str()),
            (Some(run.as_str()), Some("ann@bastion"))
        );
    }
    let waiting = agents.iter().filter(|agent| agent["state"] == "waiting" && agent["gate"] == "schema");
    assert_eq!(waiting.count(), 2, "{agents:?}");

    let (exit, agents) = bob.agents(true).await;
    assert_eq!((exit, agents), (Exit::Done, Vec::new()));
    assert_eq!(fleet.judge.initialised(), ["n1/oms"], "the step that ran is finished");
    assert_nothing_left(&fleet).await;
    assert_eq!(ann.apply().await.exit, Exit::Done);
    assert_mended(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn killed_ones_are_reaped_too_and_led_ones_are_not() {
    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    let bob = Bastion::of(&fleet, "bob@elsewhere");
    let (led, refused) = tokio::join!(ann.apply(), async {
        ann.store.heard(in_schema).await;
        bob.agents(true).await.0
    });
    assert_eq!((led.exit, refused), (Exit::Done, Exit::Busy), "{}", led.stderr);

    let fleet = slow(3);
    let ann = Bastion::new(&fleet);
    ann.apply_until(in_schema).await;
    fleet.hosts.iter().for_each(|host| host.machine.daemons.kill());
    let bob = Bastion::of(&fleet, "bob@elsewhere");
    let (_, agents) = bob.agents(false).await;
    assert_eq!(agents.iter().filter(|agent| agent["state"] == "gone").count(), 3, "{agents:?}");
    assert_eq!(bob.agents(true).await, (Exit::Done, Vec::new()));
    assert_nothing_left(&fleet).await;
}

/// A controller that is killed in the middle of the image, which takes half a second.
async fn half_sent(fleet: &Fleet, ann: &Bastion<'_>) {
    fleet.hosts.iter().for_each(|host| host.link.slow_down(Duration::from_millis(10)));
    tokio::select! {
        biased;
        applied = ann.apply() => panic!("it ended before: {}", applied.stderr),
        () = async {
            ann.store.heard(|event| matches!(event.kind, EventKind::ContentWanted { .. })).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        } => {}
    }
}

fn begun(document: &Value) -> Vec<(&str, bool)> {
    let images = document["begun_images"].as_array().unwrap().iter();
    let is_some = |image: &Value| image["begun_image_bytes"].as_u64().unwrap() > 100_000;
    images.map(|image| (image["node"].as_str().unwrap(), is_some(image))).collect()
}

#[tokio::test(start_paused = true)]
async fn what_came_of_an_image_is_listed_and_reaped_when_no_agent_is_at_work() {
    let fleet = Fleet::new(2);
    let ann = Bastion::new(&fleet);
    half_sent(&fleet, &ann).await;
    let (_, document) = ann.left(false).await;
    assert_eq!(begun(&document), [], "agents are at work: {document}");

    fleet.hosts.iter().for_each(|host| host.machine.daemons.kill());
    let (exit, document) = ann.left(false).await;
    assert_eq!((exit, begun(&document)), (Exit::Done, vec![("n1", true), ("n2", true)]), "{document}");

    let (exit, document) = Bastion::of(&fleet, "bob@elsewhere").left(true).await;
    assert_eq!((exit, begun(&document)), (Exit::Done, vec![]), "{document}");
    assert_nothing_left(&fleet).await;
    assert_eq!(ann.apply().await.exit, Exit::Done);
    assert_nothing_left(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_reaped_leaves_nothing_of_its_image() {
    let fleet = Fleet::new(2);
    let ann = Bastion::new(&fleet);
    half_sent(&fleet, &ann).await;
    let (exit, document) = ann.left(true).await;
    assert_eq!((exit, begun(&document)), (Exit::Done, vec![]), "{document}");
    assert_nothing_left(&fleet).await;
}
