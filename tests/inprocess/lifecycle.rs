//! A cluster that is stopped, started, restarted and made smaller.

use omsctl_agent::ports::ContainerRuntime;
use omsctl_controller::cli::{HaRequest, LifecycleRequest, LifecycleVerb};
use omsctl_controller::command;
use omsctl_controller::exit::Exit;
use omsctl_proto::{EventKind, Gate, NodeName, StepId};

use crate::bastion::{Applied, Bastion};
use crate::cluster::rolled_out;
use crate::fleet::{CONTAINER, Fleet};
use crate::link::Way;

fn request(verb: LifecycleVerb) -> LifecycleRequest {
    LifecycleRequest {
        verb,
        allow_outage: false,
        wait: None,
        take_over: false,
        give_up: std::collections::BTreeSet::new(),
    }
}

fn removal(nodes: &[&str]) -> LifecycleRequest {
    request(LifecycleVerb::Remove(nodes.iter().map(|node| NodeName::new(*node).unwrap()).collect()))
}

async fn run(bastion: &Bastion<'_>, request: LifecycleRequest, limit: Option<&str>) -> Applied {
    let (mut world, written, _interrupt) = bastion.world();
    world.globals.limit = limit.map(str::to_owned);
    let exit = command::lifecycle(&world, &request, "omsctl stop").await;
    bastion.told(exit, &written)
}

async fn running(fleet: &Fleet) -> Vec<bool> {
    let mut running = Vec::new();
    for host in &fleet.hosts {
        running.push(host.container().await.unwrap().running);
    }
    running
}

