//! A cluster that gets another version of OMS and goes back, and one whose dump breaks off.

use omsctl_controller::cli::ApplyRequest;
use omsctl_controller::command;
use omsctl_controller::exit::Exit;
use omsctl_proto::{EventKind, StepId};

use crate::bastion::{Applied, Bastion};
use crate::cluster::rolled_out;
use crate::fleet::Fleet;

const NEXT: &str = "registry.example.com/oms:feature_4.2.9_ce";

async fn upgrade(bastion: &Bastion<'_>) -> Applied {
    let (world, written, _interrupt) = bastion.world();
    let exit = command::upgrade(&world, &ApplyRequest::default(), "omsctl upgrade").await;
    bastion.told(exit, &written)
}

async fn rollback(bastion: &Bastion<'_>) -> Applied {
    let (world, written, _interrupt) = bastion.world();
    let exit = command::rollback(&world, &ApplyRequest::default(), "omsctl rollback").await;
    bastion.told(exit, &written)
}

fn log(fleet: &Fleet) -> Vec<String> {
    std::mem::take(&mut fleet.metadb.databases.lock().unwrap().log)
}

async fn images(fleet: &Fleet) -> Vec<String> {
    let mut images = Vec::new();
    for host in &fleet.hosts {
        let container = host.container().await.unwrap();
        assert!(container.running, "{}", host.name);
        images.push(container.image_reference);
    }
    images.dedup();
    images
}

#[tokio::test(start_paused = true)]
async fn all_stop_the_databases_are_dumped_all_start_and_everything_goes_back() {
    let fleet = Fleet::new(3);
    let bastion = rolled_out(&fleet).await;
    let ids = fleet.container_ids().await;
    fleet.offers(NEXT);

    let upgraded = upgrade(&bastion).await;
    assert_eq!(upgraded.exit, Exit::Done, "{}", upgraded.stderr);
    let place = |node: &str, wanted: StepId, begun: bool| {
        let found = upgraded.position(node, |kind| match kind {
            EventKind::StepStarted { step, .. } => begun && *step == wanted,
            EventKind::StepDone { step, .. } => !begun && *step == wanted,
            _ => false,
        });
        found.unwrap_or_else(|| panic!("{node} {wanted}"))
    };
    let (begun, dumped) =
        (place("n1", StepId::DumpDatabases, true), place("n1", StepId::DumpDatabases, false));
    for node in ["n1", "n2", "n3"] {
        assert!(place(node, StepId::StopContainer, false) < begun, "{node}");
        assert!(place(node, StepId::ReplaceContainer, true) > dumped, "{node}");
    }
    assert_eq!(log(&fleet), ["purge", "dump oms_cm", "dump oms_cm_hb", "dump oms_rm"]);
    assert_eq!(images(&fleet).await, [NEXT]);
    assert!(upgraded.stderr.contains("--after-outage"), "{}", upgraded.stderr);
    let again = upgrade(&bastion).await;
    assert!(again.results().iter().all(|(_, result)| *result == "unchanged"), "{:?}", again.results());

    let back = rollback(&bastion).await;
    assert_eq!(back.exit, Exit::Done, "{}", back.stderr);
    assert_eq!(log(&fleet), ["restore oms_cm", "restore oms_cm_hb", "restore oms_rm"]);
    assert_eq!(fleet.container_ids().await, ids);
    assert_eq!(fleet.judge.offences(), Vec::<String>::new());
    assert!(fleet.is_left_alone().await);
    assert_eq!(fleet.leftovers(), Vec::<String>::new(), "no log-in is left");
}

#[tokio::test(start_paused = true)]
async fn a_dump_that_breaks_off_is_told_once_to_each_and_nothing_is_started() {
    let fleet = Fleet::new(3);
    let bastion = rolled_out(&fleet).await;
    let ids = fleet.container_ids().await;
    fleet.offers(NEXT);
    fleet.metadb.databases.lock().unwrap().breaks = Some("oms_cm_hb".to_owned());

    let failed = upgrade(&bastion).await;
    assert_eq!(failed.exit, Exit::Failed, "{}", failed.stderr);
    assert!(failed.error("n1").contains("oms_cm_hb could not be dumped"), "{}", failed.error("n1"));
    let told = |kind: &EventKind| matches!(kind, EventKind::Notice { message } if message.contains("is not let through: n1 did not come so far"));
    assert_eq!(failed.count(told), 2, "{}", failed.stderr);
    assert_eq!(fleet.container_ids().await, ids, "no other container is there");
    assert!(fleet.is_left_alone().await);

    // An hour later: high availability has to look back over all of it.
    tokio::time::sleep(std::time::Duration::from_hours(1)).await;
    let upgraded = upgrade(&bastion).await;
    assert_eq!(upgraded.exit, Exit::Done, "{}", upgraded.stderr);
    assert_eq!(images(&fleet).await, [NEXT]);
    let minutes = upgraded.stderr.split_once("--after-outage ").and_then(|(_, rest)| rest.split_once('m'));
    let minutes: u64 = minutes.unwrap().0.parse().unwrap();
    assert!((60..70).contains(&minutes), "{minutes}");
}
