//! A cluster whose files are gone, or never were: `adopt` writes new ones, and there is nothing to do with them.

use std::time::Duration;

use omsctl_agent::ports::ContainerRuntime;
use omsctl_controller::cli::{AdoptRequest, LifecycleRequest, LifecycleVerb, TypedHost};
use omsctl_controller::command;
use omsctl_controller::exit::Exit;
use omsctl_proto::NodeName;
use serde_json::Value;

use crate::bastion::{Bastion, PASSWORD};
use crate::fleet::{CONTAINER, Fleet};
use crate::link::Way;

/// The first so many hosts, as they are typed: by their addresses.
fn request(fleet: &Fleet, hosts: usize) -> AdoptRequest {
    let typed = |host: &crate::fleet::Host| TypedHost {
        node: NodeName::new(&host.name).unwrap(),
        address: host.address.clone(),
        user: Some("root".to_owned()),
        port: None,
    };
    let hosts = fleet.hosts.iter().take(hosts).map(typed).collect();
    AdoptRequest { hosts, output: ".".into(), container: None, gone: Vec::new() }
}

/// Exit code, the document, and what was told beside it.
async fn adopt(bastion: &Bastion<'_>, request: &AdoptRequest) -> (Exit, Value, String) {
    let (world, written, _interrupt) = bastion.world();
    let exit = command::adopt(&world, request, "omsctl adopt").await;
    let told = written.stdout() + &written.stderr();
    assert!(!told.contains(PASSWORD), "the password is told: {told}");
    (exit, serde_json::from_str(&written.stdout()).unwrap_or_default(), written.stderr())
}

fn lose_files(bastion: &Bastion<'_>) {
    for name in ["inventory.ini", "config.yaml"] {
        std::fs::remove_file(bastion.folder.path().join(name)).unwrap();
    }
}

fn has_files(bastion: &Bastion<'_>) -> bool {
    ["inventory.ini", "config.yaml"].iter().any(|name| bastion.folder.path().join(name).exists())
}

#[tokio::test(start_paused = true)]
async fn a_cluster_whose_files_are_lost_gets_new_ones() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    bastion.apply().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let (ids, calls) = (fleet.container_ids().await, fleet.calls());
    lose_files(&bastion);
    let (exit, document, stderr) = adopt(&bastion, &request(&fleet, 3)).await;
    assert_eq!(exit, Exit::Done, "{stderr}");
    assert_eq!(document["changes"], 0, "{document:#} {stderr}");
    assert_eq!(document["warnings"], serde_json::json!([]));
    assert_eq!(document["hosts"].as_array().unwrap().len(), 3);
    assert_eq!((fleet.container_ids().await, fleet.calls()), (ids, calls), "nothing was done to any host");
    assert!(fleet.is_left_alone().await);

    let plan = bastion.plan().await;
    assert_eq!(plan.len(), 3);
    assert!(plan.iter().all(|(_, steps)| steps.is_empty()), "{plan:?}");
    let applied = bastion.apply().await;
    assert_eq!((applied.exit, &applied.document["result"]), (Exit::Done, &"unchanged".into()));

    let (exit, _, stderr) = adopt(&bastion, &request(&fleet, 3)).await;
    assert_eq!(exit, Exit::Usage);
    assert!(stderr.contains("inventory.ini and config.yaml is there already"), "{stderr}");
}