#[tokio::test(start_paused = true)]
async fn what_is_stopped_stays_and_is_started_again() {
    let fleet = Fleet::new(3);
    let bastion = rolled_out(&fleet).await;
    let ids = fleet.container_ids().await;

    let refused = run(&bastion, request(LifecycleVerb::Stop), None).await;
    assert_eq!(refused.exit, Exit::Refused, "{}", refused.stderr);
    assert_eq!(running(&fleet).await, [true; 3], "nobody is stopped");

    let stopped = run(&bastion, request(LifecycleVerb::Stop), Some("n2:n3")).await;
    assert_eq!(stopped.exit, Exit::Done, "{}", stopped.stderr);
    assert_eq!(running(&fleet).await, [true, false, false]);
    let again = run(&bastion, request(LifecycleVerb::Stop), Some("n3")).await;
    assert_eq!(again.results(), [("n3", "unchanged")]);

    let started = run(&bastion, request(LifecycleVerb::Start), None).await;
    assert_eq!(started.exit, Exit::Done, "{}", started.stderr);
    assert_eq!(started.results(), [("n1", "unchanged"), ("n2", "changed"), ("n3", "changed")]);
    assert_eq!(started.count(|kind| matches!(kind, EventKind::HostRegistered { .. })), 2);
    assert_eq!(fleet.container_ids().await, ids);
    assert_eq!(fleet.judge.initialised().len(), 3, "nothing is initialised again");
    assert!(bastion.plan().await.iter().all(|(_, steps)| steps.is_empty()));
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_round_and_ends_at_the_first_that_does_not_come_back() {
    let fleet = Fleet::new(3);
    let bastion = rolled_out(&fleet).await;
    let restarted = run(&bastion, request(LifecycleVerb::Restart), None).await;
    assert_eq!(restarted.exit, Exit::Done, "{}", restarted.stderr);
    let turns: Vec<_> = ["n1", "n2", "n3"]
        .map(|node| {
            let opened = restarted.position(
                "",
                |kind| matches!(kind, EventKind::GateOpened { host, gate: Gate::Turn } if host.as_str() == node),
            );
            let proved = restarted.position(
                "",
                |kind| matches!(kind, EventKind::HostRegistered { host, .. } if host.as_str() == node),
            );
            (opened.unwrap(), proved.unwrap())
        })
        .into();
    let mut in_order = turns.clone();
    in_order.sort_unstable();
    assert!(in_order.windows(2).all(|pair| pair[0].1 < pair[1].0), "one after the other: {turns:?}");

    for host in &fleet.hosts {
        host.machine.docker.refuse("stop");
    }
    let failed = run(&bastion, request(LifecycleVerb::Restart), None).await;
    assert_eq!(failed.exit, Exit::Failed, "{}", failed.stderr);
    let results: Vec<&str> = failed.results().into_iter().map(|(_, result)| result).collect();
    assert_eq!(results.iter().filter(|result| **result == "failed").count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| **result == "waiting").count(), 2, "{results:?}");
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn a_host_leaves_and_the_others_learn_it_after_that() {
    let fleet = Fleet::new(3);
    let bastion = rolled_out(&fleet).await;
    let left = run(&bastion, removal(&["n3"]), None).await;
    assert_eq!(left.exit, Exit::Done, "{}", left.stderr);
    assert!(left.stderr.contains("delete the line of n3"), "{}", left.stderr);
    assert!(!fleet.metadb.shows("10.0.0.3"), "its row is gone");
    assert!(fleet.host("n3").container().await.is_none(), "set aside under another name");
    for node in ["n1", "n2"] {
        let config = fleet.host(node).config();
        assert!(config.contains("10.0.0.2") && !config.contains("10.0.0.3"), "{config}");
        let turn = left
            .position("", |kind| matches!(kind, EventKind::GateOpened { host, .. } if host.as_str() == node));
        let gone = left.position("", |kind| matches!(kind, EventKind::HostRemoved { .. }));
        assert!(gone.unwrap() < turn.unwrap(), "first it leaves");
    }
    // Without its line the files say what is there; with it a new container joins and is initialised.
    bastion.list_hosts(2);
    assert!(bastion.plan().await.iter().all(|(_, steps)| steps.is_empty()));
    bastion.list_hosts(3);
    let back = bastion.apply().await;
    assert_eq!(back.exit, Exit::Done, "{}", back.stderr);
    assert_eq!(fleet.judge.initialised().len(), 4);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_leaves_when_the_metadb_has_not_heard_it_for_long() {
    let fleet = Fleet::new(3);
    let bastion = rolled_out(&fleet).await;
    fleet.host("n3").machine.docker.stop(CONTAINER).await.unwrap();
    fleet.host("n3").link.set(Way::Dead);
    fleet.host("n3").link.cut();
    let mut gives_up = removal(&["n3"]);
    gives_up.give_up.insert(NodeName::new("n3").unwrap());

    let refused = run(&bastion, removal(&["n3"]), None).await;
    assert_eq!(refused.exit, Exit::Refused, "{}", refused.stderr);
    let refused = run(&bastion, gives_up.clone(), None).await;
    assert_eq!(refused.exit, Exit::Refused, "its heartbeat is fresh: {}", refused.stderr);
    assert!(fleet.metadb.shows("10.0.0.3"));

    tokio::time::sleep(std::time::Duration::from_mins(10)).await;
    let left = run(&bastion, gives_up, None).await;
    assert_eq!(left.exit, Exit::Done, "{}", left.stderr);
    assert_eq!(left.results(), [("n1", "changed"), ("n2", "changed"), ("n3", "changed")]);
    assert!(!fleet.metadb.shows("10.0.0.3"));
    assert!(!fleet.host("n1").config().contains("10.0.0.3"));
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_lost_its_controller_is_carried_on_by_the_same_command() {
    let fleet = Fleet::new(3);
    let bastion = rolled_out(&fleet).await;
    let (world, _written, _interrupt) = bastion.world();
    let request = removal(&["n3"]);
    {
        let begun = |event: &omsctl_proto::Event| {
            matches!(event.kind, EventKind::StepStarted { step: StepId::ReloadConfig, .. })
        };
        let removing = command::lifecycle(&world, &request, "omsctl remove n3");
        tokio::select! {
            exit = removing => panic!("it ended with {exit:?}"),
            () = bastion.store.heard(begun) => {}
        }
    }
    let again = run(&bastion, removal(&["n3"]), None).await;
    assert_eq!(again.exit, Exit::Done, "{}", again.stderr);
    for node in ["n1", "n2"] {
        assert!(!fleet.host(node).config().contains("10.0.0.3"), "{node}");
    }
    assert!(!fleet.metadb.shows("10.0.0.3"));
    bastion.list_hosts(2);
    assert!(bastion.plan().await.iter().all(|(_, steps)| steps.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn ha_is_written_only_when_that_is_said_and_the_former_text_is_kept() {
    let fleet = Fleet::new(2);
    let bastion = rolled_out(&fleet).await;
    let set = |write_metadb| HaRequest::Set {
        enable: true,
        hosts: Some(true),
        after_outage: Some(std::time::Duration::from_secs(3601)),
        write_metadb,
    };
    let (world, written, _interrupt) = bastion.world();
    let exit = command::high_availability(&world, &set(false), "omsctl ha enable").await;
    assert_eq!(exit, Exit::Done, "{}", written.stderr());
    assert!(written.stdout().contains("refetchStoreIntervalMin: not set -> 91"), "{}", written.stdout());
    let status = async || {
        let (world, written, _interrupt) = bastion.world();
        assert_eq!(
            command::high_availability(&world, &HaRequest::Status, "omsctl ha status").await,
            Exit::Done
        );
        serde_json::from_str::<serde_json::Value>(&written.stdout()).unwrap()
    };
    assert_eq!(status().await["enabled"], false);

    let (world, written, _interrupt) = bastion.world();
    let exit = command::high_availability(&world, &set(true), "omsctl ha enable").await;
    assert_eq!(exit, Exit::Done, "{}", written.stderr());
    assert_eq!(status().await["enabled"], true);
    let document: serde_json::Value = serde_json::from_str(&written.stdout()).unwrap();
    let run = omsctl_proto::RunId::new(document["run"].as_str().unwrap()).unwrap();
    let kept = serde_json::to_string(&bastion.store.of_run(&run)).unwrap();
    assert!(kept.contains("ha.config was: {\\\"enable\\\":false}"), "{kept}");
}
