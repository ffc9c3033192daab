//! A cluster that is not any more as it was rolled out.

use std::time::Duration;

use omsctl_agent::fakes::FakeImage;
use omsctl_agent::ports::ContainerRuntime;
use omsctl_controller::exit::Exit;
use omsctl_proto::{ContainerSpec, EventKind, Gate, Mount, WantedImage};

use crate::bastion::Bastion;
use crate::fleet::{CONTAINER, Fleet, image_facts};

/// Somebody put another image in the place of the right one.
async fn replace_image(fleet: &Fleet, node: &str) {
    let host = fleet.host(node);
    let docker = &host.machine.docker;
    let other = image_facts("registry.example.com/oms:feature_4.2.7_ce_patched");
    docker.add_image(FakeImage { facts: other.clone(), initialises_itself: false });
    let found = host.container().await.unwrap();
    let mount = |bind: &String| {
        let (host, container) = bind.split_once(':').unwrap();
        Mount { host: host.to_owned(), container: container.to_owned() }
    };
    let spec = ContainerSpec {
        name: CONTAINER.to_owned(),
        image: WantedImage {
            reference: other.references[0].clone(),
            config: Some(other.id),
            layers: other.layers,
            architecture: None,
        },
        mounts: found.binds.iter().map(mount).collect(),
        host_ip: host.address.parse().unwrap(),
        restart_policy: None,
        is_upgrade: false,
    };
    docker.stop(CONTAINER).await.unwrap();
    docker.rename(CONTAINER, "somebodys").await.unwrap();
    docker.run(&spec).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_host_with_another_image_is_brought_back() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    bastion.apply().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    replace_image(&fleet, "n2").await;
    let ids = fleet.container_ids().await;
    let planned: Vec<usize> = bastion.plan().await.iter().map(|(_, steps)| steps.len()).collect();
    assert!(planned[0] == 0 && planned[1] > 0 && planned[2] == 0, "{planned:?}");

    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert_eq!(applied.results(), [("n1", "unchanged"), ("n2", "changed"), ("n3", "unchanged")]);
    let after = fleet.container_ids().await;
    assert!(after[0] == ids[0] && after[1] != ids[1] && after[2] == ids[2]);
    let container = fleet.host("n2").container().await.unwrap();
    assert_eq!(container.image_id, image_facts(crate::fleet::REFERENCE).id);
    assert!(container.running);
    assert_eq!(fleet.judge.initialised().len(), 4, "initialisation belongs to the container");
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert!(bastion.plan().await.iter().all(|(_, steps)| steps.is_empty()));
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_container_is_started_and_nothing_else() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    bastion.apply().await;
    fleet.host("n3").machine.reboot();
    let ids = fleet.container_ids().await;
    let (_, status) = bastion.status().await;
    assert_eq!(status["nodes"][2]["state"], "stopped", "{status}");
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert_eq!(applied.results(), [("n1", "unchanged"), ("n2", "unchanged"), ("n3", "changed")]);
    assert_eq!(fleet.container_ids().await, ids);
    assert_eq!(fleet.judge.initialised().len(), 3);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_changed_key_goes_round_one_host_at_a_time() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    bastion.apply().await;
    let ids = fleet.container_ids().await;
    bastion.write_config("apsara_audit_sls_endpoint: sls.example.com\n");
    let plan = bastion.plan().await;
    assert!(plan.iter().all(|(_, steps)| !steps.is_empty()), "{plan:?}");
    let applied = bastion.apply().await;
    assert_eq!(applied.exit, Exit::Done, "{}", applied.stderr);
    assert_eq!(applied.count(|kind| matches!(kind, EventKind::GateOpened { gate: Gate::Turn, .. })), 3);
    assert_eq!(fleet.container_ids().await, ids);
    assert!(fleet.hosts.iter().all(|host| host.config().contains("sls.example.com")));
    assert!(bastion.plan().await.iter().all(|(_, steps)| steps.is_empty()));
}
