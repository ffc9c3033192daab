//! A cluster that is ended: on all hosts, on some, with its data and its databases, and when that is refused.

use omsctl_agent::ports::ContainerRuntime;
use omsctl_controller::cli::{Destroying, LifecycleRequest, LifecycleVerb};
use omsctl_controller::command;
use omsctl_controller::exit::Exit;
use omsctl_proto::{EventKind, NodeName, StepId};

use crate::bastion::{Applied, Bastion};
use crate::cluster::rolled_out;
use crate::fleet::{CONTAINER, Fleet};
use crate::link::Way;

fn request(delete_data: bool, drop_databases: bool, confirm: Option<&str>) -> LifecycleRequest {
    let confirm = confirm.map(str::to_owned);
    LifecycleRequest {
        verb: LifecycleVerb::Destroy(Destroying { delete_data, drop_databases, confirm }),
        allow_outage: false,
        wait: None,
        take_over: false,
        give_up: std::collections::BTreeSet::new(),
    }
}

async fn run(bastion: &Bastion<'_>, request: &LifecycleRequest, limit: Option<&str>) -> Applied {
    let (mut world, written, _interrupt) = bastion.world();
    world.globals.limit = limit.map(str::to_owned);
    let exit = command::lifecycle(&world, request, "omsctl destroy").await;
    bastion.told(exit, &written)
}

/// For what ends before a run begins.
async fn refused_at_once(bastion: &Bastion<'_>, request: &LifecycleRequest, limit: Option<&str>) -> String {
    let (mut world, written, _interrupt) = bastion.world();
    world.globals.limit = limit.map(str::to_owned);
    let exit = command::lifecycle(&world, request, "omsctl destroy").await;
    assert_eq!(exit, Exit::Usage, "{}", written.stderr());
    written.stderr()
}

async fn containers(fleet: &Fleet) -> usize {
    let mut found = 0;
    for host in &fleet.hosts {
        found += usize::from(host.container().await.is_some());
    }
    found
}