#[tokio::test(start_paused = true)]
async fn without_every_member_nothing_is_written() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    bastion.apply().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    lose_files(&bastion);
    let (exit, document, stderr) = adopt(&bastion, &request(&fleet, 2)).await;
    assert_eq!(exit, Exit::Refused);
    assert!(stderr.contains("10.0.0.3 belongs to the cluster"), "{stderr}");
    assert_eq!(document["files"], serde_json::json!([]));
    assert!(document["refusals"][0]["message"].as_str().unwrap().contains("10.0.0.3"), "{document}");
    for way in [Way::Dead, Way::Refusing] {
        fleet.host("n3").link.set(way);
        let (exit, _, stderr) = adopt(&bastion, &request(&fleet, 3)).await;
        assert_eq!(exit, Exit::Unreachable);
        assert!(stderr.contains("n3 is unreachable"), "{stderr}");
    }
    assert!(!has_files(&bastion));
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn a_file_with_a_word_that_omsctl_does_not_take_is_told_after_it_was_written() {
    let fleet = Fleet::new(2);
    let bastion = Bastion::new(&fleet);
    bastion.apply().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    lose_files(&bastion);
    let host = &fleet.hosts[1];
    let edited = host.config().replace("cm_nodes:", "ssh_server_port: 2024\ncm_nodes:");
    std::fs::write(host.machine.path("/data/oms/config.yaml"), edited).unwrap();
    let (exit, document, stderr) = adopt(&bastion, &request(&fleet, 2)).await;
    assert_eq!(exit, Exit::Done, "{stderr}");
    assert!(document["warnings"][0].as_str().unwrap().contains("ssh_server_port (2024)"), "{document}");
    let changes = document["changes"].as_u64().unwrap();
    assert!(changes > 0, "{document}");
    let plan = bastion.plan().await;
    assert_eq!(plan.iter().map(|(_, steps)| steps.len() as u64).sum::<u64>(), changes, "{plan:?}");
    assert!(plan[0].1.is_empty(), "{plan:?}");
}

/// The hosts come from an inventory, which is then used beside the new one.
#[tokio::test(start_paused = true)]
async fn the_hosts_of_an_inventory_are_adopted() {
    let fleet = Fleet::new(2);
    let bastion = Bastion::new(&fleet);
    bastion.apply().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let line = |host: &crate::fleet::Host| format!("{} ansible_host={}\n", host.name, host.address);
    let hosts: String = fleet.hosts.iter().map(line).collect();
    std::fs::write(bastion.folder.path().join("hosts.ini"), format!("[oms]\n{hosts}")).unwrap();
    let request = AdoptRequest { hosts: Vec::new(), output: "new".into(), container: None, gone: Vec::new() };
    let (exit, _, stderr) = adopt(&bastion, &request).await;
    assert_eq!(exit, Exit::Usage, "{stderr}");
    let (mut world, written, _interrupt) = bastion.world();
    world.globals.inventories = vec!["hosts.ini".into()];
    let exit = command::adopt(&world, &request, "omsctl adopt").await;
    assert_eq!(exit, Exit::Done, "{}", written.stderr());
    let document: Value = serde_json::from_str(&written.stdout()).unwrap();
    assert_eq!(document["changes"], 0, "{document:#}");
    let text = std::fs::read_to_string(bastion.folder.path().join("new/inventory.ini")).unwrap();
    assert!(!text.contains("ansible_"), "what the other inventory says is not said again: {text}");
}

/// The dead host keeps the others from being adopted no longer than somebody says so.
#[tokio::test(start_paused = true)]
async fn a_member_that_never_comes_back_is_taken_out_afterwards() {
    let fleet = Fleet::new(3);
    let bastion = Bastion::new(&fleet);
    bastion.apply().await;
    fleet.host("n3").machine.docker.stop(CONTAINER).await.unwrap();
    fleet.host("n3").link.set(Way::Dead);
    tokio::time::sleep(Duration::from_mins(10)).await;
    lose_files(&bastion);
    let (exit, _, stderr) = adopt(&bastion, &request(&fleet, 2)).await;
    assert_eq!(exit, Exit::Refused);
    assert!(stderr.contains("--gone 10.0.0.3"), "{stderr}");
    let gone = AdoptRequest { gone: vec!["10.0.0.3".parse().unwrap()], ..request(&fleet, 2) };
    let (exit, document, stderr) = adopt(&bastion, &gone).await;
    assert_eq!(exit, Exit::Done, "{stderr}");
    assert_eq!(document["changes"], 0, "{document:#}");
    assert_eq!(document["hosts"].as_array().unwrap().len(), 2);

    let (world, written, _interrupt) = bastion.world();
    let nodes = std::collections::BTreeSet::from([NodeName::new("gone-10.0.0.3").unwrap()]);
    let removal = LifecycleRequest {
        verb: LifecycleVerb::Remove(nodes.clone()),
        allow_outage: false,
        wait: None,
        take_over: false,
        give_up: nodes,
    };
    let exit = command::lifecycle(&world, &removal, "omsctl remove").await;
    assert_eq!(exit, Exit::Done, "{}", written.stderr());
    assert!(!fleet.metadb.shows("10.0.0.3"));
    assert!(!fleet.host("n1").config().contains("10.0.0.3"));
}