#[tokio::test(start_paused = true)]
async fn containers_go_files_and_databases_stay_and_a_second_time_there_is_nothing_to_do() {
    let fleet = Fleet::new(3);
    let bastion = rolled_out(&fleet).await;
    let some = run(&bastion, &request(false, false, None), Some("n3")).await;
    assert_eq!((some.exit, containers(&fleet).await), (Exit::Done, 2), "{}", some.stderr);

    let all = run(&bastion, &request(false, false, None), None).await;
    assert_eq!(all.exit, Exit::Done, "{}", all.stderr);
    assert_eq!(all.results(), [("n1", "changed"), ("n2", "changed"), ("n3", "unchanged")]);
    assert_eq!(containers(&fleet).await, 0);
    assert!(fleet.host("n1").machine.path("/data/oms/oms_logs").is_dir());
    assert!(all.stderr.contains("stays without --delete-data: /data/oms/config.yaml"), "{}", all.stderr);
    assert!(all.stderr.contains("oms_rm, oms_cm of"), "{}", all.stderr);
    assert!(fleet.metadb.shows("10.0.0.1"));
    let again = run(&bastion, &request(false, false, None), None).await;
    assert_eq!(again.document["result"], "unchanged");
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn data_and_databases_go_on_demand_and_apply_begins_anew() {
    let fleet = Fleet::new(2);
    let bastion = rolled_out(&fleet).await;
    let ended = run(&bastion, &request(true, true, Some("oms_rm")), None).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.stderr);
    assert_eq!(containers(&fleet).await, 0);
    for host in &fleet.hosts {
        assert!(!host.machine.path("/data/oms").exists(), "{}", host.name);
    }
    assert_eq!(*fleet.metadb.dropped.lock().unwrap(), ["oms_cm_hb", "oms_rm", "oms_cm"]);
    let containers_gone = ended
        .position("n2", |kind| matches!(kind, EventKind::StepDone { step: StepId::RemoveContainers, .. }));
    assert!(containers_gone.is_some());
    assert!(ended.stderr.contains("the database oms_cm is dropped"), "{}", ended.stderr);
    let again = run(&bastion, &request(true, true, Some("oms_rm")), None).await;
    assert_eq!((again.exit, again.document["result"].as_str()), (Exit::Done, Some("unchanged")));

    fleet.metadb.dropped.lock().unwrap().clear();
    let anew = bastion.apply().await;
    assert_eq!(anew.exit, Exit::Done, "{}", anew.stderr);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert!(fleet.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn databases_are_dropped_only_by_name_and_of_a_whole_cluster() {
    let fleet = Fleet::new(2);
    let bastion = rolled_out(&fleet).await;
    let unnamed = refused_at_once(&bastion, &request(false, true, None), None).await;
    assert!(unnamed.contains("add --confirm NAME"), "{unnamed}");
    let misnamed = refused_at_once(&bastion, &request(false, true, Some("oms_cm")), None).await;
    assert!(misnamed.contains("whose rm database is oms_rm"), "{misnamed}");
    let limited = refused_at_once(&bastion, &request(false, true, Some("oms_rm")), Some("n1")).await;
    assert!(limited.contains("leave --limit away"), "{limited}");

    fleet.host("n2").link.set(Way::Dead);
    fleet.host("n2").link.cut();
    let mut by_name = request(false, true, Some("oms_rm"));
    let lost = run(&bastion, &by_name, None).await;
    assert_eq!(lost.exit, Exit::Refused, "{}", lost.stderr);
    by_name.give_up.insert(NodeName::new("n2").unwrap());
    let beats = run(&bastion, &by_name, None).await;
    assert_eq!(beats.exit, Exit::Refused, "it beats still: {}", beats.stderr);
    assert_eq!(containers(&fleet).await, 2, "nothing was begun");

    fleet.host("n2").machine.docker.stop(CONTAINER).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_mins(10)).await;
    let ended = run(&bastion, &by_name, None).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.stderr);
    assert_eq!(fleet.metadb.dropped.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_fails_keeps_the_databases() {
    let fleet = Fleet::new(2);
    let bastion = rolled_out(&fleet).await;
    fleet.host("n2").machine.docker.refuse("rm");
    let failed = run(&bastion, &request(false, true, Some("oms_rm")), None).await;
    assert_eq!(failed.exit, Exit::Failed, "{}", failed.stderr);
    assert_eq!(failed.results(), [("n1", "changed"), ("n2", "failed")]);
    assert!(fleet.metadb.dropped.lock().unwrap().is_empty());
    assert!(failed.stderr.contains("oms_cm stay, since not every host is done"), "{}", failed.stderr);
}

#[tokio::test(start_paused = true)]
async fn one_that_lost_its_controller_is_carried_on_by_the_same_command_databases_included() {
    let fleet = Fleet::new(2);
    let bastion = rolled_out(&fleet).await;
    let (world, _written, _interrupt) = bastion.world();
    let wanted = request(false, true, Some("oms_rm"));
    {
        let begun = |event: &omsctl_proto::Event| {
            matches!(event.kind, EventKind::StepStarted { step: StepId::RemoveContainers, .. })
        };
        let ending = command::lifecycle(&world, &wanted, "omsctl destroy --drop-databases");
        tokio::select! {
            exit = ending => panic!("it ended with {exit:?}"),
            () = bastion.store.heard(begun) => {}
        }
    }
    assert!(fleet.metadb.dropped.lock().unwrap().is_empty());
    let again = run(&bastion, &wanted, None).await;
    assert_eq!(again.exit, Exit::Done, "{}", again.stderr);
    assert_eq!(containers(&fleet).await, 0);
    assert_eq!(fleet.metadb.dropped.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_lost_on_the_way_keeps_the_databases_until_it_is_done() {
    let fleet = Fleet::new(2);
    let bastion = rolled_out(&fleet).await;
    let (world, written, _interrupt) = bastion.world();
    let wanted = request(false, true, Some("oms_rm"));
    let lost = async {
        // Of this run, and not of the rollout before.
        let planned = |event: &omsctl_proto::Event| {
            let EventKind::HostPlanned { host, steps } = &event.kind else { return false };
            host.as_str() == "n2" && steps.iter().any(|step| step.id == StepId::RemoveContainers)
        };
        bastion.store.heard(planned).await;
        fleet.host("n2").link.set(Way::Dead);
        fleet.host("n2").link.cut();
    };
    let (exit, ()) = tokio::join!(command::lifecycle(&world, &wanted, "omsctl destroy"), lost);
    assert_eq!(exit, Exit::Unreachable, "{}", written.stderr());
    assert!(fleet.host("n1").container().await.is_none());
    assert!(fleet.metadb.dropped.lock().unwrap().is_empty());

    fleet.host("n2").link.set(Way::Open);
    let again = run(&bastion, &wanted, None).await;
    assert_eq!(again.exit, Exit::Done, "{}", again.stderr);
    assert_eq!((containers(&fleet).await, fleet.metadb.dropped.lock().unwrap().len()), (0, 3));
}
